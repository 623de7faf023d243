"""What became of a slot, in the words that its row keeps and that people read."""

from __future__ import annotations

from strongroom.catalog.entities import Job
from strongroom.domain.schedule import SlotKey
from strongroom.domain.states import Operation
from strongroom.domain.wording import seconds_in_words

QUEUED = "queued"
REFUSED = "refused: the item could not be backed up then; the service's log says why"
_BUSY = "busy: "
WAITING = "waiting: "
_MISSED = "missed: "


def refused_by(live: Job | None) -> str:
    """The outcome when no job was made: a backup that runs already serves the slot, any other operation is waited for."""
    if live is None:
        return REFUSED
    if live.operation is Operation.BACKUP:
        return f"{_BUSY}job {live.id}"
    return f"{WAITING}job {live.id} ({live.operation.value})"


def caught_up_by(newer: SlotKey) -> str:
    """The outcome of a slot that was not fired before a newer one was due: one run serves them all."""
    return f"{_MISSED}caught up by the slot of {newer}"


def window_closed(start_window_seconds: int) -> str:
    """The outcome of a slot that could only have started later than its policy allows."""
    return f"{_MISSED}its start window of {seconds_in_words(start_window_seconds)} had closed"


def waits(outcome: str) -> bool:
    """Whether the slot is to be tried again."""
    return outcome.startswith(WAITING)


def missed(outcome: str) -> bool:
    """Whether the slot made no run of its own and had none to rely on."""
    return outcome.startswith(_MISSED)
