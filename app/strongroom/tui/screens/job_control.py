"""Cancel and Retry (feature A18), wherever a job can be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from strongroom.catalog.queries.jobs import JobRow
from strongroom.domain.states import LIVE, JobStatus
from strongroom.engine.jobs import control
from strongroom.tui.screens.confirm import ConfirmScreen
from strongroom.tui.units import count

if TYPE_CHECKING:
    from strongroom.tui.app import StrongroomApp

_RETRYABLE = frozenset({JobStatus.FAILED, JobStatus.CANCELLED})


def cancel_refusal(chosen: Sequence[JobRow]) -> str:
    """Why these jobs cannot be cancelled; empty if they can."""
    if not chosen:
        return "Choose a job"
    return "" if any(job.status in LIVE for job in chosen) else "The job has ended"


def retry_refusal(chosen: Sequence[JobRow]) -> str:
    """Why Retry is not possible; empty if it is."""
    if len(chosen) != 1:
        return "Choose one job"
    return "" if chosen[0].status in _RETRYABLE else "Only a failed or cancelled job can be run again"


def cancel_jobs(room: StrongroomApp, chosen: Sequence[JobRow]) -> None:
    """Ask, with the focus on No, and then request it."""
    live = [job for job in chosen if job.status in LIVE]
    what = f"{live[0].operation.value} of {live[0].workload_name}" if len(live) == 1 else count(len(live), "job")
    asked = ConfirmScreen(
        f"Cancel {what}?", "Nothing half done is left: no recovery point, no checkpoint, no frozen guest.", "Cancel it", "No"
    )
    ids = [job.job_id for job in live]

    def answered(sure: bool | None) -> None:
        if sure:
            room.submit(lambda: control.request_cancel(room.context, ids), f"Cancelling {what} …")

    room.push_screen(asked, answered)


def retry_job(room: StrongroomApp, chosen: JobRow) -> None:
    """Make a new job of the same request."""
    words = f"Successfully created a job to run {chosen.operation.value} of {chosen.workload_name} again."
    room.submit(lambda: control.retry_job(room.context, chosen.job_id), words)
