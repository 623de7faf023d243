"""A running job on the dashboard: what it is on the left, and in a widget of its own what moves twice a second.

Textual sends a widget's line from its first cell to its last changed one, so what moves stands apart from what does not.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content

from strongroom.catalog.queries.jobs import JobRow
from strongroom.domain.progress import Progress
from strongroom.domain.states import JobStatus
from strongroom.tui.commands import bound
from strongroom.tui.states import Role, job_state, line, lines
from strongroom.tui.units import duration, rate, size
from strongroom.tui.widgets.bar import bar
from strongroom.tui.widgets.columns import WIDE_FROM
from strongroom.tui.widgets.link_line import LinkLine
from strongroom.tui.widgets.table import fitted
from strongroom.tui.widgets.words import Words

_LEAST_BAR_CELLS, _MOST_BAR_CELLS = 10, 24
_NUMBERS_CELLS = 20
"""What follows the bar: « 64%», and the rate."""


class LivePane(Horizontal, can_focus=True):
    """Machine and operation; step, bar, rate, time left; below it at what cost. Enter opens the job."""

    BINDINGS: ClassVar[list[BindingType]] = [*bound("pane", ("enter", "open", "Open"))]

    def __init__(self, job_id: int) -> None:
        super().__init__(classes="link live")
        self.goal = f"job {job_id}"
        self._front = Words(classes="front")
        self._moving = Words(classes="moving")

    def compose(self) -> ComposeResult:
        yield self._front
        yield self._moving

    def show(self, job: JobRow, now: datetime, width: int) -> None:
        """Paint what differs, for a pane that is ``width`` cells wide."""
        front = front_of(job, width)
        self._front.styles.width = front.cell_length
        self._front.tell(front)
        self._moving.tell(moving_of(job, now, width - front.cell_length - 2), layout=False)

    def action_open(self) -> None:
        self.post_message(LinkLine.Opened(self.goal))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_open()


def front_of(job: JobRow, width: int) -> Content:
    """State, name, cloud service where there is room, operation, and the step."""
    seen, state, wide = Progress.from_json(job.progress), job_state(job.status), width >= WIDE_FROM
    service = f"{fitted(job.cloud_service, 10)} " if wide else ""
    step = f"{fitted(seen.phase, 24)} " if wide and _passes_bytes(job, seen) else ""
    name = fitted(job.workload_name, 16 if wide else 14)
    return line((f"{state.symbol} ", state.role), (name, Role.STRONG), f" {service}{fitted(job.operation.value, 8)} {step}")


def moving_of(job: JobRow, now: datetime, cells: int) -> Content:
    """Two lines in ``cells``: bar, share and rate; then time left and what it costs."""
    seen = Progress.from_json(job.progress)
    if not _passes_bytes(job, seen):
        begun = job.started_at or job.queued_at
        since = f"{'runs' if job.started_at else 'waits'} {duration((now - begun).total_seconds())}"
        return lines(line((job.waiting_for or seen.phase or job.status.value, Role.QUIET)), line((since, Role.FAINT)))
    width = min(_MOST_BAR_CELLS, max(_LEAST_BAR_CELLS, cells - _NUMBERS_CELLS))
    speed = f"{rate(seen.bytes_per_second):>12}"
    first = bar(seen.fraction, width) + line((f" {seen.fraction:4.0%}", Role.STRONG), (speed, Role.LIVE))
    left = f"{duration(seen.remaining_seconds)} left · " if seen.remaining_seconds is not None else ""
    passed, stored = f"{left}{size(seen.done_bytes)} of {size(seen.total_bytes)}", f" · stored {size(seen.stored_bytes)}"
    return lines(first, line((passed + stored if len(passed + stored) <= cells else passed, Role.QUIET)))


def _passes_bytes(job: JobRow, seen: Progress) -> bool:
    return job.status is JobStatus.IN_PROGRESS and bool(seen.total_bytes)
