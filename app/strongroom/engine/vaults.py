"""Vaults: make, confirm the recovery key, delete when empty (feature A1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, select

from strongroom.catalog.entities import Policy, Vault
from strongroom.catalog.queries.vaults import blockers
from strongroom.engine.audit import note
from strongroom.engine.chronicle import VAULT_SAVED, tell, vault_state
from strongroom.engine.context import Context
from strongroom.engine.errors import RecoveryKeyWrong, VaultExists, VaultNameInvalid, VaultNotEmpty, VaultNotFound, VaultRequired
from strongroom.repository.keys.keyring import create_repository, list_slots, recovery_sheet, unlock_with_recovery, write_key_file
from strongroom.repository.repository import Repository
from strongroom.repository.store.local import LocalStore
from strongroom.repository.store.probe import probe_store

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,49}")


@dataclass(frozen=True, slots=True)
class CreatedVault:
    """A new vault; the recovery key and its printable sheet are shown once and kept nowhere."""

    vault_id: int
    name: str
    recovery_key: str
    sheet: str


def create_vault(context: Context, name: str, region: str, *, place: Path | None = None, passphrase: str | None = None) -> CreatedVault:
    """Make a vault and its repository at ``place`` (an empty or new folder; default: beside the catalog).

    Raises ``VaultNameInvalid``, ``VaultExists``, ``StoreUnfit``. The recovery key must be confirmed before the first backup runs.
    """
    _check_name(context, name, region)
    folder = (place or context.paths.vaults / name).absolute()
    store = LocalStore.create(folder)
    probe_store(store)
    made = create_repository(store, passphrase=passphrase)
    vault = Vault(name=name, region=region, repository_path=str(folder), repository_id=made.repository_id, created_at=context.clock.now())
    write_key_file(context.paths.key_file(vault.uid), made.key, made.repository_id)
    tell(context, vault, VAULT_SAVED, vault_state(vault), repository=Repository.open(store, made.key))
    with context.catalog.write() as session:
        session.add(vault)
        note(session, context, "Create vault", name, region=region, place=str(folder))
        session.flush()
        vault_id = vault.id or 0
    sheet = recovery_sheet(store, made.recovery_slot.id, made.recovery_key)
    return CreatedVault(vault_id, name, made.recovery_key, sheet)


def _check_name(context: Context, name: str, region: str) -> None:
    if not _NAME.fullmatch(name):
        raise VaultNameInvalid(
            f"{name!r} is not a vault name",
            cause="2-50 characters: a letter first, then letters, digits and hyphens",
            action="Choose another name.",
        )
    if not region.strip():
        raise VaultNameInvalid("A vault needs a region", action="Give one, for example --region de-berlin")
    with context.catalog.read() as session:
        if session.exec(select(Vault).where(Vault.name == name)).first():
            raise VaultExists(f"A vault named {name} exists", action="Choose another name.")


def confirm_recovery(context: Context, vault_id: int, recovery_key: str, last_group: str) -> None:
    """Prove that the operator holds the recovery key: its last group was typed back. Raises ``RecoveryKeyWrong``."""
    if last_group.strip().upper() != recovery_key.rsplit("-", 1)[-1].upper():
        raise RecoveryKeyWrong("That is not the last group of the recovery key")
    _mark_confirmed(context, vault_id)


def confirm_recovery_with_key(context: Context, vault_id: int, recovery_key: str) -> None:
    """Prove it with the whole key, any time later: it must open a slot of the repository. Raises ``KeyWrong``."""
    with context.catalog.read() as session:
        vault = vault_by_id(session, vault_id)
    unlock_with_recovery(LocalStore(Path(vault.repository_path)), recovery_key)
    _mark_confirmed(context, vault_id)


def _mark_confirmed(context: Context, vault_id: int) -> None:
    with context.catalog.write() as session:
        vault = vault_by_id(session, vault_id)
        vault.recovery_confirmed_at = context.clock.now()
        session.add(vault)
        note(session, context, "Confirm recovery key", vault.name)


def delete_vault(context: Context, vault_id: int) -> None:
    """Forget an empty vault; its repository folder stays where it is and is named in the audit log. Raises ``VaultNotEmpty``."""
    with context.catalog.write() as session:
        vault = vault_by_id(session, vault_id)
        blocking = blockers(session, vault_id)
        if blocking:
            raise VaultNotEmpty(
                f"Vault {vault.name} is not empty",
                cause="; ".join(blocking),
                action="Remove these first.",
            )
        for policy in session.exec(select(Policy).where(Policy.vault_id == vault_id)):
            session.delete(policy)
        session.flush()
        session.delete(vault)
        note(session, context, "Delete vault", vault.name, repository=vault.repository_path)


def vault_by_id(session: Session, vault_id: int) -> Vault:
    """The vault's row or ``VaultNotFound``."""
    vault = session.get(Vault, vault_id)
    if vault is None:
        raise VaultNotFound(f"There is no vault {vault_id}")
    return vault


def choose_vault(context: Context, name: str | None) -> int:
    """The id of the named vault, or of the only one. Raises ``VaultNotFound`` or ``VaultRequired`` listing the names."""
    with context.catalog.read() as session:
        found = {vault.name: vault.id or 0 for vault in session.exec(select(Vault))}
    if name:
        if name not in found:
            raise VaultNotFound(f"There is no vault named {name}", cause=f"vaults: {', '.join(sorted(found)) or 'none'}")
        return found[name]
    if len(found) != 1:
        cause = f"vaults: {', '.join(sorted(found))}" if found else "there is no vault yet"
        action = "" if found else "Make one: strongroom vault create NAME --region REGION"
        raise VaultRequired("Which vault?", cause=cause, action=action)
    return next(iter(found.values()))


def recovery_slots(context: Context, vault_id: int) -> tuple[str, ...]:
    """The ids of the repository's key slots, for ``key show``."""
    with context.catalog.read() as session:
        vault = vault_by_id(session, vault_id)
    return tuple(slot.id for slot in list_slots(LocalStore(Path(vault.repository_path))))
