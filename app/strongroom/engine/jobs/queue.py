"""The job table as a queue: claim by one guarded update, end in one transaction with what the job changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, not_, or_, select, update

from strongroom.catalog.entities import Job, SubTask
from strongroom.domain.errors import ErrorKind, ErrorRecord
from strongroom.domain.states import JobStatus, Operation, SubTaskStatus
from strongroom.engine.context import Context
from strongroom.engine.jobs.table import UNDERTAKINGS
from strongroom.engine.undertaking import Apply, Outcome

_RUNNING = (JobStatus.IN_PROGRESS, JobStatus.CANCELLING)


@dataclass(frozen=True, slots=True)
class Blocked:
    """A vault some of whose jobs cannot start now, and why in words."""

    vault_id: int
    operations: Collection[Operation]
    why: str


def claim(context: Context, operations: Collection[Operation], limit: int, worker: str, blocked: Iterable[Blocked] = ()) -> list[Job]:
    """Take the oldest queued jobs of these operations, at most ``limit``, for ``worker``; each becomes In progress with its sub-tasks.

    Jobs of a blocked vault stay Queued and say why in their rows. One transaction; nothing is written when there is nothing to do.
    """
    now = context.clock.now()
    with context.catalog.write() as session:
        due = or_(col(Job.not_before_at).is_(None), col(Job.not_before_at) <= now)
        query = select(Job).where(Job.status == JobStatus.QUEUED, col(Job.operation).in_(list(operations)), due)
        for block in blocked:
            theirs = and_(col(Job.vault_id) == block.vault_id, col(Job.operation).in_(list(block.operations)))
            query = query.where(or_(col(Job.vault_id).is_(None), not_(theirs)))
            _explain(session, theirs, block.why)
        jobs = list(session.exec(query.order_by(col(Job.id)).limit(limit)))
        for job in jobs:
            job.status, job.started_at, job.worker, job.waiting_for = JobStatus.IN_PROGRESS, now, worker, ""
            session.add(job)
            for position, name in enumerate(UNDERTAKINGS[job.operation].sub_tasks):
                session.add(SubTask(job_id=job.id or 0, position=position, name=name))
    return jobs


def _explain(session: Session, theirs: ColumnElement[bool], why: str) -> None:
    session.exec(update(Job).where(theirs, col(Job.status) == JobStatus.QUEUED, col(Job.waiting_for) != why).values(waiting_for=why))


def anything_queued(context: Context, operations: Collection[Operation]) -> bool:
    """Whether it is worth asking for the write lock."""
    with context.catalog.read() as session:
        query = select(Job.id).where(Job.status == JobStatus.QUEUED, col(Job.operation).in_(list(operations))).limit(1)
        return session.exec(query).first() is not None


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
