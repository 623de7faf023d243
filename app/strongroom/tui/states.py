"""How a state reads: a symbol, its word, and a colour role. Never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual.content import Content

from strongroom.domain.states import Consistency, JobStatus, ProtectionStatus, RegistrationStatus, SubTaskStatus
from strongroom.domain.text import safe_text


class Role(StrEnum):
    """What a colour means. ``styles/base.tcss`` gives each its colour, in every theme."""

    PLAIN = "plain"
    STRONG = "strong"
    QUIET = "quiet"
    FAINT = "faint"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    LIVE = "live"
    ACCENT = "accent"


_STYLES = {
    Role.PLAIN: "",
    Role.STRONG: "bold",
    Role.QUIET: "$text-muted",
    Role.FAINT: "$text-disabled",
    Role.GOOD: "$text-success",
    Role.WARN: "$text-warning",
    Role.BAD: "$text-error",
    Role.LIVE: "$text-primary",
    Role.ACCENT: "$text-accent",
}


@dataclass(frozen=True, slots=True)
class State:
    """One state as it is shown; ``text`` may be longer than the column, which then cuts it."""

    symbol: str
    word: str
    role: Role

    @property
    def text(self) -> str:
        return f"{self.symbol} {self.word}"


_JOBS = {
    JobStatus.QUEUED: ("○", Role.QUIET),
    JobStatus.IN_PROGRESS: ("◐", Role.LIVE),
    JobStatus.COMPLETED: ("✓", Role.GOOD),
    JobStatus.WARNINGS: ("!", Role.WARN),
    JobStatus.FAILED: ("✗", Role.BAD),
    JobStatus.CANCELLING: ("◌", Role.WARN),
    JobStatus.CANCELLED: ("-", Role.QUIET),
    JobStatus.SKIPPED: ("»", Role.QUIET),
}
_SUB_TASKS = {
    SubTaskStatus.PENDING: ("○", Role.QUIET),
    SubTaskStatus.IN_PROGRESS: ("◐", Role.LIVE),
    SubTaskStatus.COMPLETED: ("✓", Role.GOOD),
    SubTaskStatus.WARNINGS: ("!", Role.WARN),
    SubTaskStatus.FAILED: ("✗", Role.BAD),
    SubTaskStatus.CANCELLED: ("-", Role.QUIET),
}
_REGISTRATION = {
    RegistrationStatus.DISCOVERED: ("+", Role.ACCENT),
    RegistrationStatus.REGISTERING: ("…", Role.LIVE),
    RegistrationStatus.REGISTERED: ("✓", Role.GOOD),
    RegistrationStatus.FAILED: ("✗", Role.BAD),
    RegistrationStatus.VANISHED: ("?", Role.WARN),
    RegistrationStatus.UNREGISTERING: ("…", Role.LIVE),
}
_PROTECTION = {
    ProtectionStatus.NONE: ("-", Role.QUIET),
    ProtectionStatus.PENDING: ("…", Role.LIVE),
    ProtectionStatus.PROTECTED: ("✓", Role.GOOD),
    ProtectionStatus.ERROR: ("✗", Role.BAD),
    ProtectionStatus.STOPPED: ("■", Role.WARN),
    ProtectionStatus.SUSPENDED: ("‖", Role.WARN),
}
_SHORT_CONSISTENCY = {Consistency.CRASH: "crash", Consistency.FILE_SYSTEM: "files", Consistency.APPLICATION: "app"}


def job_state(status: JobStatus) -> State:
    return State(_JOBS[status][0], status.value, _JOBS[status][1])


def sub_task_state(status: SubTaskStatus) -> State:
    return State(_SUB_TASKS[status][0], status.value, _SUB_TASKS[status][1])


def registration_state(status: RegistrationStatus) -> State:
    return State(_REGISTRATION[status][0], status.value, _REGISTRATION[status][1])


def protection_state(status: ProtectionStatus) -> State:
    return State(_PROTECTION[status][0], status.value, _PROTECTION[status][1])


def short_consistency(level: Consistency | None) -> str:
    """One word for a narrow column: «app», «files», «crash»."""
    return _SHORT_CONSISTENCY[Consistency(level)] if level else ""


def styled(text: str, role: Role = Role.PLAIN) -> Content:
    """A piece of text in a role's colour. Whatever it holds, it is shown and never parsed: this is the one door to the screen."""
    shown = safe_text(text)
    return Content.styled(shown, _STYLES[role]) if _STYLES[role] else Content(shown)


def line(*pieces: str | tuple[str, Role]) -> Content:
    """Pieces, coloured or plain, as one line."""
    return Content("").join([styled(*piece) if isinstance(piece, tuple) else styled(piece) for piece in pieces])


def lines(*contents: Content) -> Content:
    """Lines, one below the other."""
    return Content("\n").join(contents)
