"""The repository is the truth (feature C4): from it and its key alone come back the vault, policies, items and recovery points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from strongroom.catalog.entities import Item, Machine, Policy, RecoveryPoint, Source, Vault
from strongroom.domain.policy import PolicySpec
from strongroom.domain.states import AgentState, PowerState, ProtectionStatus, RegistrationStatus, WorkloadType
from strongroom.engine.audit import note
from strongroom.engine.context import Context
from strongroom.engine.errors import VaultExists
from strongroom.engine.history import History, read_history
from strongroom.engine.keyring import open_store
from strongroom.engine.points import adopt, follow_policy, moment
from strongroom.engine.vaults import vault_by_id
from strongroom.repository.keys.keyring import MasterKey, write_key_file
from strongroom.repository.manifest import Manifest
from strongroom.repository.repository import Repository


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came back. ``tips`` is the newest recovery point known of each machine: compare it with your key sheet, then confirm."""

    vault_id: int
    vault: str
    policies: int
    items: int
    points: int
    tips: Mapping[str, str]
    warnings: tuple[str, ...]


def rebuild(context: Context, repository_path: str, key: MasterKey) -> Rebuilt:
    """Fill the catalog from one repository. Raises ``KeyWrong``, ``RepositoryNotFound``, ``VaultExists``."""
    repository = Repository.open(open_store(repository_path), key)
    history = read_history(repository)
    manifests = history.manifests
    _refuse_known(context, history)
    write_key_file(context.paths.key_file(history.vault["uid"]), key, repository.id)
    with context.catalog.write() as session:
        vault = _vault(session, context, history, repository, repository_path)
        policies = _policies(session, context, vault, history)
        items = _items(session, context, vault, policies, history, manifests)
        _points(session, items, manifests, history)
        note(session, context, "Rebuild", vault.name, points=len(manifests), items=len(items))
        names = {item.uid: f"{item.cloud_service}/{item.name}" for item in items.values()}
    tips = {names[manifest.machine_id]: f"{manifest.taken_at} (number {manifest.seq})" for manifest in manifests}
    return Rebuilt(vault.id or 0, vault.name, len(policies), len(items), len(manifests), tips, tuple(history.warnings))


def _refuse_known(context: Context, history: History) -> None:
    with context.catalog.read() as session:
        known = session.exec(select(Vault).where((Vault.uid == history.vault["uid"]) | (Vault.name == history.vault["name"]))).first()
    if known is not None:
        raise VaultExists(
            f"The catalog has vault {known.name}",
            cause="rebuild fills an empty catalog or one without this vault",
            action="Move the catalog aside, or use --home with an empty folder.",
        )


def _vault(session: Session, context: Context, history: History, repository: Repository, path: str) -> Vault:
    now = context.clock.now()
    vault = Vault(
        uid=history.vault["uid"],
        name=history.vault["name"],
        region=history.vault["region"],
        redundancy=history.vault["redundancy"],
        repository_path=path,
        repository_id=repository.id,
        created_at=now,
        rebuilt_at=now,
        recovery_confirmed_at=now,  # the key that opened it was just shown to work
    )
    session.add(vault)
    session.flush()
    return vault


def _policies(session: Session, context: Context, vault: Vault, history: History) -> dict[str, Policy]:
    now = context.clock.now()
    rows = {}
    for uid, state in history.policies.items():
        rows[uid] = Policy(uid=uid, vault_id=vault.id or 0, name=state["name"], spec=state["spec"], created_at=now, updated_at=now)
        session.add(rows[uid])
    session.flush()
    return rows


def _items(
    session: Session,
    context: Context,
    vault: Vault,
    policies: Mapping[str, Policy],
    history: History,
    manifests: Iterable[Manifest],
) -> dict[str, Item]:
    newest = {manifest.machine_id: manifest for manifest in manifests}
    rows = {}
    for uid, state in history.items.items():
        machine = _machine(session, context, state, newest.get(uid))
        policy = policies.get(state["policy_uid"])
        rows[uid] = Item(
            uid=uid,
            vault_id=vault.id or 0,
            machine_id=machine.id if machine else None,
            policy_id=policy.id if policy else None,
            identity=state["identity"],
            name=state["name"],
            cloud_service=state["cloud_service"],
            region=state["region"],
            workload_type=WorkloadType(state["workload_type"]),
            registration=RegistrationStatus(state["registration"]),
            protection=_protection(state, policy, uid in newest),
            registered_at=context.clock.now(),
            excluded_disks=list(state["excluded_disks"]),
        )
        session.add(rows[uid])
    session.flush()
    return rows


def _protection(state: Mapping[str, Any], policy: Policy | None, has_points: bool) -> ProtectionStatus:
    """The last state that an event told, moved on by what the manifests prove since."""
    told = ProtectionStatus(state["protection"])
    if policy is None and told is not ProtectionStatus.NONE:
        return ProtectionStatus.STOPPED
    if told is ProtectionStatus.PENDING and has_points:
        return ProtectionStatus.PROTECTED
    return told


def _machine(session: Session, context: Context, state: Mapping[str, Any], newest: Manifest | None) -> Machine | None:
    """The machine as last known; the next discovery corrects it."""
    if not state["source_address"]:
        return None
    source = _source(session, context, state)
    known = session.exec(select(Machine).where(Machine.identity == state["identity"])).first()
    if known is not None:
        return known
    facts = newest.facts["machine"] if newest else {}
    now = context.clock.now()
    machine = Machine(
        source_id=source.id or 0,
        identity=state["identity"],
        native_id=state["native_id"],
        name=state["name"],
        cloud_service=state["cloud_service"],
        region=state["region"],
        workload_type=WorkloadType(state["workload_type"]),
        power=PowerState.UNKNOWN,
        agent=AgentState.NONE,
        operating_system=facts.get("operating_system", ""),
        disks=list(facts.get("disks", [])),
        first_seen_at=now,
        last_seen_at=now,
    )
    session.add(machine)
    session.flush()
    return machine


def _source(session: Session, context: Context, state: Mapping[str, Any]) -> Source:
    source = session.exec(select(Source).where(Source.address == state["source_address"])).first()
    if source is None:
        source = Source(
            address=state["source_address"],
            region=state["source_region"],
            workload_type=WorkloadType(state["workload_type"]),
            added_at=context.clock.now(),
        )
        session.add(source)
        session.flush()
    return source


def _points(session: Session, items: Mapping[str, Item], manifests: Iterable[Manifest], history: History) -> None:
    for manifest in manifests:
        point = adopt(session, items[manifest.machine_id], manifest)
        until = history.held.get(manifest.commit_key)
        point.held_until = moment(until) if until else None
        if manifest.commit_key in history.verified:
            at, found = history.verified[manifest.commit_key]
            point.verified_at, point.damaged = moment(at), list(found)
        session.add(point)
    for uid, state in history.policies.items():
        for item in items.values():
            if history.items[item.uid]["policy_uid"] == uid:
                follow_policy(session, item, PolicySpec.from_json(state["spec"]))


def confirm_tips(context: Context, vault_id: int) -> None:
    """The operator compared the newest points with what they remember: prune and collect may run again."""
    with context.catalog.write() as session:
        vault = vault_by_id(session, vault_id)
        vault.tips_confirmed_at = context.clock.now()
        session.add(vault)
        note(session, context, "Confirm newest points", vault.name)


def newest_points(context: Context, vault_id: int) -> dict[str, datetime]:
    """The newest recovery point of each item, to be compared with the key sheet."""
    with context.catalog.read() as session:
        rows = session.exec(
            select(Item.cloud_service, Item.name, RecoveryPoint.taken_at)
            .join(RecoveryPoint, col(RecoveryPoint.item_id) == col(Item.id))
            .where(Item.vault_id == vault_id)
            .order_by(col(RecoveryPoint.seq))
        )
        return {f"{service}/{name}": at for service, name, at in rows}
