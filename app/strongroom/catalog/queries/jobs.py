"""Jobs as lists, details and live views show them (features A13, A18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlmodel import Session

from strongroom.catalog.queries.page import FIRST, OWN_ORDER, Key, Listing, Order, Page, keys_for, page_of
from strongroom.catalog.queries.tables import JOB, SUB_TASK, VAULT, fetch, number
from strongroom.catalog.queries.text import matches
from strongroom.domain.states import LIVE, JobStatus, Operation, SubTaskStatus, Trigger, WorkloadType


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job; ``duration_seconds`` is None until it has started and ended, a live one is timed by who shows it."""

    job_id: int
    uid: str
    batch: str
    workload_name: str
    cloud_service: str
    workload_type: WorkloadType | None
    operation: Operation
    status: JobStatus
    trigger: Trigger
    caller: str
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None
    progress: dict[str, Any]
    waiting_for: str
    error: dict[str, Any]
    item_id: int | None
    attempt: int


@dataclass(frozen=True, slots=True)
class SubTaskRow:
    """One step of a job."""

    position: int
    name: str
    status: SubTaskStatus
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None
    done_bytes: int
    total_bytes: int
    detail: str


@dataclass(frozen=True, slots=True)
class JobDetails:
    """Everything about one job; ``vault_name`` is "" for a job of no vault."""

    row: JobRow
    vault_id: int | None
    vault_name: str
    source_id: int | None
    request: dict[str, Any]
    sub_tasks: tuple[SubTaskRow, ...]
    result: dict[str, Any]
    warnings: tuple[str, ...]
    retry_of: int | None
    point_id: int | None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs; what is left out does not restrict.

    ``since`` and ``until`` (exclusive) are about the start, or about the queueing of what has not started; ``ended_since`` is what
    the dashboard's counts of the last 24 hours are about. ``text`` looks at workload name and cloud service.
    ``with_installation`` adds to a vault's jobs the discoveries of no vault.
    """

    vault_id: int | None = None
    with_installation: bool = False
    type: WorkloadType | None = None
    statuses: frozenset[JobStatus] = field(default_factory=frozenset)
    operation: Operation | None = None
    since: datetime | None = None
    until: datetime | None = None
    ended_since: datetime | None = None
    text: str = ""
    batch: str = ""
    item_id: int | None = None


EVERY_JOB = JobFilter()

_COLUMNS = (
    JOB.c.id,
    JOB.c.uid,
    JOB.c.batch,
    JOB.c.workload_name,
    JOB.c.cloud_service,
    JOB.c.workload_type,
    JOB.c.operation,
    JOB.c.status,
    JOB.c.trigger,
    JOB.c.caller,
    JOB.c.queued_at,
    JOB.c.started_at,
    JOB.c.ended_at,
    JOB.c.progress,
    JOB.c.waiting_for,
    JOB.c.error,
    JOB.c.item_id,
    JOB.c.attempt,
)
_BEGUN_AT = func.coalesce(JOB.c.started_at, JOB.c.queued_at)
_SORTABLE: dict[str, ColumnElement[Any]] = {
    "workload_name": JOB.c.workload_name,
    "cloud_service": JOB.c.cloud_service,
    "operation": JOB.c.operation,
    "status": JOB.c.status,
    "started_at": _BEGUN_AT,
}


def jobs(session: Session, wanted: JobFilter = EVERY_JOB, *, page: Page = FIRST, order: Order = OWN_ORDER) -> Listing[JobRow]:
    """Jobs, newest first unless ``order`` names one of workload_name, cloud_service, operation, status, started_at."""
    conditions = _conditions(wanted)
    keys = keys_for(order, (Key(JOB.c.id, descending=True),), _SORTABLE)
    rows, following = page_of(session, select(*_COLUMNS).where(*conditions), keys, page, row_id=JOB.c.id)
    total = number(session, select(func.count()).select_from(JOB).where(*conditions))
    return Listing(tuple(job_row(row) for row in rows), following, total)


def job(session: Session, job_id: int) -> JobDetails | None:
    """One job with its sub-tasks; None if there is none of that id."""
    found = fetch(session, _details().where(JOB.c.id == job_id))
    if not found:
        return None
    row = found[0]
    return JobDetails(
        row=job_row(row),
        vault_id=row.vault_id,
        vault_name=row.vault_name or "",
        source_id=row.source_id,
        request=row.request,
        sub_tasks=_sub_tasks(session, job_id),
        result=row.result,
        warnings=tuple(row.warnings),
        retry_of=row.retry_of,
        point_id=row.point_id,
    )


def live_jobs(session: Session, vault_id: int | None = None, *, limit: int = 200) -> tuple[JobRow, ...]:
    """Jobs that have not ended: what runs before what waits, each in the order of its queueing; at most ``limit``."""
    waits = JOB.c.status == JobStatus.QUEUED
    statement = select(*_COLUMNS).where(lives(vault_id)).order_by(waits, JOB.c.id).limit(limit)
    return tuple(job_row(row) for row in fetch(session, statement))


def lives(vault_id: int | None = None) -> ColumnElement[bool]:
    """The job has not ended, and is the vault's if one is given."""
    live = JOB.c.status.in_(sorted(LIVE))
    # The sum keeps SQLite from going through all jobs of the vault: few jobs live, whatever their vault.
    return live if vault_id is None else and_(live, JOB.c.vault_id + 0 == vault_id)


def job_row(row: Any) -> JobRow:
    """A row of this file's columns as a read model."""
    return JobRow(
        job_id=row.id,
        uid=row.uid,
        batch=row.batch,
        workload_name=row.workload_name,
        cloud_service=row.cloud_service,
        workload_type=row.workload_type,
        operation=row.operation,
        status=row.status,
        trigger=row.trigger,
        caller=row.caller,
        queued_at=row.queued_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        duration_seconds=_seconds(row.started_at, row.ended_at),
        progress=row.progress,
        waiting_for=row.waiting_for,
        error=row.error,
        item_id=row.item_id,
        attempt=row.attempt,
    )


def _details() -> Select[Any]:
    more = (JOB.c.vault_id, JOB.c.source_id, JOB.c.request, JOB.c.result, JOB.c.warnings, JOB.c.retry_of, JOB.c.point_id)
    joined = JOB.outerjoin(VAULT, VAULT.c.id == JOB.c.vault_id)
    return select(*_COLUMNS, *more, VAULT.c.name.label("vault_name")).select_from(joined)


def _conditions(wanted: JobFilter) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.vault_id is not None:
        of_vault = JOB.c.vault_id == wanted.vault_id
        # Jobs of a deleted vault have lost theirs too, and are nobody's.
        of_nobody = and_(JOB.c.vault_id.is_(None), JOB.c.operation == Operation.DISCOVER)
        found.append(or_(of_vault, of_nobody) if wanted.with_installation else of_vault)
    if wanted.item_id is not None:
        found.append(JOB.c.item_id == wanted.item_id)
    if wanted.batch:
        found.append(JOB.c.batch == wanted.batch)
    if wanted.type is not None:
        found.append(JOB.c.workload_type == wanted.type)
    if wanted.statuses:
        found.append(JOB.c.status.in_(sorted(wanted.statuses)))
    if wanted.operation is not None:
        found.append(JOB.c.operation == wanted.operation)
    if wanted.text:
        found.append(matches(wanted.text, JOB.c.workload_name, JOB.c.cloud_service))
    return [*found, *_moments(wanted)]


def _moments(wanted: JobFilter) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(wanted.since <= _BEGUN_AT)
    if wanted.until is not None:
        found.append(wanted.until > _BEGUN_AT)
    if wanted.ended_since is not None:
        found.append(JOB.c.ended_at >= wanted.ended_since)
    return found


def _sub_tasks(session: Session, job_id: int) -> tuple[SubTaskRow, ...]:
    columns = (
        SUB_TASK.c.position,
        SUB_TASK.c.name,
        SUB_TASK.c.status,
        SUB_TASK.c.started_at,
        SUB_TASK.c.ended_at,
        SUB_TASK.c.done_bytes,
        SUB_TASK.c.total_bytes,
        SUB_TASK.c.detail,
    )
    found = fetch(session, select(*columns).where(SUB_TASK.c.job_id == job_id).order_by(SUB_TASK.c.position))
    return tuple(
        SubTaskRow(
            position=row.position,
            name=row.name,
            status=row.status,
            started_at=row.started_at,
            ended_at=row.ended_at,
            duration_seconds=_seconds(row.started_at, row.ended_at),
            done_bytes=row.done_bytes,
            total_bytes=row.total_bytes,
            detail=row.detail,
        )
        for row in found
    )


def _seconds(started_at: datetime | None, ended_at: datetime | None) -> float | None:
    return (ended_at - started_at).total_seconds() if started_at and ended_at else None
