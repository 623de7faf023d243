"""A running job on the dashboard: two lines that repaint alone, twice a second at most."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from strongroom.catalog.queries.jobs import JobRow
from strongroom.domain.progress import Progress
from strongroom.domain.states import JobStatus
from strongroom.tui.states import Role, job_state, line, lines
from strongroom.tui.units import duration, rate, size
from strongroom.tui.widgets.bar import bar
from strongroom.tui.widgets.columns import WIDE_FROM
from strongroom.tui.widgets.link_line import LinkLine
from strongroom.tui.widgets.table import fitted

_LEAST_BAR_CELLS = 10


class LivePane(LinkLine):
    """Machine, operation, step, bar, rate, time left; below it at what cost."""

    def __init__(self, job_id: int) -> None:
        super().__init__(f"job {job_id}", classes="live")
        self._shown: Content | None = None

    def show(self, job: JobRow, now: datetime, width: int) -> None:
        """Paint only if something that can be seen has changed."""
        content = pane_content(job, now, width)
        if self._shown is None or content != self._shown or content.spans != self._shown.spans:
            self._shown = content
            self.update(content)


def pane_content(job: JobRow, now: datetime, width: int) -> Content:
    """The two lines for a pane that is ``width`` cells wide."""
    seen = Progress.from_json(job.progress)
    state = job_state(job.status)
    wide = width >= WIDE_FROM
    name_cells = 16 if wide else 14
    service = f"{fitted(job.cloud_service, 10)} " if wide else ""
    front = line(
        (f"{state.symbol} ", state.role),
        (fitted(job.workload_name, name_cells), Role.STRONG),
        f" {service}{fitted(job.operation.value, 8)} ",
    )
    if job.status is not JobStatus.IN_PROGRESS or not seen.total_bytes:
        return lines(front + line((_waiting(job, seen), Role.QUIET)), line((_elapsed(job, now), Role.FAINT)))
    step = f"{fitted(seen.phase, 24)} " if wide else ""
    speed = f"{rate(seen.bytes_per_second):>12}"
    cells = max(_LEAST_BAR_CELLS, width - front.cell_length - len(step) - len(speed) - 8 - 4)
    first = front + line(step) + bar(seen.fraction, min(cells, 40)) + line((f" {seen.fraction:4.0%}", Role.STRONG), (speed, Role.LIVE))
    left = f"{duration(seen.remaining_seconds)} left · " if seen.remaining_seconds is not None else ""
    parts = f"{left}{size(seen.done_bytes)} of {size(seen.total_bytes)} · read {size(seen.read_bytes)} · stored {size(seen.stored_bytes)}"
    return lines(first, line((f"{'':{name_cells + 3}}{parts}", Role.QUIET)))


def _waiting(job: JobRow, seen: Progress) -> str:
    return job.waiting_for or seen.phase or job.status.value


def _elapsed(job: JobRow, now: datetime) -> str:
    begun = job.started_at or job.queued_at
    return f"{'':19}{'runs' if job.started_at else 'waits'} {duration((now - begun).total_seconds())}"
