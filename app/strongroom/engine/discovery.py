"""Discover: always the first step and always repeatable (feature A3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from strongroom.catalog.entities import Item, Job, Machine, Source
from strongroom.catalog.entities.columns import new_uid
from strongroom.domain.states import LIVE, AgentState, Operation, PowerState, RegistrationStatus, WorkloadType
from strongroom.engine.context import Context
from strongroom.engine.errors import OperationInProgress, SourceNotFound
from strongroom.engine.sources import source_by_id
from strongroom.engine.submission import JobDraft, Submitted, insert_job
from strongroom.engine.undertaking import Apply, Outcome, Result, Undertaking, WorkerSpec
from strongroom.engine.work.discover import SEARCH


def request_discovery(context: Context, source_ids: Iterable[int] | None = None) -> Submitted:
    """One Discover job per source (default: all). Raises ``OperationInProgress`` while one runs, ``SourceNotFound`` without any source."""
    batch, job_ids = new_uid(), []
    with context.catalog.write() as session:
        wanted = list(source_ids) if source_ids is not None else [source.id or 0 for source in session.exec(select(Source))]
        if not wanted:
            raise SourceNotFound("There is no source to discover", action="Add one: strongroom source add ADDRESS --region REGION")
        _refuse_second(session, wanted)
        for source_id in wanted:
            source = source_by_id(session, source_id)
            draft = JobDraft(Operation.DISCOVER, source.address, source_id=source_id)
            job = insert_job(session, context, draft, batch)
            job.workload_type = source.workload_type
            job_ids.append(job.id or 0)
    return Submitted(batch, tuple(job_ids))


def _refuse_second(session: Session, wanted: list[int]) -> None:
    live = session.exec(select(Job).where(col(Job.source_id).in_(wanted), col(Job.status).in_(list(LIVE)))).first()
    if live:
        raise OperationInProgress("Another Discovery operation is already in progress", cause=f"job {live.id} on {live.workload_name}")


def _spec(context: Context, job: Job) -> WorkerSpec:
    with context.catalog.read() as session:
        source = source_by_id(session, job.source_id or 0)
        return WorkerSpec({"source": {"address": source.address, "region": source.region}})


def _perform(context: Context, job: Job, result: Result) -> Apply:
    def apply(session: Session) -> Outcome:
        source = source_by_id(session, job.source_id or 0)
        counts = record_machines(session, source, result["machines"], context.clock.now())
        return Outcome(result=dict(counts))

    return apply


def record_machines(session: Session, source: Source, found: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, int]:
    """Fold what a discovery saw into the catalog: add, update, mark vanished; returns the counts."""
    known = {machine.identity: machine for machine in session.exec(select(Machine).where(Machine.source_id == source.id))}
    counts = {"found": 0, "new": 0, "returned": 0, "vanished": 0}
    seen = set()
    for facts in found:
        identity = f"{source.address}#{facts['native_id']}"
        machine = known.get(identity)
        counts["found"] += 1
        counts["new"] += machine is None
        counts["returned"] += machine is not None and machine.vanished_at is not None
        values = _values(facts, now)
        if machine is None:
            machine = Machine(source_id=source.id or 0, identity=identity, first_seen_at=now, **values)
        else:
            machine.sqlmodel_update(values)
        session.add(machine)
        seen.add(identity)
    for identity, machine in known.items():
        if identity not in seen and machine.vanished_at is None:
            machine.vanished_at = now
            counts["vanished"] += 1
    source.discovered_at = now
    session.flush()
    _follow_machines(session, source)
    return counts


def _values(facts: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "native_id": facts["native_id"],
        "name": facts["name"],
        "cloud_service": facts["cloud_service"],
        "region": facts["region"],
        "workload_type": WorkloadType(facts["workload_type"]),
        "power": PowerState(facts["power"]),
        "agent": AgentState(facts["agent"]),
        "operating_system": facts["operating_system"],
        "disks": list(facts["disks"]),
        "last_seen_at": now,
        "vanished_at": None,
    }


def _follow_machines(session: Session, source: Source) -> None:
    """An item shows its machine's present name, cloud service and absence; it finds its machine again by identity."""
    pairs = session.exec(select(Item, Machine).where(Item.identity == Machine.identity, Machine.source_id == source.id))
    for item, machine in pairs:
        item.machine_id, item.name, item.cloud_service = machine.id, machine.name, machine.cloud_service
        if item.registration is RegistrationStatus.REGISTERED and machine.vanished_at is not None:
            item.registration = RegistrationStatus.VANISHED
        elif item.registration is RegistrationStatus.VANISHED and machine.vanished_at is None:
            item.registration = RegistrationStatus.REGISTERED
        session.add(item)


DISCOVER = Undertaking(perform=_perform, spec=_spec, sub_tasks=(SEARCH,))
