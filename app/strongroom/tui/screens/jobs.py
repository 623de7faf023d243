"""Jobs (feature A13): every attempt at every operation, newest first, with a live bar for what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content

from strongroom.catalog.queries.jobs import JobFilter, JobRow, jobs
from strongroom.catalog.queries.page import Listing
from strongroom.domain.progress import Progress
from strongroom.domain.states import LIVE, JobStatus
from strongroom.tui.commands import Command, bindings_of
from strongroom.tui.screens.choice import ChoiceScreen
from strongroom.tui.screens.job_control import cancel_jobs, cancel_refusal, retry_job, retry_refusal
from strongroom.tui.screens.job_details import JobScreen
from strongroom.tui.screens.list_page import SLICE, ListPage, Sorting
from strongroom.tui.states import Role, job_state, line, lines
from strongroom.tui.units import NOTHING, duration, rate, short_moment, size
from strongroom.tui.widgets.bar import bar_text
from strongroom.tui.widgets.columns import WIDE_FROM, Column
from strongroom.tui.widgets.table import Cell, Row, Table

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

_COMMANDS = (
    Command("cancel", "c", "Cancel", "Cancel the chosen jobs"),
    Command("retry", "t", "Retry", "Run a failed job again"),
    Command("status", "s", "Status", "Show only jobs of one status"),
)
_BAR_CELLS = 10


class JobsPage(ListPage[JobRow]):
    mode = "jobs"
    COMMANDS_HERE = _COMMANDS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("jobs", _COMMANDS)]
    columns = (
        Column("Workload Name", 14, weight=3),
        Column("Cloud Service", 10, weight=1, shows_from=WIDE_FROM),
        Column("Type", 19, shows_from=WIDE_FROM),
        Column("Operation", 12, weight=1),
        Column("Status", 17, weight=2),
        Column("Started On", 10),
        Column("Duration", 12, shows_from=WIDE_FROM),
    )
    sortings = (
        Sorting(0, "workload_name"),
        Sorting(1, "cloud_service"),
        Sorting(3, "operation"),
        Sorting(4, "status"),
        Sorting(5, "started_at"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._statuses: frozenset[JobStatus] = frozenset()
        self._ended_since: datetime | None = None
        self._batch = ""
        self._narrowed_to = ""

    def narrow(
        self, *, statuses: frozenset[JobStatus] = frozenset(), ended_since: datetime | None = None, batch: str = "", words: str = ""
    ) -> None:
        """Show only these; ``words`` say what they are."""
        self._statuses, self._ended_since, self._batch = statuses, ended_since, batch
        self._narrowed_to = words or ("one request" if batch else ", ".join(sorted(status.value for status in statuses)))
        self.reload()

    def question(self) -> Callable[[Session], Listing[JobRow]]:
        wanted = JobFilter(
            vault_id=None if self._batch else self.room.vault_id,
            with_installation=True,
            type=self.filter.type,
            statuses=self._statuses,
            ended_since=self._ended_since,
            batch=self._batch,
            text=self.filter.text,
        )
        order = self.order
        return lambda session: jobs(session, wanted, page=SLICE, order=order)

    @property
    def filtered(self) -> bool:
        return super().filtered or bool(self._narrowed_to)

    def key(self, item: JobRow) -> str:
        return str(item.job_id)

    def row(self, item: JobRow) -> Row:
        state, now = job_state(item.status), self.room.now()
        cells = (
            Cell(item.workload_name, Role.STRONG),
            Cell(item.cloud_service),
            Cell(item.workload_type.value if item.workload_type else NOTHING, Role.QUIET),
            Cell(item.operation.value),
            Cell(_status_text(item), state.role),
            Cell(short_moment(item.started_at, now)),
            Cell(duration(seconds_of(item, now)), Role.QUIET),
        )
        return Row(self.key(item), cells)

    def about(self, item: JobRow) -> Content:
        state, now = job_state(item.status), self.room.now()
        first = line((item.workload_name, Role.STRONG), f" · {item.operation.value} · job {item.job_id} · ", (state.text, state.role))
        if item.error:
            second = line((f"{item.error.get('code', '')}: {item.error.get('message', '')}", Role.BAD))
            third = line((f"{item.error.get('cause', '')} {item.error.get('action', '')}".strip(), Role.QUIET))
            return lines(first, second, third)
        begun = f"queued {short_moment(item.queued_at, now)} by {item.trigger.value}" + (f" {item.caller}" if item.caller else "")
        second = line(f"{begun} · {duration(seconds_of(item, now))}" if item.started_at else begun)
        third = line((item.waiting_for, Role.WARN)) if item.waiting_for else line((progress_words(item), Role.QUIET))
        return lines(first, second, third)

    def tell_empty(self) -> None:
        self.note.advise("No job has been made in this vault yet.", [("2", "Registered Items: d discovers machines")])

    def selected_id(self) -> str:
        return self.current.uid if self.current else ""

    def _show_count(self) -> None:
        super()._show_count()
        if self._narrowed_to and self.model:
            self.filter.count(f"{self._narrowed_to} · {self.model.total:,} · esc shows all")

    def action_back(self) -> None:
        if self._narrowed_to and not self.filter.text:
            self.narrow()
        else:
            super().action_back()

    @on(Table.Chosen)
    def _open(self) -> None:
        if self.current:
            self.app.push_screen(JobScreen(self.current.job_id))

    # Commands

    def refusal(self, command: str) -> str:
        match command:
            case "cancel":
                return cancel_refusal(self.selection)
            case "retry":
                return retry_refusal(self.selection)
        return ""

    def do_cancel(self) -> None:
        cancel_jobs(self.room, self.selection)

    def do_retry(self) -> None:
        retry_job(self.room, self.selection[0])

    def do_status(self) -> None:
        options = [("", "All"), *((status.value, job_state(status).text) for status in JobStatus)]
        self.app.push_screen(ChoiceScreen("Status", options), self._status_chosen)

    def _status_chosen(self, value: str | None) -> None:
        if value is not None:
            self.narrow(statuses=frozenset({JobStatus(value)}) if value else frozenset())


def seconds_of(item: JobRow, now: datetime) -> float | None:
    """How long the job has run; a live one until now."""
    if item.duration_seconds is not None or item.started_at is None:
        return item.duration_seconds
    return (now - item.started_at).total_seconds()


def progress_words(item: JobRow) -> str:
    """What has been read and stored, and how fast, as far as it is known."""
    seen = Progress.from_json(item.progress)
    if not seen.total_bytes:
        return seen.phase
    parts = [
        seen.phase,
        f"{size(seen.done_bytes)} of {size(seen.total_bytes)}",
        f"read {size(seen.read_bytes)}",
        f"stored {size(seen.stored_bytes)}",
    ]
    if item.status in LIVE and seen.bytes_per_second:
        parts.append(rate(seen.bytes_per_second))
    return " · ".join(part for part in parts if part)


def _status_text(item: JobRow) -> str:
    seen = Progress.from_json(item.progress)
    if item.status is JobStatus.IN_PROGRESS and seen.total_bytes:
        return f"{bar_text(seen.fraction, _BAR_CELLS)} {seen.fraction:4.0%}"
    return job_state(item.status).text
