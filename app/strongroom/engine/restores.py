"""Restore, on the catalog's side (feature A16); the data's way is ``work.restore``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from strongroom.catalog.entities import Item, Job, Machine, RecoveryPoint, Source, Vault
from strongroom.domain.errors import InvalidInput
from strongroom.domain.states import Consistency, Operation
from strongroom.engine.context import Context
from strongroom.engine.errors import MachineNotFound, PointNotFound, SourceNotFound
from strongroom.engine.keyring import open_repository
from strongroom.engine.points import point_rows
from strongroom.engine.sources import source_by_id
from strongroom.engine.submission import JobDraft, Submitted, submit_one
from strongroom.engine.undertaking import Apply, Outcome, Result, Undertaking, WorkerSpec
from strongroom.engine.work.places import source_of
from strongroom.engine.work.restore import PREPARE, PUBLISH, WRITE, restore_request
from strongroom.providers.base import Capabilities, Placement, RestorePreview


@dataclass(frozen=True, slots=True)
class RestoreWish:
    """What an operator asks for. ``source_id`` None means the machine's own source, ``disk_format`` empty means as it was."""

    point_id: int
    placement: Placement
    name: str = ""
    cloud_service: str = ""
    source_id: int | None = None
    folder: str = ""
    disk_format: str = ""
    start: bool = False


def newest_point(context: Context, item_id: int, *, before: datetime | None = None, at_least: Consistency | None = None) -> int:
    """The id of the newest sound point of the item that fits. Raises ``PointNotFound``."""
    wanted = list(Consistency)[list(Consistency).index(at_least) :] if at_least else list(Consistency)
    query = select(RecoveryPoint).where(RecoveryPoint.item_id == item_id, col(RecoveryPoint.consistency).in_(wanted))
    if before is not None:
        query = query.where(RecoveryPoint.taken_at <= before)
    with context.catalog.read() as session:
        points = session.exec(query.order_by(col(RecoveryPoint.taken_at).desc())).all()
        found = next((point for point in points if not point.damaged), None)
    if found is None:
        raise PointNotFound("No recovery point fits", cause=f"{len(points)} of that time and consistency, all damaged" if points else "")
    return found.id or 0


def preview_restore(context: Context, wish: RestoreWish) -> RestorePreview:
    """What the restore would make, what will not come back, and what forbids it; touches nothing."""
    with context.catalog.read() as session:
        _, _, vault = point_rows(session, wish.point_id)
        body = _body(session, vault, wish)
    manifest = open_repository(context, vault).manifest(body["manifest_key"])
    with source_of(body) as provider:
        return provider.preview_restore(restore_request({**body, "job_uid": "preview"}, manifest))


def restore_capabilities(context: Context, point_id: int) -> Capabilities:
    """What the source can do to which the point is restored unless another is named; raises ``SourceNotFound`` if it is gone."""
    with context.catalog.read() as session:
        point, item, _ = point_rows(session, point_id)
        machine = session.get(Machine, item.machine_id) if item.machine_id else None
        source = _source(session, None, machine, point)
    with source_of({"source": source}) as provider:
        return provider.capabilities


def request_restore(context: Context, wish: RestoreWish) -> Submitted:
    """One Restore job. The original place is exclusive with other operations on the item; a new machine is not."""
    with context.catalog.read() as session:
        _, item, vault = point_rows(session, wish.point_id)
        body = _body(session, vault, wish)
    draft = JobDraft(
        Operation.RESTORE,
        item.name,
        vault_id=vault.id,
        item=item,
        request={**body, "point_id": wish.point_id},
    )
    return submit_one(context, draft)


def _body(session: Session, vault: Vault, wish: RestoreWish) -> dict[str, Any]:
    """The wish made complete: every default named."""
    point, item, _ = point_rows(session, wish.point_id)
    machine = session.get(Machine, item.machine_id) if item.machine_id else None
    source = _source(session, wish.source_id, machine, point)
    if wish.placement is Placement.NEW_MACHINE and not wish.name.strip():
        raise InvalidInput("A new machine needs a name", action="Give one: --name NAME")
    if wish.placement is Placement.DISKS and not wish.folder.startswith("/"):
        raise InvalidInput("Disks need a folder to go to, as an absolute path", action="Give one: --folder /PATH")
    return {
        "repository_path": vault.repository_path,
        "manifest_key": point.manifest_key,
        "source": source,
        "placement": wish.placement.value,
        "name": wish.name.strip() or item.name,
        "cloud_service": wish.cloud_service.strip() or item.cloud_service,
        "native_id": _native_id(wish, machine, item),
        "folder": wish.folder,
        "disk_format": wish.disk_format,
        "start": wish.start,
    }


def _source(session: Session, source_id: int | None, machine: Machine | None, point: RecoveryPoint) -> dict[str, str]:
    """Where the restore goes: the chosen source, the machine's present one, or the one that the manifest remembers."""
    if source_id is not None:
        chosen = source_by_id(session, source_id)
        return {"address": chosen.address, "region": chosen.region}
    present = session.get(Source, machine.source_id) if machine else None
    if present is not None:
        return {"address": present.address, "region": present.region}
    remembered = point.facts.get("source")
    if not remembered:
        raise SourceNotFound("The machine's source is gone", action="Name another one: --source ADDRESS")
    return {"address": remembered["address"], "region": remembered["region"]}


def _native_id(wish: RestoreWish, machine: Machine | None, item: Item) -> str:
    if wish.placement is not Placement.ORIGINAL:
        return ""
    if machine is None or machine.vanished_at is not None:
        raise MachineNotFound(f"{item.name} is not at its source any more", action="Restore it as a new machine instead.")
    return machine.native_id


def _spec(context: Context, job: Job) -> WorkerSpec:
    with context.catalog.read() as session:
        _, _, vault = point_rows(session, job.request["point_id"])
    return WorkerSpec(dict(job.request), vault_uid=vault.uid)


def _perform(_context: Context, job: Job, result: Result) -> Apply:
    def apply(_session: Session) -> Outcome:
        return Outcome(result=dict(result), point_id=job.request["point_id"])

    return apply


RESTORE = Undertaking(perform=_perform, spec=_spec, sub_tasks=(PREPARE, WRITE, PUBLISH))
