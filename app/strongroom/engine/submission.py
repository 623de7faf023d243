"""How every job comes to be: one row, Queued; a second live one for the same item or source is refused (feature A18)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from strongroom.catalog.entities import Item, Job
from strongroom.catalog.entities.columns import new_uid
from strongroom.domain.errors import ErrorRecord, StrongroomError
from strongroom.domain.states import LIVE, Operation, Trigger
from strongroom.engine.audit import note
from strongroom.engine.context import Context
from strongroom.engine.errors import MachineNotFound, OperationInProgress


@dataclass(frozen=True, slots=True)
class Refusal:
    """One object of a bulk request for which no job was made, and why."""

    name: str
    error: ErrorRecord


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a request became: its batch, by which Jobs can be filtered, the jobs, and what was refused."""

    batch: str
    job_ids: tuple[int, ...]
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class JobDraft:
    """A job to be: what every operation decides by itself."""

    operation: Operation
    workload_name: str
    vault_id: int | None = None
    item: Item | None = None
    source_id: int | None = None
    request: dict[str, Any] | None = None
    trigger: Trigger = Trigger.OPERATOR
    not_before_at: datetime | None = None
    retry_of: int | None = None
    attempt: int = 1


def insert_job(session: Session, context: Context, draft: JobDraft, batch: str = "") -> Job:
    """Write the row inside the caller's transaction. Raises ``OperationInProgress`` with the id of the job in the way."""
    item = draft.item
    job = Job(
        batch=batch,
        operation=draft.operation,
        trigger=draft.trigger,
        caller=context.caller,
        vault_id=draft.vault_id,
        item_id=item.id if item else None,
        source_id=draft.source_id,
        workload_name=draft.workload_name,
        cloud_service=item.cloud_service if item else "",
        workload_type=item.workload_type if item else None,
        request=draft.request or {},
        queued_at=context.clock.now(),
        not_before_at=draft.not_before_at,
        retry_of=draft.retry_of,
        attempt=draft.attempt,
    )
    try:
        with session.begin_nested():
            session.add(job)
            session.flush()
    except IntegrityError as error:
        raise _busy(session, draft) from error
    note(session, context, draft.operation.value, draft.workload_name, job=job.id, trigger=draft.trigger.value)
    return job


def _busy(session: Session, draft: JobDraft) -> OperationInProgress:
    same = Job.item_id == draft.item.id if draft.item else Job.source_id == draft.source_id
    live = session.exec(select(Job).where(same, col(Job.status).in_(list(LIVE)))).first()
    cause = f"job {live.id}: {live.operation.value}, {live.status.value}" if live else ""
    if draft.operation is Operation.DISCOVER:
        return OperationInProgress("Another Discovery operation is already in progress", cause=cause)
    return OperationInProgress(f"Another operation is in progress on {draft.workload_name}", cause=cause)


def submit_each(
    context: Context, item_ids: Iterable[int], make: Callable[[Session, Item], JobDraft], *, effect: Callable[[Item], None] | None = None
) -> Submitted:
    """One job per item in one transaction; ``make`` refuses by raising, ``effect`` sets the state that shows at once."""
    batch, job_ids, refused = new_uid(), [], []
    with context.catalog.write() as session:
        for item_id in item_ids:
            item = session.get(Item, item_id)
            name = item.name if item else str(item_id)
            try:
                if item is None:
                    raise MachineNotFound(f"There is no item {item_id}")
                job = insert_job(session, context, make(session, item), batch)
            except StrongroomError as error:
                refused.append(Refusal(name, error.record()))
                continue
            job_ids.append(job.id or 0)
            if effect is not None:
                effect(item)
                session.add(item)
    return Submitted(batch, tuple(job_ids), tuple(refused))


def submit_one(context: Context, draft: JobDraft) -> Submitted:
    """One job. Raises ``OperationInProgress``."""
    batch = new_uid()
    with context.catalog.write() as session:
        job = insert_job(session, context, draft, batch)
    return Submitted(batch, (job.id or 0,))
