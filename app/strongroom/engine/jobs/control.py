"""Cancel, run again, read the log (features A13, A18)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session

from strongroom.catalog.entities import Item, Job
from strongroom.domain.errors import Cancelled, StrongroomError
from strongroom.domain.states import ENDED, JobStatus, Trigger
from strongroom.engine.audit import note
from strongroom.engine.context import Context
from strongroom.engine.errors import JobEnded, JobNotFound, JobNotRetryable
from strongroom.engine.jobs.table import UNDERTAKINGS
from strongroom.engine.submission import JobDraft, Refusal, Submitted, insert_job


def request_cancel(context: Context, job_ids: Iterable[int]) -> Submitted:
    """Ask jobs to end: a queued one is Cancelled at once, a running one shows Cancelling until its worker gave up."""
    taken, refused = [], []
    with context.catalog.write() as session:
        for job_id in job_ids:
            try:
                job = job_by_id(session, job_id)
                _cancel(session, context, job)
                taken.append(job_id)
            except StrongroomError as error:
                refused.append(Refusal(str(job_id), error.record()))
    return Submitted("", tuple(taken), tuple(refused))


def _cancel(session: Session, context: Context, job: Job) -> None:
    if job.status in ENDED:
        raise JobEnded(f"Job {job.id} has ended", cause=job.status.value)
    now = context.clock.now()
    job.cancel_requested_at = job.cancel_requested_at or now
    if job.status is JobStatus.QUEUED:
        record = Cancelled(f"Job {job.id} was cancelled before it started").record()
        job.status, job.ended_at, job.error = JobStatus.CANCELLED, now, dict(record)
        UNDERTAKINGS[job.operation].failed(session, context, job, record)
    else:
        job.status = JobStatus.CANCELLING
    session.add(job)
    note(session, context, "Cancel job", job.workload_name, job=job.id)


def retry_job(context: Context, job_id: int) -> Submitted:
    """The same request as a new job. Raises ``JobNotRetryable`` unless the old one failed or was cancelled, ``OperationInProgress``."""
    with context.catalog.write() as session:
        old = job_by_id(session, job_id)
        if old.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
            raise JobNotRetryable(f"Job {job_id} cannot be run again", cause=old.status.value)
        item = session.get(Item, old.item_id) if old.item_id else None
        draft = JobDraft(
            old.operation,
            old.workload_name,
            vault_id=old.vault_id,
            item=item,
            source_id=old.source_id,
            request=dict(old.request),
            trigger=Trigger.RETRY,
            retry_of=job_id,
            attempt=old.attempt + 1,
        )
        job = insert_job(session, context, draft)
        return Submitted("", (job.id or 0,))


def job_log(context: Context, job_id: int) -> str:
    """What the job's worker wrote; empty if it has not started."""
    with context.catalog.read() as session:
        uid = job_by_id(session, job_id).uid
    path = context.paths.job_log(uid)
    return path.read_text("utf-8", errors="replace") if path.exists() else ""


def job_by_id(session: Session, job_id: int) -> Job:
    """The job's row or ``JobNotFound``."""
    job = session.get(Job, job_id)
    if job is None:
        raise JobNotFound(f"There is no job {job_id}")
    return job
