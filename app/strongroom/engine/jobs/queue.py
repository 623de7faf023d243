"""The job table as a queue: claim by one guarded update, end in one transaction with what the job changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session, col, or_, select, update

from strongroom.catalog.entities import Job, SubTask
from strongroom.domain.errors import ErrorKind, ErrorRecord
from strongroom.domain.states import JobStatus, Operation, SubTaskStatus
from strongroom.engine.context import Context
from strongroom.engine.jobs.table import UNDERTAKINGS
from strongroom.engine.undertaking import Apply, Outcome

_RUNNING = (JobStatus.IN_PROGRESS, JobStatus.CANCELLING)


@dataclass(frozen=True, slots=True)
class Room:
    """How many jobs may be claimed now, and which operations."""

    operations: Collection[Operation]
    jobs: int


def claim(context: Context, room: Room, worker: str, ready: Collection[int] | None = None) -> list[Job]:
    """Take the oldest queued jobs that fit, for ``worker``; each becomes In progress with its sub-tasks, in one transaction.

    ``ready`` restricts the claim to these ids (None: any); the rest stay queued, whoever sees them.
    """
    now = context.clock.now()
    with context.catalog.write() as session:
        due = or_(col(Job.not_before_at).is_(None), col(Job.not_before_at) <= now)
        query = select(Job).where(Job.status == JobStatus.QUEUED, col(Job.operation).in_(list(room.operations)), due)
        if ready is not None:
            query = query.where(col(Job.id).in_(list(ready)))
        jobs = list(session.exec(query.order_by(col(Job.id)).limit(room.jobs)))
        for job in jobs:
            job.status, job.started_at, job.worker, job.waiting_for = JobStatus.IN_PROGRESS, now, worker, ""
            session.add(job)
            for position, name in enumerate(UNDERTAKINGS[job.operation].sub_tasks):
                session.add(SubTask(job_id=job.id or 0, position=position, name=name))
    return jobs


def waiting(context: Context, operations: Collection[Operation], limit: int = 200) -> list[Job]:
    """The oldest queued jobs of these operations, to be looked at before they are claimed."""
    with context.catalog.read() as session:
        query = select(Job).where(Job.status == JobStatus.QUEUED, col(Job.operation).in_(list(operations)))
        return list(session.exec(query.order_by(col(Job.id)).limit(limit)))


def explain_waiting(context: Context, job: Job, why: str) -> None:
    """Say in the row why a queued job does not start; nothing is written when it says so already."""
    if job.waiting_for != why:
        with context.catalog.write(durable=False) as session:
            session.exec(update(Job).where(col(Job.id) == job.id, col(Job.status) == JobStatus.QUEUED).values(waiting_for=why))


def complete(context: Context, job: Job, apply: Apply, warnings: list[str]) -> JobStatus:
    """End the job well: its effect, its point and its end in one transaction."""
    with context.catalog.write() as session:
        outcome: Outcome = apply(session)
        every = [*warnings, *outcome.warnings]
        status = JobStatus.WARNINGS if every else JobStatus.COMPLETED
        row = session.get_one(Job, job.id)
        row.result, row.warnings, row.point_id = outcome.result, every, outcome.point_id
        _end(session, context, row, status)
    return status


def fail(context: Context, job: Job, error: ErrorRecord, warnings: list[str]) -> JobStatus:
    """End the job badly, or as cancelled, with what the item shows of it."""
    status = JobStatus.CANCELLED if error["kind"] == ErrorKind.CANCELLED.value else JobStatus.FAILED
    with context.catalog.write() as session:
        row = session.get_one(Job, job.id)
        row.error, row.warnings = dict(error), warnings
        UNDERTAKINGS[row.operation].failed(session, context, row, error)
        _end(session, context, row, status)
    return status


def _end(session: Session, context: Context, row: Job, status: JobStatus) -> None:
    now = context.clock.now()
    row.status, row.ended_at = status, now
    session.add(row)
    left = {
        JobStatus.FAILED: SubTaskStatus.FAILED,
        JobStatus.CANCELLED: SubTaskStatus.CANCELLED,
    }.get(status, SubTaskStatus.COMPLETED)
    for task in session.exec(select(SubTask).where(SubTask.job_id == row.id)):
        if task.status is SubTaskStatus.IN_PROGRESS or (task.status is SubTaskStatus.PENDING and left is SubTaskStatus.COMPLETED):
            task.status, task.ended_at = left, now
            task.started_at = task.started_at or row.started_at
            session.add(task)


def cancelling(context: Context) -> list[Job]:
    """The running jobs that were asked to end."""
    with context.catalog.read() as session:
        return list(session.exec(select(Job).where(Job.status == JobStatus.CANCELLING)))


def running(context: Context) -> list[Job]:
    """Every job that claims to be running, whoever runs it."""
    with context.catalog.read() as session:
        return list(session.exec(select(Job).where(col(Job.status).in_(_RUNNING))))
