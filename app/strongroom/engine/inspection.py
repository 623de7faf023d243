"""Look at a vault's repository: is it whole (feature B3), and what does it hold. Neither removes or repairs anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from strongroom.catalog.entities import Item, RecoveryPoint, Vault
from strongroom.catalog.queries.dashboard import dashboard
from strongroom.engine.context import Context
from strongroom.engine.keyring import open_repository, open_store
from strongroom.engine.upkeep import measure
from strongroom.engine.vaults import vault_by_id
from strongroom.repository.checking.check import CheckReport, Tier, check, check_hashes
from strongroom.repository.counters import Counters
from strongroom.repository.errors import KeyMissing
from strongroom.repository.protocol.quarantine import bad_packs

_PROGRESS_SECONDS = 0.25
ProgressSink = Callable[[int, int], None]
"""Called a few times a second with the bytes done and their total."""


@dataclass(frozen=True, slots=True)
class AffectedPoint:
    """A recovery point that some problem affects; ``point_id`` is None for one that the catalog does not know."""

    manifest_key: str
    point_id: int | None = None
    cloud_service: str = ""
    item_name: str = ""
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundProblem:
    """One thing that is wrong: its kind in words, the object's key, what was seen, and the recovery points that suffer."""

    kind: str
    object: str
    detail: str
    points: tuple[AffectedPoint, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a check found; no problem means that every recovery point passed the tier."""

    tier: str
    problems: tuple[FoundProblem, ...]
    objects: int
    checked_bytes: int


def check_repository(context: Context, vault_id: int, tier: str, progress: ProgressSink) -> Inspection:
    """Check at tier «list», «hash» or «data». Without the service's key only «hash» works, and cannot name recovery points.

    Safe beside running jobs. Packs whose bytes are wrong get a quarantine mark. Raises ``KeyMissing``, ``RepositoryNotFound``.
    """
    with context.catalog.read() as session:
        vault = vault_by_id(session, vault_id)
    counters = Counters()
    report = _report(context, vault, Tier(tier), counters, _thinned(counters, progress))
    with context.catalog.read() as session:
        points = _named(session, vault_id, report.affected_points)
    problems = tuple(
        FoundProblem(problem.kind.value, problem.object, problem.detail, tuple(points[key] for key in problem.points))
        for problem in report.problems
    )
    return Inspection(tier, problems, report.objects, report.bytes)


def _report(context: Context, vault: Vault, tier: Tier, counters: Counters, look: Callable[[], None]) -> CheckReport:
    try:
        repository = open_repository(context, vault)
    except KeyMissing:
        if tier is not Tier.HASH:
            raise
        return check_hashes(open_store(vault.repository_path), counters, look)
    return check(repository, tier, counters, look)


def _thinned(counters: Counters, progress: ProgressSink) -> Callable[[], None]:
    """The check asks often whether it was cancelled; that is when progress is told, now and then."""
    told_at = float("-inf")

    def look() -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _PROGRESS_SECONDS:
            told_at = time.monotonic()
            progress(counters.done_bytes, counters.total_bytes)

    return look


def _named(session: Session, vault_id: int, keys: Iterable[str]) -> Mapping[str, AffectedPoint]:
    """The recovery points behind commit keys, as operators know them."""
    found = {key: AffectedPoint(key) for key in keys}
    query = select(RecoveryPoint, Item).join(Item, col(Item.id) == RecoveryPoint.item_id).where(RecoveryPoint.vault_id == vault_id)
    for point, item in session.exec(query.where(col(RecoveryPoint.manifest_key).in_(list(found)))):
        found[point.manifest_key] = AffectedPoint(point.manifest_key, point.id, item.cloud_service, item.name, point.taken_at)
    return found


def repository_stats(context: Context, vault_id: int) -> dict[str, Any]:
    """How much a repository holds and saves, measured now; sizes in bytes, ``saved_ratio`` None while there is no point."""
    with context.catalog.read() as session:
        vault = vault_by_id(session, vault_id)
    repository = open_repository(context, vault)
    measure(context, vault)
    packs = [info.size_bytes for info in repository.store.list("packs/")]
    with context.catalog.read() as session:
        vault = vault_by_id(session, vault_id)
        board = dashboard(session, vault_id, now=context.clock.now())
        held_bytes = session.exec(select(func.sum(RecoveryPoint.used_bytes)).where(RecoveryPoint.vault_id == vault_id)).one()
    return {
        "repository_id": repository.id,
        "repository_path": vault.repository_path,
        "recovery_points": board.points,
        "packs": len(packs),
        "damaged_packs": len(bad_packs(repository)),
        "pack_bytes": sum(packs),
        "used_bytes": vault.used_bytes,
        "free_bytes": vault.free_bytes,
        "protected_bytes": board.protected_bytes,
        "points_used_bytes": held_bytes or 0,
        "saved_ratio": board.saved_ratio,
    }
