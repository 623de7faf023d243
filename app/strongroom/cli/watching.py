"""Following jobs to their end: live bars on a terminal, one line per change elsewhere; the work itself goes on without us."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from strongroom.cli.exits import OF_JOB, ExitCode, of_many
from strongroom.cli.formats import duration, size
from strongroom.cli.invocation import Invocation
from strongroom.cli.lookup import one_job
from strongroom.cli.output import Output
from strongroom.domain.progress import Progress
from strongroom.domain.states import ENDED
from strongroom.domain.text import safe_text

if TYPE_CHECKING:
    from rich.progress import TaskID

    from strongroom.catalog.queries.jobs import JobRow

POLL_SECONDS = 0.2
"""How often the catalog is asked whether anybody committed; the question costs microseconds."""

LONGEST_TITLE = 80

SILENCE_SECONDS = 10.0
"""After so long without a change it is looked whether a service still runs: one that died is replaced, and it settles what was left."""


class Display(Protocol):
    """How followed jobs are shown."""

    def show(self, row: JobRow) -> None: ...

    def close(self) -> None: ...


def follow(asked: Invocation, job_ids: Sequence[int]) -> ExitCode:
    """Show the jobs until all have ended; returns their exit code. Ctrl-C stops the showing, not the jobs, and returns 130."""
    display = _display(asked.output)
    codes: dict[int, ExitCode] = {}
    with CtrlC() as ctrl_c:
        try:
            for row in _changes(asked, job_ids, ctrl_c):
                display.show(row)
                if row.status in ENDED:
                    codes[row.job_id] = OF_JOB.get(row.status, ExitCode.FAILED)
        finally:
            display.close()
    if ctrl_c.pressed:
        _detach(asked.output, [job_id for job_id in job_ids if job_id not in codes])
        return ExitCode.CANCELLED
    return of_many(codes.values())


def _changes(asked: Invocation, job_ids: Sequence[int], ctrl_c: CtrlC) -> Iterator[JobRow]:
    """The rows of the jobs, each whenever it may have changed, until all have ended or the key was pressed."""
    context = asked.context()
    live = list(dict.fromkeys(job_ids))
    seen, changed_at = -1, time.monotonic()
    while live and not ctrl_c.pressed:
        version = context.catalog.data_version()
        if version == seen:
            time.sleep(POLL_SECONDS)
            if time.monotonic() - changed_at > SILENCE_SECONDS:
                keep_service(asked)
                changed_at = time.monotonic()
            continue
        seen, changed_at = version, time.monotonic()
        for job_id in tuple(live):
            row = one_job(context, job_id).row
            if row.status in ENDED:
                live.remove(job_id)
            yield row


class CtrlC:
    """Notices the key instead of raising wherever the program happens to be: raised in a library's clean-up, an interrupt is lost. Twice raises."""

    def __init__(self) -> None:
        self.pressed = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._notice)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _notice(self, *_: object) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


def keep_service(asked: Invocation) -> None:
    """See that somebody runs the jobs that are waited for. Raises ``ServiceNotRunning``."""
    from strongroom.cli.submitting import start_service

    start_service(asked, required=True)


def _detach(output: Output, job_ids: Sequence[int]) -> None:
    if job_ids:
        names = " ".join(str(job_id) for job_id in job_ids)
        output.say(f"The work goes on in the background. Follow it: strongroom job watch {names}  Cancel it: strongroom job cancel {names}")


def _display(output: Output) -> Display:
    return Bars(output) if sys.stderr.isatty() and not output.as_json else Lines(output)


@dataclass(slots=True)
class Lines:
    """One line whenever a job's status or phase changes."""

    output: Output
    _shown: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def show(self, row: JobRow) -> None:
        phase = Progress.from_json(row.progress).phase if row.status not in ENDED else ""
        state = (row.status.value, phase, row.waiting_for if row.status not in ENDED else "")
        if self._shown.get(row.job_id) != state:
            self._shown[row.job_id] = state
            self.output.say("  ".join([title(row), *(part for part in state if part)]))
            if row.status in ENDED:
                tell_end(self.output, row)

    def close(self) -> None:
        """Nothing is open."""


class Bars:
    """One bar per job on stderr, with bytes, rate and remaining time."""

    def __init__(self, output: Output) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._output = output
        self._tasks: dict[int, TaskID] = {}
        self._ended: dict[int, JobRow] = {}
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}", markup=False),
            console=Console(stderr=True),
            refresh_per_second=4,
        )
        self._bars.start()

    def show(self, row: JobRow) -> None:
        progress = Progress.from_json(row.progress)
        ended = row.status in ENDED
        task = self._tasks.get(row.job_id)
        if task is None:
            task = self._tasks[row.job_id] = self._bars.add_task(title(row), total=1.0, state="")
        moving = bool(progress.total_bytes) or ended
        completed = 1.0 if ended else progress.fraction
        self._bars.update(task, total=1.0 if moving else None, completed=completed if moving else 0, state=_state(row, progress))
        if ended:
            self._ended[row.job_id] = row

    def close(self) -> None:
        """Leave the bars as they are and tell what went wrong."""
        self._bars.stop()
        for row in self._ended.values():
            tell_end(self._output, row)


def tell_end(output: Output, row: JobRow) -> None:
    """The error of a job that did not end well."""
    told = error_of(row)
    for label, part in (("  ", told.get("message")), ("  Cause:  ", told.get("cause")), ("  Do:     ", told.get("action"))):
        if part:
            output.say(label + part)


def error_of(row: JobRow) -> dict[str, str]:
    """The job's error in words, its code before the message, with the job's own number where it tells how to see its log."""
    if not row.error:
        return {}
    words = {key: str(row.error.get(key, "")).replace("job log ID", f"job log {row.job_id}") for key in ("message", "cause", "action")}
    return {**words, "message": f"{row.error.get('code', '')}: {words['message']}"}


def title(row: JobRow) -> str:
    """«Job 12  Backup  hall-a/web01»."""
    name = f"{row.cloud_service}/{row.workload_name}" if row.cloud_service else row.workload_name
    return safe_text(f"Job {row.job_id}  {row.operation.value}  {name}", LONGEST_TITLE)


def _state(row: JobRow, progress: Progress) -> str:
    if row.status in ENDED:
        return f"{row.status.value} in {duration(row.duration_seconds)}"
    parts = [progress.phase or row.status.value, row.waiting_for]
    if progress.total_bytes:
        parts += [f"{size(progress.done_bytes)} of {size(progress.total_bytes)}", f"{size(int(progress.bytes_per_second))}/s"]
    if progress.remaining_seconds is not None:
        parts.append(f"{duration(progress.remaining_seconds)} left")
    return safe_text("  ".join(part for part in parts if part))
