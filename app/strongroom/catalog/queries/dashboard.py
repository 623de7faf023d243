"""The dashboard's numbers and its list of what wants attention, counted as the glossary of states defines them (feature A15)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import Session

from strongroom.catalog.queries.jobs import JobRow, live_jobs, lives
from strongroom.catalog.queries.registered import UNREGISTERED
from strongroom.catalog.queries.tables import ITEM, JOB, MACHINE, POINT, VAULT, fetch, number
from strongroom.domain.states import JobStatus, ProtectionStatus, RegistrationStatus

RECENT = timedelta(hours=24)
ATTENTION_NAMED = 50  # of each kind
FILLING_BELOW_FREE_RATIO = 0.10


class AttentionKind(StrEnum):
    """Why something is on the attention list, most urgent first."""

    DAMAGED = "damaged"
    FAILED = "failed"
    NO_BACKUP = "no backup in 24 h"
    KEY_UNCONFIRMED = "recovery key not confirmed"
    TIPS_UNCONFIRMED = "rebuilt, newest points not confirmed"
    FILLING = "repository filling"
    WAITING = "waiting"
    VANISHED = "vanished"


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that wants somebody's eye; ``item_id`` or ``job_id`` lead there."""

    kind: AttentionKind
    item_id: int | None
    job_id: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One vault's numbers.

    ``protected`` counts the rows of Protected Items; ``registered`` the items that are registered, vanished ones included;
    ``discovered`` the machines that may be registered; ``without_policy`` the registered ones that are not protected.
    ``used_bytes`` is the repository's size, ``protected_bytes`` the used content of every disk at its item's newest point, and
    ``saved_ratio`` 1 - used ÷ the used content of all points, None while there is no point or no measurement.
    ``successful`` and ``failed`` ended in the last 24 hours; ``in_progress`` is everything that lives. ``live`` holds at most 200 of those.
    """

    protected: int
    registered: int
    discovered: int
    without_policy: int
    used_bytes: int
    protected_bytes: int
    saved_ratio: float | None
    points: int
    successful: int
    failed: int
    in_progress: int
    live: tuple[JobRow, ...]
    attention: tuple[Attention, ...]


@dataclass(frozen=True, slots=True)
class _Points:
    count: int
    used_bytes: int
    newest_used_bytes: int


def dashboard(session: Session, vault_id: int, *, now: datetime) -> Dashboard:
    """The numbers of one vault at ``now`` (aware); all zero for a vault that does not exist."""
    items = _items(session, vault_id)
    jobs = _recent_jobs(session, vault_id, now)
    points = _points(session, vault_id)
    vaults = fetch(session, select(VAULT.c.used_bytes, VAULT.c.measured_at).where(VAULT.c.id == vault_id))
    used_bytes, measured_at = vaults[0] if vaults else (0, None)
    return Dashboard(
        protected=sum(count for (_, protection), count in items.items() if protection != ProtectionStatus.NONE),
        registered=sum(count for (registration, _), count in items.items() if registration in _IS_REGISTERED),
        discovered=_discovered(session, vault_id),
        without_policy=sum(items.get((registration, ProtectionStatus.NONE), 0) for registration in _IS_REGISTERED),
        used_bytes=used_bytes,
        protected_bytes=points.newest_used_bytes,
        saved_ratio=1 - used_bytes / points.used_bytes if points.used_bytes and measured_at is not None else None,
        points=points.count,
        successful=jobs.get(JobStatus.COMPLETED, 0) + jobs.get(JobStatus.WARNINGS, 0),
        failed=jobs.get(JobStatus.FAILED, 0),
        in_progress=number(session, select(func.count(JOB.c.id)).where(lives(vault_id))),
        live=live_jobs(session, vault_id),
        attention=tuple(_attention(session, vault_id, now)),
    )


_IS_REGISTERED = (RegistrationStatus.REGISTERED, RegistrationStatus.VANISHED, RegistrationStatus.UNREGISTERING)


def _items(session: Session, vault_id: int) -> dict[tuple[RegistrationStatus, ProtectionStatus], int]:
    columns = (ITEM.c.registration, ITEM.c.protection)
    rows = fetch(session, select(*columns, func.count()).where(ITEM.c.vault_id == vault_id).group_by(*columns))
    return {(registration, protection): count for registration, protection, count in rows}


def _discovered(session: Session, vault_id: int) -> int:
    region = select(VAULT.c.region).where(VAULT.c.id == vault_id).scalar_subquery()
    present = select(func.count(MACHINE.c.id)).where(MACHINE.c.region == region, MACHINE.c.vanished_at.is_(None), UNREGISTERED)
    return number(session, present)


def _recent_jobs(session: Session, vault_id: int, now: datetime) -> dict[JobStatus, int]:
    ended = (JOB.c.vault_id == vault_id, JOB.c.ended_at >= now - RECENT)
    rows = fetch(session, select(JOB.c.status, func.count().label("jobs")).where(*ended).group_by(JOB.c.status))
    return {row.status: row.jobs for row in rows}


def _points(session: Session, vault_id: int) -> _Points:
    per_item = (
        # SQLite promises that a bare column beside one max() comes from the row that holds the maximum.
        select(
            func.max(POINT.c.taken_at),
            POINT.c.used_bytes.label("newest"),
            func.count().label("points"),
            func.sum(POINT.c.used_bytes).label("used"),
        )
        .where(POINT.c.vault_id == vault_id)
        .group_by(POINT.c.item_id)
        .subquery()
    )
    (row,) = fetch(session, select(func.sum(per_item.c.points), func.sum(per_item.c.used), func.sum(per_item.c.newest)))
    return _Points(*(int(value or 0) for value in row))


def _attention(session: Session, vault_id: int, now: datetime) -> Iterable[Attention]:
    yield from _damaged(session, vault_id)
    yield from _failed(session, vault_id)
    yield from _without_backup(session, vault_id, now)
    yield from _vault_matters(session, vault_id)
    yield from _waiting(session, vault_id)
    yield from _vanished(session, vault_id)


def _damaged(session: Session, vault_id: int) -> Iterable[Attention]:
    columns = (POINT.c.item_id, ITEM.c.name, ITEM.c.cloud_service, func.count().label("points"))
    joined = POINT.join(ITEM, ITEM.c.id == POINT.c.item_id)
    damaged = select(*columns).select_from(joined).where(POINT.c.vault_id == vault_id, POINT.c.damaged != [])
    for row in fetch(session, damaged.group_by(POINT.c.item_id).order_by(ITEM.c.name).limit(ATTENTION_NAMED)):
        yield Attention(AttentionKind.DAMAGED, row.item_id, None, f"{_full_name(row)}: {row.points} damaged recovery points")


def _failed(session: Session, vault_id: int) -> Iterable[Attention]:
    wrong = (ITEM.c.protection == ProtectionStatus.ERROR) | (ITEM.c.registration == RegistrationStatus.FAILED)
    for row in _items_where(session, vault_id, wrong):
        error = row.protection_error if row.protection == ProtectionStatus.ERROR else row.registration_error
        status = row.protection if row.protection == ProtectionStatus.ERROR else row.registration
        yield Attention(AttentionKind.FAILED, row.id, None, f"{_full_name(row)}: {error.get('message') or status}")


def _without_backup(session: Session, vault_id: int, now: datetime) -> Iterable[Attention]:
    """Items that are backed up by a policy, for longer than a day, and have no point of the last day."""
    newest = select(func.max(POINT.c.taken_at)).where(POINT.c.item_id == ITEM.c.id).scalar_subquery()
    since = now - RECENT
    meant = ITEM.c.protection.in_([ProtectionStatus.PENDING, ProtectionStatus.PROTECTED, ProtectionStatus.ERROR])
    late = and_(meant, func.coalesce(newest, ITEM.c.protected_at, ITEM.c.registered_at) < since)
    for row in _items_where(session, vault_id, late):
        yield Attention(AttentionKind.NO_BACKUP, row.id, None, f"{_full_name(row)}: no backup in 24 h")


def _vault_matters(session: Session, vault_id: int) -> Iterable[Attention]:
    rows = fetch(session, select(VAULT).where(VAULT.c.id == vault_id))
    for row in rows:
        if row.recovery_confirmed_at is None:
            yield Attention(AttentionKind.KEY_UNCONFIRMED, None, None, f"{row.name}: nobody has confirmed that the recovery key was kept")
        if row.rebuilt_at is not None and (row.tips_confirmed_at is None or row.tips_confirmed_at < row.rebuilt_at):
            text = f"{row.name}: rebuilt; nothing is pruned until the newest points are confirmed"
            yield Attention(AttentionKind.TIPS_UNCONFIRMED, None, None, text)
        if row.free_bytes is not None and row.free_bytes < (row.free_bytes + row.used_bytes) * FILLING_BELOW_FREE_RATIO:
            yield Attention(AttentionKind.FILLING, None, None, f"{row.name}: the repository's file system has {row.free_bytes} bytes left")


def _waiting(session: Session, vault_id: int) -> Iterable[Attention]:
    waiting = (lives(vault_id), JOB.c.status == JobStatus.QUEUED, JOB.c.waiting_for != "")
    columns = (JOB.c.id, JOB.c.item_id, JOB.c.operation, JOB.c.workload_name, JOB.c.waiting_for)
    for row in fetch(session, select(*columns).where(*waiting).order_by(JOB.c.id).limit(ATTENTION_NAMED)):
        text = f"{row.operation} {row.workload_name} waits: {row.waiting_for}"
        yield Attention(AttentionKind.WAITING, row.item_id, row.id, text)


def _vanished(session: Session, vault_id: int) -> Iterable[Attention]:
    for row in _items_where(session, vault_id, ITEM.c.registration == RegistrationStatus.VANISHED):
        yield Attention(AttentionKind.VANISHED, row.id, None, f"{_full_name(row)}: its source does not show it any more")


def _items_where(session: Session, vault_id: int, condition: ColumnElement[bool]) -> Iterable[Any]:
    columns = (
        ITEM.c.id,
        ITEM.c.name,
        ITEM.c.cloud_service,
        ITEM.c.protection,
        ITEM.c.registration,
        ITEM.c.protection_error,
        ITEM.c.registration_error,
    )
    found = select(*columns).where(ITEM.c.vault_id == vault_id, condition)
    return fetch(session, found.order_by(ITEM.c.name, ITEM.c.cloud_service, ITEM.c.id).limit(ATTENTION_NAMED))


def _full_name(row: Any) -> str:
    return f"{row.cloud_service}/{row.name}"
