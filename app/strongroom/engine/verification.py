"""Verify recovery points (feature B3): the catalog shows what was found, the repository remembers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from strongroom.catalog.entities import Job, RecoveryPoint
from strongroom.domain.states import Operation
from strongroom.engine.chronicle import POINT_VERIFIED, tell
from strongroom.engine.context import Context
from strongroom.engine.errors import PointNotFound
from strongroom.engine.submission import JobDraft, Submitted, submit_one
from strongroom.engine.undertaking import Apply, Outcome, Result, Undertaking, WorkerSpec
from strongroom.engine.vaults import vault_by_id
from strongroom.engine.work.verify import VERIFY as VERIFY_DATA


def request_verify(context: Context, vault_id: int, point_ids: Sequence[int] | None = None) -> Submitted:
    """One Verify job over these points of the vault, or over all of them. Raises ``PointNotFound`` when there are none."""
    query = select(RecoveryPoint).where(RecoveryPoint.vault_id == vault_id)
    if point_ids is not None:
        query = query.where(col(RecoveryPoint.id).in_(list(point_ids)))
    with context.catalog.read() as session:
        vault = vault_by_id(session, vault_id)
        keys = [point.manifest_key for point in session.exec(query.order_by(col(RecoveryPoint.taken_at)))]
    if not keys:
        raise PointNotFound(f"There is no such recovery point in vault {vault.name}")
    request = {"manifest_keys": keys}
    return submit_one(context, JobDraft(Operation.VERIFY, vault.name, vault_id=vault_id, request=request))


def _spec(context: Context, job: Job) -> WorkerSpec:
    with context.catalog.read() as session:
        vault = vault_by_id(session, job.vault_id or 0)
    return WorkerSpec({"repository_path": vault.repository_path, **job.request}, vault_uid=vault.uid)


def _perform(context: Context, job: Job, result: Result) -> Apply:
    findings: Mapping[str, list[str]] = result["findings"]
    now = context.clock.now()
    with context.catalog.read() as session:
        vault = vault_by_id(session, job.vault_id or 0)
    tell(context, vault, POINT_VERIFIED, {"at": now.isoformat(), "findings": dict(findings)})

    def apply(session: Session) -> Outcome:
        sound = 0
        for point in session.exec(select(RecoveryPoint).where(RecoveryPoint.vault_id == vault.id)):
            if point.manifest_key in findings:
                point.verified_at, point.damaged = now, list(findings[point.manifest_key])
                sound += not point.damaged
                session.add(point)
        return Outcome(result=_counts(findings, sound))

    return apply


def _counts(findings: Mapping[str, list[str]], sound: int) -> dict[str, Any]:
    return {"points": len(findings), "sound": sound, "damaged": sorted(key for key, found in findings.items() if found)}


VERIFY = Undertaking(perform=_perform, spec=_spec, sub_tasks=(VERIFY_DATA,))
