"""Protect, change the policy, stop, resume, delete the data (features A7, A9, A17)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlmodel import Session, col, func, select

from strongroom.catalog.entities import Item, Job, Policy, RecoveryPoint
from strongroom.domain.errors import ErrorRecord
from strongroom.domain.policy import PolicySpec
from strongroom.domain.states import Operation, ProtectionStatus, RegistrationStatus
from strongroom.engine.chronicle import ITEM_SAVED, item_state, tell
from strongroom.engine.context import Context
from strongroom.engine.errors import ConfirmationWrong, MachineNotFound, NotProtected, PolicyNotFound, StateForbids
from strongroom.engine.points import follow_policy
from strongroom.engine.policies import policy_by_id
from strongroom.engine.registration import ItemRows, item_rows
from strongroom.engine.submission import JobDraft, Submitted, insert_job, submit_each
from strongroom.engine.undertaking import Apply, Outcome, Result, Undertaking, WorkerSpec
from strongroom.engine.work.prune import PRUNE


class StopHow(StrEnum):
    """What becomes of the recovery points when protection stops."""

    RETAIN_FOREVER = "retain forever"
    RETAIN_AS_PER_POLICY = "retain as per policy"


def request_protect(context: Context, item_ids: Iterable[int], policy_id: int, *, excluded_disks: Sequence[str] | None = None) -> Submitted:
    """One Configure Protection job per item: protect, change the policy, or resume. ``excluded_disks`` None leaves the choice as it is."""

    def make(session: Session, item: Item) -> JobDraft:
        policy = policy_by_id(session, policy_id)
        if policy.vault_id != item.vault_id:
            raise PolicyNotFound(f"Policy {policy.name} belongs to another vault")
        if item.registration is not RegistrationStatus.REGISTERED:
            raise StateForbids(f"{item.name} is not registered", cause=item.registration.value)
        request = {"policy_id": policy_id, "excluded_disks": None if excluded_disks is None else list(excluded_disks)}
        return JobDraft(Operation.CONFIGURE_PROTECTION, item.name, vault_id=item.vault_id, item=item, request=request)

    return submit_each(context, item_ids, make)


def request_stop(context: Context, item_ids: Iterable[int], how: StopHow, *, reason: str = "", comment: str = "") -> Submitted:
    """One Stop Protection job per item; the points stay, for ever or as the policy says."""

    def make(_session: Session, item: Item) -> JobDraft:
        if item.policy_id is None:
            raise NotProtected(f"{item.name} is not protected")
        request = {"how": how.value, "reason": reason, "comment": comment}
        return JobDraft(Operation.STOP_PROTECTION, item.name, vault_id=item.vault_id, item=item, request=request)

    return submit_each(context, item_ids, make)


def request_delete_data(context: Context, item_id: int, typed_name: str, *, reason: str = "", comment: str = "") -> Submitted:
    """Stop protection and delete every recovery point, at once and for good. Raises ``ConfirmationWrong``, ``StateForbids``."""
    with context.catalog.write() as session:
        item = session.get(Item, item_id)
        if item is None:
            raise MachineNotFound(f"There is no item {item_id}")
        if typed_name != item.name:
            raise ConfirmationWrong(f"{typed_name!r} is not the name of the item")
        _refuse_held(session, item)
        request = {"reason": reason, "comment": comment}
        draft = JobDraft(Operation.DELETE_DATA, item.name, vault_id=item.vault_id, item=item, request=request)
        job = insert_job(session, context, draft)
        return Submitted("", (job.id or 0,))


def _refuse_held(session: Session, item: Item) -> None:
    held = session.exec(
        select(func.count(col(RecoveryPoint.id))).where(RecoveryPoint.item_id == item.id, col(RecoveryPoint.held_until).is_not(None))
    ).one()
    if held:
        raise StateForbids(
            f"The data of {item.name} cannot be deleted",
            cause=f"{held} recovery point(s) are held",
            action="Release them first: strongroom point hold ID --release",
        )


def _state_after(
    context: Context, job: Job, protection: ProtectionStatus, policy: Policy | None, rows: ItemRows, excluded: list[str]
) -> None:
    """Make the item's coming state durable in the repository before its row changes."""
    item = Item.model_validate(rows.item.model_dump())
    item.excluded_disks = excluded
    state = item_state(item, policy=policy, machine=rows.machine, source=rows.source, registration=item.registration, protection=protection)
    tell(context, rows.vault, ITEM_SAVED, {**state, "why": job.request})


def _configure(context: Context, job: Job, _result: Result) -> Apply:
    with context.catalog.read() as session:
        rows = item_rows(session, job.item_id)
        policy = policy_by_id(session, job.request["policy_id"])
        has_points = session.exec(select(RecoveryPoint.id).where(RecoveryPoint.item_id == job.item_id)).first() is not None
    after = ProtectionStatus.PROTECTED if has_points else ProtectionStatus.PENDING
    wanted = job.request.get("excluded_disks")
    excluded = list(rows.item.excluded_disks if wanted is None else wanted)
    _state_after(context, job, after, policy, rows, excluded)

    def apply(session: Session) -> Outcome:
        item = item_rows(session, job.item_id).item
        item.policy_id, item.protection, item.protection_error = policy.id, after, {}
        item.excluded_disks, item.failed_in_a_row = excluded, 0
        item.protected_at = context.clock.now()  # the schedule counts from here: what was due before is nobody's missed run
        follow_policy(session, item, PolicySpec.from_json(policy.spec))
        session.add(item)
        return Outcome(result={"policy": policy.name})

    return apply


def _configure_failed(session: Session, _context: Context, job: Job, error: ErrorRecord) -> None:
    item = session.get(Item, job.item_id)
    if item is not None and item.policy_id is not None:
        item.protection, item.protection_error = ProtectionStatus.ERROR, dict(error)
        session.add(item)


def _stop(context: Context, job: Job, _result: Result) -> Apply:
    forever = job.request["how"] == StopHow.RETAIN_FOREVER.value
    after = ProtectionStatus.STOPPED if forever else ProtectionStatus.SUSPENDED
    with context.catalog.read() as session:
        rows = item_rows(session, job.item_id)
        policy = session.get(Policy, rows.item.policy_id)
    _state_after(context, job, after, policy, rows, list(rows.item.excluded_disks))

    def apply(session: Session) -> Outcome:
        item = item_rows(session, job.item_id).item
        item.protection, item.protection_error = after, {}
        session.add(item)
        return Outcome()

    return apply


def _delete_spec(context: Context, job: Job) -> WorkerSpec:
    """What is held by now stays, and with it everything: a hold may have come while the job was queued."""
    with context.catalog.read() as session:
        rows = item_rows(session, job.item_id)
        _refuse_held(session, rows.item)
    return WorkerSpec(
        {
            "repository_path": rows.vault.repository_path,
            "whole_machine": rows.item.uid,
            "reason": f"Delete Backup Data by {job.caller}",
        },
        vault_uid=rows.vault.uid,
    )


def _delete(context: Context, job: Job, result: Result) -> Apply:
    with context.catalog.read() as session:
        rows = item_rows(session, job.item_id)
    _state_after(context, job, ProtectionStatus.NONE, None, rows, list(rows.item.excluded_disks))

    def apply(session: Session) -> Outcome:
        item = item_rows(session, job.item_id).item
        removed = forget_points(session, item.vault_id, [*result["removed"], *result["left"]])
        item.policy_id, item.protection, item.protection_error = None, ProtectionStatus.NONE, {}
        item.failed_in_a_row = 0
        session.add(item)
        left = len(result["left"])
        warnings = (f"{left} point(s) are being read right now: given up, they go with the next prune or collection",) if left else ()
        return Outcome(result={"removed": removed}, warnings=warnings)

    return apply


def forget_points(session: Session, vault_id: int, manifest_keys: Iterable[str]) -> int:
    """Delete the rows of recovery points whose manifests are gone; returns how many."""
    keys = list(manifest_keys)
    rows = session.exec(select(RecoveryPoint).where(RecoveryPoint.vault_id == vault_id, col(RecoveryPoint.manifest_key).in_(keys))).all()
    for row in rows:
        session.delete(row)
    return len(rows)


CONFIGURE = Undertaking(perform=_configure, failed=_configure_failed, sub_tasks=("Configure protection",))
STOP = Undertaking(perform=_stop, sub_tasks=("Stop protection",))
DELETE = Undertaking(perform=_delete, spec=_delete_spec, sub_tasks=(PRUNE,))
