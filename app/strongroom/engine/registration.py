"""Register and unregister machines (features A4, A5, A6). Nothing is installed in the guest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from strongroom.catalog.entities import Item, Job, Machine, RecoveryPoint, Source, Vault
from strongroom.catalog.entities.columns import new_uid
from strongroom.domain.errors import ErrorRecord, StrongroomError
from strongroom.domain.states import Operation, ProtectionStatus, RegistrationStatus
from strongroom.engine.chronicle import ITEM_REMOVED, ITEM_SAVED, item_state, tell
from strongroom.engine.context import Context
from strongroom.engine.errors import AlreadyRegistered, MachineNotFound, RegionMismatch, StillProtected
from strongroom.engine.submission import JobDraft, Refusal, Submitted, insert_job, submit_each
from strongroom.engine.undertaking import Apply, Outcome, Result, Undertaking
from strongroom.engine.vaults import vault_by_id


def request_register(context: Context, vault_id: int, machine_ids: Iterable[int]) -> Submitted:
    """One Register job per machine; the items show Registering at once. Refused: other regions (A5), registered machines."""
    batch, job_ids, refused = new_uid(), [], []
    with context.catalog.write() as session:
        vault = vault_by_id(session, vault_id)
        for machine_id in machine_ids:
            machine = session.get(Machine, machine_id)
            try:
                item = _item_for(session, vault, machine, machine_id)
                draft = JobDraft(Operation.REGISTER, item.name, vault_id=vault_id, item=item)
                job_ids.append(insert_job(session, context, draft, batch).id or 0)
            except StrongroomError as error:
                refused.append(Refusal(machine.name if machine else str(machine_id), error.record()))
    return Submitted(batch, tuple(job_ids), tuple(refused))


def _item_for(session: Session, vault: Vault, machine: Machine | None, machine_id: int) -> Item:
    if machine is None or machine.vanished_at is not None:
        raise MachineNotFound(f"There is no machine {machine.name if machine else machine_id} at its source")
    if machine.region != vault.region:
        raise _wrong_region(session, vault, machine)
    item = session.exec(select(Item).where(Item.identity == machine.identity)).first()
    if item is not None and item.registration is not RegistrationStatus.FAILED:
        owner = vault_by_id(session, item.vault_id)
        raise AlreadyRegistered(f"{machine.name} is registered in vault {owner.name}", cause=item.registration.value)
    item = item or Item(
        vault_id=vault.id or 0,
        identity=machine.identity,
        name=machine.name,
        cloud_service=machine.cloud_service,
        region=machine.region,
        workload_type=machine.workload_type,
        registration=RegistrationStatus.REGISTERING,
        protection=ProtectionStatus.NONE,
    )
    item.vault_id, item.machine_id = vault.id or 0, machine.id
    item.registration, item.registration_error = RegistrationStatus.REGISTERING, {}
    session.add(item)
    session.flush()
    return item


def _wrong_region(session: Session, vault: Vault, machine: Machine) -> RegionMismatch:
    others = list(session.exec(select(Vault.name).where(Vault.region == machine.region)))
    action = (
        f"Register it in vault {', '.join(others)}"
        if others
        else f"Make a vault there: strongroom vault create NAME --region {machine.region}"
    )
    return RegionMismatch(
        f"{machine.name} cannot be registered in vault {vault.name}",
        cause=f"the machine is in region {machine.region}, the vault in {vault.region}",
        action=action,
    )


def request_unregister(context: Context, item_ids: Iterable[int]) -> Submitted:
    """One Unregister job per item; refused while protected or while recovery points are kept (``StillProtected``)."""

    def make(session: Session, item: Item) -> JobDraft:
        _refuse_protected(session, item)
        return JobDraft(Operation.UNREGISTER, item.name, vault_id=item.vault_id, item=item)

    def effect(item: Item) -> None:
        item.registration = RegistrationStatus.UNREGISTERING

    return submit_each(context, item_ids, make, effect=effect)


def _refuse_protected(session: Session, item: Item) -> None:
    points = session.exec(select(func.count(col(RecoveryPoint.id))).where(RecoveryPoint.item_id == item.id)).one()
    if item.protection is not ProtectionStatus.NONE or points:
        cause = f"{item.protection.value}, {points} recovery point(s)"
        raise StillProtected(f"{item.name} cannot be unregistered", cause=cause)


@dataclass(frozen=True, slots=True)
class ItemRows:
    """An item with the rows around it, read once."""

    item: Item
    vault: Vault
    machine: Machine | None
    source: Source | None


def item_rows(session: Session, item_id: int | None) -> ItemRows:
    """The rows of one item or ``MachineNotFound``."""
    item = session.get(Item, item_id) if item_id else None
    if item is None:
        raise MachineNotFound("The item does not exist any more")
    machine = session.get(Machine, item.machine_id) if item.machine_id else None
    source = session.get(Source, machine.source_id) if machine else None
    return ItemRows(item, vault_by_id(session, item.vault_id), machine, source)


def _register(context: Context, job: Job, _result: Result) -> Apply:
    with context.catalog.read() as session:
        rows = item_rows(session, job.item_id)
    state = item_state(
        rows.item,
        policy=None,
        machine=rows.machine,
        source=rows.source,
        registration=RegistrationStatus.REGISTERED,
        protection=rows.item.protection,
    )
    tell(context, rows.vault, ITEM_SAVED, state)

    def apply(session: Session) -> Outcome:
        item = item_rows(session, job.item_id).item
        item.registration, item.registered_at = RegistrationStatus.REGISTERED, context.clock.now()
        session.add(item)
        return Outcome()

    return apply


def _register_failed(session: Session, _context: Context, job: Job, error: ErrorRecord) -> None:
    item = session.get(Item, job.item_id)
    if item is not None:
        item.registration, item.registration_error = RegistrationStatus.FAILED, dict(error)
        session.add(item)


def _unregister(context: Context, job: Job, _result: Result) -> Apply:
    with context.catalog.read() as session:
        rows = item_rows(session, job.item_id)
    tell(context, rows.vault, ITEM_REMOVED, {"uid": rows.item.uid})

    def apply(session: Session) -> Outcome:
        item = item_rows(session, job.item_id).item
        _refuse_protected(session, item)
        session.delete(item)
        return Outcome()

    return apply


def _unregister_failed(session: Session, _context: Context, job: Job, _error: ErrorRecord) -> None:
    item = session.get(Item, job.item_id)
    if item is not None:
        item.registration = RegistrationStatus.REGISTERED
        session.add(item)


REGISTER = Undertaking(perform=_register, failed=_register_failed, sub_tasks=("Register with the vault",))
UNREGISTER = Undertaking(perform=_unregister, failed=_unregister_failed, sub_tasks=("Unregister from the vault",))
