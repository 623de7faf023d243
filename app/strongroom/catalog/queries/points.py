"""Recovery points as lists and details show them (features A12, A14, B4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session

from strongroom.catalog.queries.page import FIRST, OWN_ORDER, Key, Listing, Order, Page, keys_for, page_of
from strongroom.catalog.queries.tables import ITEM, POINT, fetch, number
from strongroom.domain.states import Consistency


@dataclass(frozen=True, slots=True)
class PointRow:
    """One recovery point; ``expires_at`` None means never, ``damaged`` says in words what a verification found (empty: nothing)."""

    point_id: int
    vault_id: int
    item_id: int
    item_name: str
    cloud_service: str
    manifest_key: str
    seq: int
    taken_at: datetime
    committed_at: datetime
    consistency: Consistency
    consistency_reason: str
    used_bytes: int
    read_bytes: int
    stored_bytes: int
    tags: tuple[str, ...]
    expires_at: datetime | None
    expiry_reason: str
    held_until: datetime | None
    verified_at: datetime | None
    damaged: tuple[str, ...]
    disks: tuple[dict[str, Any], ...]


_JOINED = POINT.join(ITEM, ITEM.c.id == POINT.c.item_id)
_COLUMNS = (
    POINT.c.id,
    POINT.c.vault_id,
    POINT.c.item_id,
    ITEM.c.name.label("item_name"),
    ITEM.c.cloud_service,
    POINT.c.manifest_key,
    POINT.c.seq,
    POINT.c.taken_at,
    POINT.c.committed_at,
    POINT.c.consistency,
    POINT.c.consistency_reason,
    POINT.c.used_bytes,
    POINT.c.read_bytes,
    POINT.c.stored_bytes,
    POINT.c.tags,
    POINT.c.expires_at,
    POINT.c.expiry_reason,
    POINT.c.held_until,
    POINT.c.verified_at,
    POINT.c.damaged,
    POINT.c.disks,
)
_SORTABLE = {"taken_at": POINT.c.taken_at, "consistency": POINT.c.consistency, "stored_bytes": POINT.c.stored_bytes}


def points(
    session: Session, item_id: int, *, consistency: Consistency | None = None, page: Page = FIRST, order: Order = OWN_ORDER
) -> Listing[PointRow]:
    """An item's recovery points, newest first; ``order`` may name taken_at, consistency or stored_bytes."""
    conditions = [POINT.c.item_id == item_id]
    if consistency is not None:
        conditions.append(POINT.c.consistency == consistency)
    newest_first = (Key(POINT.c.taken_at, descending=True), Key(POINT.c.id, descending=True))
    statement = select(*_COLUMNS).select_from(_JOINED).where(*conditions)
    rows, following = page_of(session, statement, keys_for(order, newest_first, _SORTABLE), page)
    total = number(session, select(func.count()).select_from(POINT).where(*conditions))
    return Listing(tuple(_point_row(row) for row in rows), following, total)


def point(session: Session, point_id: int) -> PointRow | None:
    """One recovery point; None if there is none of that id."""
    found = fetch(session, select(*_COLUMNS).select_from(_JOINED).where(POINT.c.id == point_id))
    return _point_row(found[0]) if found else None


def _point_row(row: Any) -> PointRow:
    return PointRow(
        point_id=row.id,
        vault_id=row.vault_id,
        item_id=row.item_id,
        item_name=row.item_name,
        cloud_service=row.cloud_service,
        manifest_key=row.manifest_key,
        seq=row.seq,
        taken_at=row.taken_at,
        committed_at=row.committed_at,
        consistency=row.consistency,
        consistency_reason=row.consistency_reason,
        used_bytes=row.used_bytes,
        read_bytes=row.read_bytes,
        stored_bytes=row.stored_bytes,
        tags=tuple(row.tags),
        expires_at=row.expires_at,
        expiry_reason=row.expiry_reason,
        held_until=row.held_until,
        verified_at=row.verified_at,
        damaged=tuple(row.damaged),
        disks=tuple(row.disks),
    )
