"""One job (feature A13): its sub-tasks with bytes and times, its progress, its error with cause and action."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from strongroom.catalog.queries.jobs import JobDetails, JobRow, SubTaskRow, job
from strongroom.domain.progress import Progress
from strongroom.domain.states import LIVE, JobStatus
from strongroom.engine.jobs import control
from strongroom.tui.commands import Command, bindings_of, bound
from strongroom.tui.screens.item_details import ItemScreen
from strongroom.tui.screens.job_control import cancel_jobs, cancel_refusal, retry_job, retry_refusal
from strongroom.tui.screens.live import LiveScreen
from strongroom.tui.screens.log import LogScreen
from strongroom.tui.states import Role, job_state, line, lines, sub_task_state
from strongroom.tui.units import duration, moment, rate, size
from strongroom.tui.widgets.bar import bar
from strongroom.tui.widgets.command_bar import CommandBar
from strongroom.tui.widgets.title_bar import TitleBar
from strongroom.tui.widgets.too_small import TooSmall
from strongroom.tui.widgets.words import Words

if TYPE_CHECKING:
    from sqlmodel import Session

_COMMANDS = (
    Command("open_point", "enter", "Open point", "The machine's recovery points, with this job's one selected"),
    Command("log", "l", "Log", "What the job wrote while it ran"),
    Command("cancel", "c", "Cancel", "Cancel the job"),
    Command("retry", "t", "Retry", "Run it again"),
)
TAIL = ((".", "More"), ("?", "Help"), ("esc", "Back"))
_SHOWN_RESULTS = 6


class JobScreen(LiveScreen[JobDetails | None]):
    COMMANDS_HERE = _COMMANDS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("job", _COMMANDS), *bound("details", ("escape,q", "app.pop_screen", "Back"))]

    def __init__(self, job_id: int) -> None:
        super().__init__()
        self._job_id = job_id

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield Words(id="crumb")
        with VerticalScroll(id="details"):
            yield Words(id="head", classes="block")
            yield Words(id="progress", classes="block")
            yield Words(id="tasks", classes="block")
            yield Words(id="ending", classes="block")
        yield CommandBar(TAIL)
        yield TooSmall()

    def on_mount(self) -> None:
        self.query_one("#details").focus()

    def question(self) -> Callable[[Session], JobDetails | None]:
        job_id = self._job_id
        return lambda session: job(session, job_id)

    def show(self, model: JobDetails | None) -> None:
        if model is None:
            self.query_one("#crumb", Words).tell(line((f"Jobs › job {self._job_id} is not there any more", Role.WARN)))
            return
        row, now = model.row, self.room.now()
        state = job_state(row.status)
        what = f"{row.operation.value} {row.workload_name}"
        self.query_one("#crumb", Words).tell(
            line(("Jobs › ", Role.QUIET), (what, Role.STRONG), f" · job {row.job_id}   ", (state.text, state.role))
        )
        self.query_one("#head", Words).tell(lines(*_head(model, now)))
        self._block("progress", list(_progress(row, max(20, self.size.width - 40))))
        self._block("tasks", [content for task in model.sub_tasks for content in _sub_task(task, now)])
        self._block("ending", list(_ending(model)))

    def _block(self, name: str, contents: list[Content]) -> None:
        block = self.query_one(f"#{name}", Words)
        block.display = bool(contents)
        block.tell(lines(*contents))

    def selected_id(self) -> str:
        return self.model.row.uid if self.model else ""

    # Commands

    def refusal(self, command: str) -> str:
        if self.model is None:
            return "The job is not there"
        row = self.model.row
        match command:
            case "open_point" if row.item_id is None:
                return "This job is about no machine of the vault"
            case "cancel":
                return cancel_refusal([row])
            case "retry":
                return retry_refusal([row])
        return ""

    def do_open_point(self) -> None:
        if self.model and self.model.row.item_id:
            self.app.push_screen(ItemScreen(self.model.row.item_id, self.model.point_id))

    def do_log(self) -> None:
        context, job_id = self.room.context, self._job_id
        self.room.requests.run(
            lambda: control.job_log(context, job_id), lambda text: self.app.push_screen(LogScreen(f"Log of job {job_id}", text))
        )

    def do_cancel(self) -> None:
        if self.model:
            cancel_jobs(self.room, [self.model.row])

    def do_retry(self) -> None:
        if self.model:
            retry_job(self.room, self.model.row)


def _head(model: JobDetails, now: datetime) -> Iterable[Content]:
    row = model.row
    by = f"by {row.trigger.value}" + (f" {row.caller}" if row.caller else "")
    place = " · ".join(part for part in (f"vault {model.vault_name}" if model.vault_name else "", row.cloud_service) if part)
    retry = f" · again after job {model.retry_of}, attempt {row.attempt}" if model.retry_of else ""
    if place:
        yield line(place)
    yield line(f"queued {moment(row.queued_at)} {by}{retry}")
    if row.started_at:
        ended = (
            f" · took {duration(row.duration_seconds)}" if row.ended_at else f" · for {duration((now - row.started_at).total_seconds())}"
        )
        yield line(f"started {moment(row.started_at)}{ended}")
    if row.waiting_for and row.status is JobStatus.QUEUED:
        yield line((f"waits: {row.waiting_for}", Role.WARN))


def _progress(row: JobRow, cells: int) -> Iterable[Content]:
    seen = Progress.from_json(row.progress)
    if not seen.total_bytes:
        return
    live = row.status in LIVE
    yield bar(seen.fraction, cells, Role.LIVE if live else Role.QUIET) + line((f"  {seen.fraction:4.0%}", Role.STRONG))
    words = f"{size(seen.done_bytes)} of {size(seen.total_bytes)} · read {size(seen.read_bytes)} · new {size(seen.new_bytes)} · stored {size(seen.stored_bytes)}"
    yield line(words)
    if live and seen.bytes_per_second:
        left = f" · {duration(seen.remaining_seconds)} left" if seen.remaining_seconds is not None else ""
        yield line((f"{rate(seen.bytes_per_second)}{left}", Role.LIVE))


def _sub_task(task: SubTaskRow, now: datetime) -> Iterable[Content]:
    state = sub_task_state(task.status)
    seconds = task.duration_seconds
    if seconds is None and task.started_at and not task.ended_at:
        seconds = (now - task.started_at).total_seconds()
    took = f"{duration(seconds):>12}" if seconds is not None else " " * 12
    done = f"  {size(task.done_bytes)} of {size(task.total_bytes)}" if task.total_bytes else ""
    yield line((f"{state.symbol} ", state.role), (f"{task.name:<28}", Role.STRONG), (took, Role.QUIET), done)
    if task.detail:
        yield line((f"    {task.detail}", Role.QUIET))


def _ending(model: JobDetails) -> Iterable[Content]:
    error = model.row.error
    if error:
        yield line(("✗ ", Role.BAD), (f"{error.get('code', '')}: {error.get('message', '')}", Role.BAD))
        for label, key in (("why ", "cause"), ("then", "action")):
            if error.get(key):
                yield line((f"  {label}  ", Role.QUIET), str(error[key]))
    for warning in model.warnings:
        yield line(("! ", Role.WARN), warning)
    plain = [(key, value) for key, value in model.result.items() if isinstance(value, str | int) and not isinstance(value, bool)]
    for key, value in plain[:_SHOWN_RESULTS]:
        yield line((f"{key.removesuffix('_bytes').removesuffix('_at').replace('_', ' ')}  ", Role.QUIET), _value(key, value))


def _value(key: str, value: str | int) -> str:
    """A result by the suffix of its name, which says its unit."""
    if key.endswith("_bytes") and isinstance(value, int):
        return size(value)
    if key.endswith("_at") and isinstance(value, str) and value:
        return moment(datetime.fromisoformat(value))
    return str(value)
