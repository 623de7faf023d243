"""Prune, collect, check, measure: what keeps a repository in shape (features B3, B4). The plan that is shown is the plan that is executed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from strongroom.catalog.entities import Item, Job, Policy, RecoveryPoint, Vault
from strongroom.domain.policy import PolicySpec
from strongroom.domain.retention import plan_expiry
from strongroom.domain.states import Operation, ProtectionStatus
from strongroom.engine.context import Context
from strongroom.engine.errors import TipsUnconfirmed
from strongroom.engine.keyring import open_store
from strongroom.engine.points import retained
from strongroom.engine.protection import forget_points
from strongroom.engine.submission import JobDraft, Submitted, submit_one
from strongroom.engine.undertaking import Apply, Outcome, Result, Undertaking, WorkerSpec
from strongroom.engine.vaults import vault_by_id
from strongroom.engine.work.collect import CONDEMN, SWEEP
from strongroom.engine.work.prune import PRUNE as PRUNE_POINTS


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One recovery point in a plan, and why it stays or goes."""

    point_id: int
    manifest_key: str
    machine_id: str
    item_name: str
    cloud_service: str
    taken_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class PrunePreview:
    """What a prune would keep and remove, oldest first within each machine."""

    keep: tuple[PlanRow, ...]
    remove: tuple[PlanRow, ...]


def plan_prune(context: Context, vault_id: int) -> PrunePreview:
    """Apply retention to every point of the vault, now; changes nothing. Items stopped with «retain forever» lose nothing."""
    keep: list[PlanRow] = []
    remove: list[PlanRow] = []
    with context.catalog.read() as session:
        for item, points, keep_last in _by_item(session, vault_id):
            rows = {point.manifest_key: point for point in points}
            if item.protection is ProtectionStatus.STOPPED:
                keep.extend(_row(item, point, "protection stopped, retain forever") for point in points)
                continue
            plan = plan_expiry([retained(point) for point in points], context.clock.now(), keep_last=keep_last)
            keep.extend(_row(item, rows[decision.point.key], decision.reason) for decision in plan.keep)
            remove.extend(_row(item, rows[decision.point.key], decision.reason) for decision in plan.remove)
    return PrunePreview(tuple(keep), tuple(remove))


def _by_item(session: Session, vault_id: int) -> Iterator[tuple[Item, list[RecoveryPoint], int]]:
    for item in session.exec(select(Item).where(Item.vault_id == vault_id).order_by(col(Item.id))):
        points = session.exec(select(RecoveryPoint).where(RecoveryPoint.item_id == item.id).order_by(col(RecoveryPoint.seq)))
        policy = session.get(Policy, item.policy_id) if item.policy_id else None
        yield item, list(points), PolicySpec.from_json(policy.spec).retention.keep_last if policy else 0


def _row(item: Item, point: RecoveryPoint, reason: str) -> PlanRow:
    return PlanRow(point.id or 0, point.manifest_key, item.uid, item.name, item.cloud_service, point.taken_at, reason)


def request_prune(context: Context, vault_id: int, preview: PrunePreview | None = None) -> Submitted:
    """One Prune job that removes what ``preview`` (default: a plan made now) says, and nothing else."""
    plan = preview or plan_prune(context, vault_id)
    remove = [{"commit_key": row.manifest_key, "machine_id": row.machine_id, "reason": row.reason} for row in plan.remove]
    return submit_one(context, _draft(context, vault_id, Operation.PRUNE, {"remove": remove}))


def request_collect(context: Context, vault_id: int) -> Submitted:
    """One Collect job: packs that no recovery point reaches are condemned, and deleted once nobody can be using them."""
    return submit_one(context, _draft(context, vault_id, Operation.COLLECT, {}))


def _draft(context: Context, vault_id: int, operation: Operation, request: dict[str, Any]) -> JobDraft:
    with context.catalog.read() as session:
        vault = vault_by_id(session, vault_id)
    if vault.rebuilt_at is not None and vault.tips_confirmed_at is None:
        raise TipsUnconfirmed(f"Vault {vault.name} was rebuilt and its newest points are not confirmed")
    return JobDraft(operation, vault.name, vault_id=vault_id, request=request)


def measure(context: Context, vault: Vault) -> None:
    """Note how much room the repository takes and has."""
    space = open_store(vault.repository_path).space()
    with context.catalog.write(durable=False) as session:
        row = vault_by_id(session, vault.id or 0)
        row.used_bytes, row.free_bytes, row.measured_at = space.used_bytes, space.free_bytes, context.clock.now()
        session.add(row)


def _spec(context: Context, job: Job) -> WorkerSpec:
    with context.catalog.read() as session:
        vault = vault_by_id(session, job.vault_id or 0)
    return WorkerSpec({"repository_path": vault.repository_path, **job.request}, vault_uid=vault.uid)


def _prune_spec(context: Context, job: Job) -> WorkerSpec:
    """The plan as it was shown, less what must stay by now: a point held since, or that became the floor, is never pruned (invariant 18)."""
    still = {row.manifest_key for row in plan_prune(context, job.vault_id or 0).remove}
    spec = _spec(context, job)
    spec.body["remove"] = [entry for entry in job.request["remove"] if entry["commit_key"] in still]
    return spec


def _pruned(_context: Context, job: Job, result: Result) -> Apply:
    def apply(session: Session) -> Outcome:
        removed = forget_points(session, job.vault_id or 0, [*result["removed"], *result["left"]])
        return Outcome(result={"removed": removed, "left": len(result["left"])})

    return apply


def _collected(_context: Context, _job: Job, result: Result) -> Apply:
    def apply(_session: Session) -> Outcome:
        return Outcome(result=dict(result))

    return apply


PRUNE = Undertaking(perform=_pruned, spec=_prune_spec, sub_tasks=(PRUNE_POINTS,))
COLLECT = Undertaking(perform=_collected, spec=_spec, sub_tasks=(CONDEMN, SWEEP))
