"""The list Protected Items: every item with points or a policy's promise of them (features A7, A9, A14, A17)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlmodel import Session

from strongroom.catalog.queries.naming import called
from strongroom.catalog.queries.page import FIRST, OWN_ORDER, Key, Listing, Order, Page, keys_for, page_of
from strongroom.catalog.queries.tables import ITEM, JOB, POINT, POLICY, fetch, number
from strongroom.catalog.queries.text import matches
from strongroom.domain.states import LIVE, Consistency, ProtectionStatus, RegistrationStatus, WorkloadType


@dataclass(frozen=True, slots=True)
class ProtectedRow:
    """One protected item; ``points`` counts its recovery points, ``newest_*`` are about the newest of them.

    ``last_backup_at`` is when the last backup job ended, however it ended (``last_backup_status`` says how).
    """

    item_id: int
    uid: str
    vault_id: int
    machine_id: int | None
    name: str
    cloud_service: str
    region: str
    workload_type: WorkloadType
    registration: RegistrationStatus
    status: ProtectionStatus
    points: int
    policy_id: int | None
    policy_name: str
    newest_point_at: datetime | None
    newest_consistency: Consistency | None
    last_backup_at: datetime | None
    last_backup_status: str
    live_job_id: int | None
    error: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Points:
    """What a row says of its item's points."""

    count: int = 0
    newest_at: datetime | None = None
    consistency: Consistency | None = None


NO_POINTS = _Points()
PROTECTED = ITEM.c.protection != ProtectionStatus.NONE
_COLUMNS = (
    ITEM.c.id,
    ITEM.c.uid,
    ITEM.c.vault_id,
    ITEM.c.machine_id,
    ITEM.c.name,
    ITEM.c.cloud_service,
    ITEM.c.region,
    ITEM.c.workload_type,
    ITEM.c.registration,
    ITEM.c.protection,
    ITEM.c.policy_id,
    POLICY.c.name.label("policy_name"),
    ITEM.c.last_backup_at,
    ITEM.c.last_backup_status,
    ITEM.c.protection_error,
)
_KEYS = (Key(ITEM.c.name), Key(ITEM.c.cloud_service), Key(ITEM.c.id))
_SORTABLE: dict[str, ColumnElement[Any]] = {
    "name": ITEM.c.name,
    "cloud_service": ITEM.c.cloud_service,
    "workload_type": ITEM.c.workload_type,
    "status": ITEM.c.protection,
    "policy_name": func.coalesce(POLICY.c.name, ""),
}


def protected(
    session: Session,
    vault_id: int,
    *,
    workload_type: WorkloadType | None = None,
    text: str = "",
    status: ProtectionStatus | None = None,
    policy_id: int | None = None,
    page: Page = FIRST,
    order: Order = OWN_ORDER,
) -> Listing[ProtectedRow]:
    """A vault's protected items by name and cloud service; ``order`` may name name, cloud_service, workload_type, status, policy_name."""
    conditions = [ITEM.c.vault_id == vault_id, PROTECTED, matches(text, ITEM.c.name, ITEM.c.cloud_service)]
    if workload_type is not None:
        conditions.append(ITEM.c.workload_type == workload_type)
    if status is not None:
        conditions.append(ITEM.c.protection == status)
    if policy_id is not None:
        conditions.append(ITEM.c.policy_id == policy_id)
    rows, following = page_of(session, _statement().where(*conditions), keys_for(order, _KEYS, _SORTABLE), page)
    total = number(session, select(func.count()).select_from(ITEM).where(*conditions))
    return Listing(_completed(session, rows), following, total)


def protected_item(session: Session, item_id: int) -> ProtectedRow | None:
    """One item, protected or not; None if there is none of that id."""
    found = _completed(session, fetch(session, _statement().where(ITEM.c.id == item_id)))
    return found[0] if found else None


def find_item(session: Session, vault_id: int | None, name: str) -> list[ProtectedRow]:
    """Every item, protected or not, called ``NAME`` or ``SERVICE/NAME`` in that vault, or in all of them."""
    conditions = [called(name, ITEM.c.name, ITEM.c.cloud_service)]
    if vault_id is not None:
        conditions.append(ITEM.c.vault_id == vault_id)
    rows = fetch(session, _statement().where(*conditions).order_by(*(key.expression for key in _KEYS)))
    return list(_completed(session, rows))


def _statement() -> Select[Any]:
    return select(*_COLUMNS).select_from(ITEM.outerjoin(POLICY, POLICY.c.id == ITEM.c.policy_id))


def _completed(session: Session, rows: Sequence[Any]) -> tuple[ProtectedRow, ...]:
    """Rows with what is counted elsewhere, asked for all of them at once."""
    ids = [row.id for row in rows]
    points, live = _points_of(session, ids), _live_jobs_of(session, ids)
    return tuple(_protected_row(row, points.get(row.id, NO_POINTS), live.get(row.id)) for row in rows)


def _points_of(session: Session, item_ids: Iterable[int]) -> dict[int, _Points]:
    newest = func.max(POINT.c.taken_at).label("newest_at")
    # SQLite promises that a bare column beside one max() comes from the row that holds the maximum.
    statement = select(POINT.c.item_id, func.count().label("points"), newest, POINT.c.consistency)
    rows = fetch(session, statement.where(POINT.c.item_id.in_(list(item_ids))).group_by(POINT.c.item_id))
    return {row.item_id: _Points(row.points, row.newest_at, row.consistency) for row in rows}


def _live_jobs_of(session: Session, item_ids: Iterable[int]) -> dict[int, int]:
    rows = fetch(session, select(JOB.c.item_id, JOB.c.id).where(JOB.c.status.in_(sorted(LIVE)), JOB.c.item_id.in_(list(item_ids))))
    return {row.item_id: row.id for row in rows}


def _protected_row(row: Any, points: _Points, live_job_id: int | None) -> ProtectedRow:
    return ProtectedRow(
        item_id=row.id,
        uid=row.uid,
        vault_id=row.vault_id,
        machine_id=row.machine_id,
        name=row.name,
        cloud_service=row.cloud_service,
        region=row.region,
        workload_type=row.workload_type,
        registration=row.registration,
        status=row.protection,
        points=points.count,
        policy_id=row.policy_id,
        policy_name=row.policy_name or "",
        newest_point_at=points.newest_at,
        newest_consistency=points.consistency,
        last_backup_at=row.last_backup_at,
        last_backup_status=row.last_backup_status,
        live_job_id=live_job_id,
        error=row.protection_error,
    )
