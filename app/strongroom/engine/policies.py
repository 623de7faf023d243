"""Policies: create, edit, copy, delete (features A7, A8); every change is an event in the vault's repository first."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, select

from strongroom.catalog.entities import Item, Policy
from strongroom.domain.errors import InvalidInput
from strongroom.domain.policy import PolicySpec
from strongroom.domain.states import ProtectionStatus
from strongroom.engine.audit import note
from strongroom.engine.chronicle import POLICY_DELETED, POLICY_SAVED, policy_state, tell
from strongroom.engine.context import Context
from strongroom.engine.errors import PolicyExists, PolicyInUse, PolicyNotFound
from strongroom.engine.points import expired_by, follow_policy
from strongroom.engine.vaults import vault_by_id

_NAME_CHARACTERS = 100


def create_policy(context: Context, vault_id: int, name: str, spec: PolicySpec) -> int:
    """A new policy of the vault. Raises ``PolicyExists`` or ``InvalidInput``."""
    wanted = name.strip()
    if not wanted or len(wanted) > _NAME_CHARACTERS:
        raise InvalidInput(f"A policy needs a name of 1 to {_NAME_CHARACTERS} characters")
    now = context.clock.now()
    policy = Policy(vault_id=vault_id, name=wanted, spec=dict(spec.to_json()), created_at=now, updated_at=now)
    with context.catalog.read() as session:
        vault = vault_by_id(session, vault_id)
        _refuse_taken(session, vault_id, wanted)
    tell(context, vault, POLICY_SAVED, policy_state(policy))
    with context.catalog.write() as session:
        _refuse_taken(session, vault_id, wanted)
        session.add(policy)
        note(session, context, "Create policy", wanted, spec=policy.spec)
        session.flush()
        return policy.id or 0


def edit_policy(context: Context, policy_id: int, spec: PolicySpec) -> None:
    """Replace the policy's rules; the points of its machines expire as the new rules say (``edit_would_expire`` shows it before)."""
    with context.catalog.read() as session:
        policy = policy_by_id(session, policy_id)
        vault = vault_by_id(session, policy.vault_id)
    tell(context, vault, POLICY_SAVED, {**policy_state(policy), "spec": dict(spec.to_json())})
    with context.catalog.write() as session:
        policy = policy_by_id(session, policy_id)
        policy.spec = dict(spec.to_json())
        policy.updated_at = context.clock.now()
        session.add(policy)
        for item in session.exec(select(Item).where(Item.policy_id == policy_id)):
            follow_policy(session, item, spec)
        note(session, context, "Edit policy", policy.name, spec=policy.spec)


def edit_would_expire(context: Context, policy_id: int, spec: PolicySpec) -> list[tuple[str, datetime]]:
    """Which recovery points (machine, time) an edit would let expire at once, if it were saved now."""
    with context.catalog.read() as session:
        items = session.exec(select(Item).where(Item.policy_id == policy_id, Item.protection != ProtectionStatus.STOPPED)).all()
        return [
            (f"{item.cloud_service}/{item.name}", point.taken_at)
            for item in items
            for point in expired_by(session, item, spec, context.clock.now())
        ]


def copy_policy(context: Context, policy_id: int, name: str) -> int:
    """A new policy with the rules of another."""
    with context.catalog.read() as session:
        policy = policy_by_id(session, policy_id)
        vault_id, spec = policy.vault_id, PolicySpec.from_json(policy.spec)
    return create_policy(context, vault_id, name, spec)


def delete_policy(context: Context, policy_id: int) -> None:
    """Delete a policy that no machine uses. Raises ``PolicyInUse`` with the number of machines."""
    with context.catalog.read() as session:
        policy = policy_by_id(session, policy_id)
        vault = vault_by_id(session, policy.vault_id)
        _refuse_used(session, policy)
    tell(context, vault, POLICY_DELETED, {"uid": policy.uid})
    with context.catalog.write() as session:
        policy = policy_by_id(session, policy_id)
        _refuse_used(session, policy)
        session.delete(policy)
        note(session, context, "Delete policy", policy.name)


def policy_by_id(session: Session, policy_id: int) -> Policy:
    """The policy's row or ``PolicyNotFound``."""
    policy = session.get(Policy, policy_id)
    if policy is None:
        raise PolicyNotFound(f"There is no policy {policy_id}")
    return policy


def _refuse_taken(session: Session, vault_id: int, name: str) -> None:
    if session.exec(select(Policy).where(Policy.vault_id == vault_id, Policy.name == name)).first():
        raise PolicyExists(f"The vault has a policy named {name}", action="Choose another name, or edit that one.")


def _refuse_used(session: Session, policy: Policy) -> None:
    used = session.exec(select(func.count(col(Item.id))).where(Item.policy_id == policy.id)).one()
    if used:
        raise PolicyInUse(
            f"Policy {policy.name} is in use",
            cause=f"{used} machine(s) are protected by it",
            action="Give them another policy, or stop their protection first.",
        )
