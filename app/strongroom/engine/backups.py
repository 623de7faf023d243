"""Backup Now and scheduled backups, on the catalog's side (features A9, A10); the data's way is ``work.backup``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from strongroom.catalog.entities import Item, Job, Policy, RecoveryPoint
from strongroom.domain.errors import ErrorRecord
from strongroom.domain.policy import PolicySpec
from strongroom.domain.states import BACKED_UP, JobStatus, Operation, ProtectionStatus, RegistrationStatus, Trigger
from strongroom.engine.context import Context
from strongroom.engine.errors import MachineNotFound, NotProtected, StateForbids
from strongroom.engine.keyring import open_repository
from strongroom.engine.points import adopt
from strongroom.engine.registration import ItemRows, item_rows
from strongroom.engine.submission import JobDraft, Submitted, submit_each
from strongroom.engine.undertaking import Apply, Outcome, Result, Undertaking, WorkerSpec
from strongroom.engine.work.backup import SNAPSHOT, TRANSFER

_ERROR_AFTER = 2
"""Failed backups in a row that make an item show «Protection error»."""


def request_backup(
    context: Context,
    item_ids: Iterable[int],
    *,
    keep_until: datetime | None = None,
    full_read: bool = False,
    trigger: Trigger = Trigger.OPERATOR,
) -> Submitted:
    """One Backup job per item. Refused: items without an active policy, items with a live job. ``full_read`` trusts no change tracking."""

    def make(_session: Session, item: Item) -> JobDraft:
        return backup_draft(item, keep_until=keep_until, full_read=full_read, trigger=trigger)

    return submit_each(context, item_ids, make)


def backup_draft(item: Item, *, keep_until: datetime | None = None, full_read: bool = False, trigger: Trigger) -> JobDraft:
    """The same job whoever asks: operator or schedule. Raises ``StateForbids`` or ``NotProtected``."""
    if item.protection is ProtectionStatus.NONE or item.policy_id is None:
        raise NotProtected(f"{item.name} is not protected")
    if item.protection not in BACKED_UP or item.registration not in {RegistrationStatus.REGISTERED, RegistrationStatus.VANISHED}:
        raise StateForbids(
            f"{item.name} cannot be backed up now",
            cause=f"{item.registration.value}, {item.protection.value}",
            action="Resume its protection first: strongroom item resume NAME",
        )
    request = {"keep_until": keep_until.isoformat() if keep_until else None, "full_read": full_read}
    return JobDraft(Operation.BACKUP, item.name, vault_id=item.vault_id, item=item, request=request, trigger=trigger)


def _spec(context: Context, job: Job) -> WorkerSpec:
    with context.catalog.read() as session:
        rows = item_rows(session, job.item_id)
        if rows.machine is None or rows.source is None:
            raise MachineNotFound(f"{rows.item.name} has no machine at any source", action="Discover its source again.")
        policy = session.get(Policy, rows.item.policy_id) if rows.item.policy_id else None
        body = {
            "repository_path": rows.vault.repository_path,
            "source": {"address": rows.source.address, "region": rows.source.region},
            "native_id": rows.machine.native_id,
            "item": _item_facts(rows),
            "excluded_disks": list(rows.item.excluded_disks),
            "policy": {"uid": policy.uid, "name": policy.name, "spec": policy.spec} if policy else None,
            "keep_until": job.request.get("keep_until"),
            "full_read": _full_read_reason(session, context, job, rows.item),
            "earlier_points": _earlier(session, rows.item),
            "verify_writes": context.settings.verify_writes,
            **_retries(context, policy),
        }
    return WorkerSpec(body, vault_uid=rows.vault.uid)


def _item_facts(rows: ItemRows) -> dict[str, Any]:
    item = rows.item
    return {
        "uid": item.uid,
        "identity": item.identity,
        "name": item.name,
        "cloud_service": item.cloud_service,
        "region": item.region,
        "workload_type": item.workload_type.value,
    }


def _full_read_reason(session: Session, context: Context, job: Job, item: Item) -> str:
    """Why this run must not trust change tracking, or nothing (invariant 10)."""
    if job.request.get("full_read"):
        return "a full read was asked for"
    points = session.exec(select(func.count(col(RecoveryPoint.id))).where(RecoveryPoint.item_id == item.id)).one()
    if points and points % context.settings.full_read_every == 0:
        return f"every {context.settings.full_read_every}th backup reads the whole disk"
    return ""


def _earlier(session: Session, item: Item) -> list[str]:
    """When the item's successful points were taken: what tags a new one gets depends on them (feature A8)."""
    rows = session.exec(select(RecoveryPoint.taken_at).where(RecoveryPoint.item_id == item.id).order_by(col(RecoveryPoint.taken_at)))
    return [at.isoformat() for at in rows]


def _retries(context: Context, policy: Policy | None) -> dict[str, Any]:
    """The policy's own count and back-off, or the installation's."""
    wish = PolicySpec.from_json(policy.spec).retries if policy else None
    attempts = wish.attempts if wish and wish.attempts is not None else context.settings.attempts
    seconds = wish.first_delay_seconds if wish and wish.first_delay_seconds is not None else context.settings.retry_seconds
    return {"attempts": attempts, "retry_seconds": seconds}


def _perform(context: Context, job: Job, result: Result) -> Apply:
    """Read the manifest back and record it: the same way as reconciliation and ``rebuild`` do."""
    with context.catalog.read() as session:
        rows = item_rows(session, job.item_id)
    manifest = open_repository(context, rows.vault).manifest(result["commit_key"])

    def apply(session: Session) -> Outcome:
        item = item_rows(session, job.item_id).item
        point = adopt(session, item, manifest)
        item.protection_error, item.failed_in_a_row = {}, 0
        if item.protection in BACKED_UP:
            item.protection = ProtectionStatus.PROTECTED
        item.last_backup_at, item.last_backup_status = context.clock.now(), JobStatus.COMPLETED.value
        session.add(item)
        detail = {
            "consistency": point.consistency.value,
            "reason": point.consistency_reason,
            "read_bytes": point.read_bytes,
            "stored_bytes": point.stored_bytes,
            "used_bytes": point.used_bytes,
            "disks": point.disks,
            "expires_at": point.expires_at.isoformat() if point.expires_at else None,
            "expiry_reason": point.expiry_reason,
        }
        return Outcome(result=detail, point_id=point.id)

    return apply


def _failed(session: Session, context: Context, job: Job, error: ErrorRecord) -> None:
    item = session.get(Item, job.item_id)
    if item is None:
        return
    cancelled = error["kind"] == "cancelled"
    item.last_backup_at = context.clock.now()
    item.last_backup_status = (JobStatus.CANCELLED if cancelled else JobStatus.FAILED).value
    if not cancelled:
        item.failed_in_a_row += 1
        item.protection_error = dict(error)
    if item.failed_in_a_row >= _ERROR_AFTER and item.protection in BACKED_UP:
        item.protection = ProtectionStatus.ERROR
    session.add(item)


BACKUP = Undertaking(perform=_perform, spec=_spec, failed=_failed, sub_tasks=(SNAPSHOT, TRANSFER))
