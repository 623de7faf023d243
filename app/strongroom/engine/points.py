"""Recovery points as rows: one function makes them from manifests, whoever found the manifest; holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, select

from strongroom.catalog.entities import Item, RecoveryPoint, Vault
from strongroom.domain.policy import PolicySpec
from strongroom.domain.retention import RetainedPoint, Tag, plan_expiry, reconsider
from strongroom.domain.states import Consistency
from strongroom.engine.audit import note
from strongroom.engine.chronicle import POINT_HELD, tell
from strongroom.engine.context import Context
from strongroom.engine.errors import PointNotFound
from strongroom.engine.vaults import vault_by_id
from strongroom.repository.manifest import DiskRecord, Manifest


def adopt(session: Session, item: Item, manifest: Manifest) -> RecoveryPoint:
    """The row of a committed manifest, made if it is not there: after a backup, after a crash, and in ``rebuild``."""
    key = manifest.commit_key
    known = session.exec(select(RecoveryPoint).where(RecoveryPoint.vault_id == item.vault_id, RecoveryPoint.manifest_key == key)).first()
    if known is not None:
        return known
    facts = manifest.facts
    point = RecoveryPoint(
        vault_id=item.vault_id,
        item_id=item.id or 0,
        manifest_key=key,
        seq=manifest.seq,
        taken_at=moment(manifest.taken_at),
        committed_at=moment(manifest.committed_at),
        consistency=Consistency(facts["consistency"]),
        consistency_reason=facts["consistency_reason"],
        disks=[_disk(disk) for disk in manifest.disks],
        used_bytes=sum(disk.used_bytes for disk in manifest.disks),
        read_bytes=sum(disk.read_bytes for disk in manifest.disks),
        stored_bytes=sum(disk.stored_bytes for disk in manifest.disks),
        tags=list(facts["tags"]),
        expires_at=moment(facts["expires_at"]) if facts["expires_at"] else None,
        expiry_reason=facts["expiry_reason"],
        facts=dict(facts),
    )
    session.add(point)
    session.flush()
    return point


def retained(point: RecoveryPoint) -> RetainedPoint:
    """A point as the rules of retention see it."""
    keep_until = point.facts.get("keep_until")
    return RetainedPoint(
        key=point.manifest_key,
        seq=point.seq,
        taken_at=point.taken_at,
        expires_at=point.expires_at,
        expiry_reason=point.expiry_reason,
        tags=tuple(Tag(tag) for tag in point.tags),
        keep_until=datetime.fromisoformat(keep_until) if keep_until else None,
        held_until=point.held_until,
        verified_at=point.verified_at,
        damaged=bool(point.damaged),
    )


def follow_policy(session: Session, item: Item, spec: PolicySpec) -> None:
    """Let every point of the item expire as this policy says: after an edit, a change of policy, a rebuild. Tags stay as committed (feature A8)."""
    points = session.exec(select(RecoveryPoint).where(RecoveryPoint.item_id == item.id)).all()
    for point, new in zip(points, reconsider([retained(point) for point in points], spec), strict=True):
        point.expires_at, point.expiry_reason = new.expires_at, new.expiry_reason
        session.add(point)


def expired_by(session: Session, item: Item, spec: PolicySpec, now: datetime) -> list[RecoveryPoint]:
    """The points of the item that a prune would remove under this policy and not under what they have now; shown before an edit is saved."""
    points = {point.manifest_key: point for point in session.exec(select(RecoveryPoint).where(RecoveryPoint.item_id == item.id))}
    present = [retained(point) for point in points.values()]
    going = {decision.point.key for decision in plan_expiry(present, now, keep_last=spec.retention.keep_last).remove}
    coming = plan_expiry(reconsider(present, spec), now, keep_last=spec.retention.keep_last).remove
    return [points[decision.point.key] for decision in coming if decision.point.key not in going]


def _disk(disk: DiskRecord) -> dict[str, Any]:
    shown = ("id", "size_bytes", "format", "mode", "reason", "used_bytes", "read_bytes", "stored_bytes")
    return {name: getattr(disk, name) for name in shown}


def moment(text: str) -> datetime:
    """An RFC 3339 time as an aware UTC datetime."""
    return datetime.fromisoformat(text).astimezone(UTC)


def point_rows(session: Session, point_id: int) -> tuple[RecoveryPoint, Item, Vault]:
    """A point with its item and vault. Raises ``PointNotFound``."""
    point = session.get(RecoveryPoint, point_id)
    item = session.get(Item, point.item_id) if point else None
    if point is None or item is None:
        raise PointNotFound(f"There is no recovery point {point_id}")
    return point, item, vault_by_id(session, point.vault_id)


def hold_point(context: Context, point_id: int, until: datetime | None) -> None:
    """Keep a point at least until then, whatever its policy says; None releases it (feature B4). Durable in the repository first."""
    with context.catalog.read() as session:
        point, item, vault = point_rows(session, point_id)
    stated = until.astimezone(UTC).isoformat() if until else None
    tell(context, vault, POINT_HELD, {"manifest_key": point.manifest_key, "until": stated})
    with context.catalog.write() as session:
        point, item, _ = point_rows(session, point_id)
        point.held_until = until.astimezone(UTC) if until else None
        session.add(point)
        note(session, context, "Hold point" if until else "Release point", item.name, point=point.manifest_key, until=stated)
