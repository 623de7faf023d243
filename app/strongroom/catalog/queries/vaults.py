"""Vaults with their counts, and what stands in the way of deleting one (feature A1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, func, select
from sqlmodel import Session

from strongroom.catalog.queries.jobs import lives
from strongroom.catalog.queries.page import FIRST, OWN_ORDER, Key, Listing, Order, Page, keys_for, page_of
from strongroom.catalog.queries.tables import ITEM, JOB, POINT, VAULT, fetch, number
from strongroom.domain.states import ProtectionStatus

BLOCKERS_NAMED = 20


@dataclass(frozen=True, slots=True)
class VaultRow:
    """One vault; ``used_bytes`` and ``free_bytes`` are the repository's as last measured (``measured_at`` None: never).

    ``tips_confirmed`` is False only between a rebuild and the confirmation that no newer point is missing.
    """

    vault_id: int
    uid: str
    name: str
    region: str
    repository_path: str
    repository_id: str
    redundancy: str
    created_at: datetime
    recovery_confirmed_at: datetime | None
    items: int
    protected: int
    points: int
    used_bytes: int
    free_bytes: int | None
    measured_at: datetime | None
    tips_confirmed: bool


_ITEMS = select(func.count()).select_from(ITEM).where(ITEM.c.vault_id == VAULT.c.id)
_POINTS = select(func.count()).select_from(POINT).where(POINT.c.vault_id == VAULT.c.id)
_COUNTS = (
    _ITEMS.scalar_subquery().label("items"),
    _ITEMS.where(ITEM.c.protection != ProtectionStatus.NONE).scalar_subquery().label("protected"),
    _POINTS.scalar_subquery().label("points"),
)


def vaults(session: Session, *, page: Page = FIRST, order: Order = OWN_ORDER) -> Listing[VaultRow]:
    """All vaults by name; ``order`` may name name, region or created_at."""
    columns = {"name": VAULT.c.name, "region": VAULT.c.region, "created_at": VAULT.c.created_at}
    rows, following = page_of(session, _statement(), keys_for(order, (Key(VAULT.c.name),), columns), page)
    return Listing(tuple(_vault_row(row) for row in rows), following, number(session, select(func.count()).select_from(VAULT)))


def vault(session: Session, vault_id: int) -> VaultRow | None:
    """One vault; None if there is none of that id."""
    return _first(fetch(session, _statement().where(VAULT.c.id == vault_id)))


def find_vault(session: Session, name: str) -> VaultRow | None:
    """The vault of exactly that name; None if there is none."""
    return _first(fetch(session, _statement().where(VAULT.c.name == name)))


def blockers(session: Session, vault_id: int) -> tuple[str, ...]:
    """Exactly what keeps the vault from being deleted, in words; empty when it may go.

    Registered items (with their points), points without an item of this vault, and live jobs do; policies do not. Past
    twenty of a kind the rest is counted.
    """
    return (*_blocking_items(session, vault_id), *_blocking_jobs(session, vault_id))


def _blocking_items(session: Session, vault_id: int) -> tuple[str, ...]:
    points = select(func.count()).select_from(POINT).where(POINT.c.item_id == ITEM.c.id).scalar_subquery()
    columns = (ITEM.c.name, ITEM.c.cloud_service, ITEM.c.protection, points.label("points"))
    named = select(*columns).where(ITEM.c.vault_id == vault_id).order_by(ITEM.c.name, ITEM.c.cloud_service).limit(BLOCKERS_NAMED)
    found = [
        f"registered item {row.cloud_service}/{row.name} ({row.protection}, {row.points} recovery points)" for row in fetch(session, named)
    ]
    return _with_rest(session, found, ITEM, ITEM.c.vault_id == vault_id, "registered items")


def _blocking_jobs(session: Session, vault_id: int) -> tuple[str, ...]:
    live = lives(vault_id)
    columns = (JOB.c.id, JOB.c.operation, JOB.c.status, JOB.c.workload_name)
    named = select(*columns).where(live).order_by(JOB.c.id).limit(BLOCKERS_NAMED)
    found = [f"job {row.id}: {row.operation} {row.workload_name} ({row.status})" for row in fetch(session, named)]
    return _with_rest(session, found, JOB, live, "live jobs")


def _with_rest(session: Session, named: list[str], table: Table, condition: Any, kind: str) -> tuple[str, ...]:
    if len(named) < BLOCKERS_NAMED:
        return tuple(named)
    rest = number(session, select(func.count()).select_from(table).where(condition)) - len(named)
    return (*named, f"{rest} more {kind}") if rest else tuple(named)


def _statement() -> Select[Any]:
    return select(
        VAULT.c.id,
        VAULT.c.uid,
        VAULT.c.name,
        VAULT.c.region,
        VAULT.c.repository_path,
        VAULT.c.repository_id,
        VAULT.c.redundancy,
        VAULT.c.created_at,
        VAULT.c.recovery_confirmed_at,
        VAULT.c.used_bytes,
        VAULT.c.free_bytes,
        VAULT.c.measured_at,
        VAULT.c.rebuilt_at,
        VAULT.c.tips_confirmed_at,
        *_COUNTS,
    )


def _first(rows: Sequence[Any]) -> VaultRow | None:
    return _vault_row(rows[0]) if rows else None


def _vault_row(row: Any) -> VaultRow:
    return VaultRow(
        vault_id=row.id,
        uid=row.uid,
        name=row.name,
        region=row.region,
        repository_path=row.repository_path,
        repository_id=row.repository_id,
        redundancy=row.redundancy,
        created_at=row.created_at,
        recovery_confirmed_at=row.recovery_confirmed_at,
        items=row.items,
        protected=row.protected,
        points=row.points,
        used_bytes=row.used_bytes,
        free_bytes=row.free_bytes,
        measured_at=row.measured_at,
        tips_confirmed=_confirmed(row.rebuilt_at, row.tips_confirmed_at),
    )


def _confirmed(rebuilt_at: datetime | None, tips_confirmed_at: datetime | None) -> bool:
    return rebuilt_at is None or (tips_confirmed_at is not None and tips_confirmed_at >= rebuilt_at)
