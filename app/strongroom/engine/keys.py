"""The slots that open a vault's repository, and the service's own copy of its key (feature B2)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from strongroom.catalog.entities import Vault
from strongroom.config import Paths
from strongroom.engine.audit import note
from strongroom.engine.context import Context
from strongroom.engine.keyring import load_key, open_store
from strongroom.engine.vaults import vault_by_id
from strongroom.repository.errors import KeyWrong
from strongroom.repository.keys import keyring as keys
from strongroom.repository.keys.keyring import MasterKey
from strongroom.repository.keys.slot import KeySlot
from strongroom.repository.repository import Repository
from strongroom.repository.store.base import Store

_RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class NewRecoveryKey:
    """A recovery key that was just made; it is shown once and kept nowhere."""

    slot: KeySlot
    recovery_key: str = field(repr=False)
    sheet: str = field(repr=False)


def key_slots(context: Context, vault_id: int) -> list[KeySlot]:
    """Every slot of the vault's repository, oldest first. Raises ``RepositoryNotFound``."""
    return keys.list_slots(_store(context, vault_id)[1])


def add_passphrase_slot(context: Context, vault_id: int, passphrase: str, label: str = "") -> KeySlot:
    """A slot that ``passphrase`` opens. Needs the service's copy of the key: raises ``KeyMissing`` without it."""
    vault, store = _store(context, vault_id)
    slot = keys.add_passphrase(store, load_key(context, vault), passphrase, label)
    _audit(context, vault, "Add passphrase", slot.id)
    return slot


def add_recovery_slot(context: Context, vault_id: int, label: str = "") -> NewRecoveryKey:
    """A slot with a new recovery key. Raises ``KeyMissing`` without the service's copy of the key."""
    vault, store = _store(context, vault_id)
    slot, text = keys.add_recovery_key(store, load_key(context, vault), label)
    _audit(context, vault, "Add recovery key", slot.id)
    return NewRecoveryKey(slot, text, keys.recovery_sheet(store, slot.id, text))


def remove_key_slot(context: Context, vault_id: int, slot_id: str) -> None:
    """Remove a slot, never the last one. A vault without any recovery key counts as unconfirmed again."""
    vault, store = _store(context, vault_id)
    keys.remove_slot(store, slot_id)
    left = [slot for slot in keys.list_slots(store) if slot.kind == _RECOVERY]
    with context.catalog.write() as session:
        row = vault_by_id(session, vault_id)
        row.recovery_confirmed_at = row.recovery_confirmed_at if left else None
        session.add(row)
        note(session, context, "Remove key", vault.name, slot=slot_id)


def sheet_of(context: Context, vault_id: int, recovery_key: str) -> tuple[str, str]:
    """The id of the slot that ``recovery_key`` opens, and its printable sheet. Raises ``KeyWrong``."""
    vault, store = _store(context, vault_id)
    keys.unlock_with_recovery(store, recovery_key)  # names a mistyped group
    for slot in keys.list_slots(store):
        with suppress(KeyWrong):
            if slot.kind == _RECOVERY:
                return slot.id, keys.recovery_sheet(store, slot.id, recovery_key)
    raise KeyWrong(f"The recovery key opens no slot of vault {vault.name}")


def restore_service_copy(context: Context, vault_id: int, *, passphrase: str = "", recovery_key: str = "") -> None:
    """Bring back the key file that the service works with, by a passphrase or else a recovery key. Raises ``KeyWrong``."""
    vault, store = _store(context, vault_id)
    key = keys.unlock_with_passphrase(store, passphrase) if passphrase else keys.unlock_with_recovery(store, recovery_key)
    keys.write_key_file(context.paths.key_file(vault.uid), key, vault.repository_id)
    _audit(context, vault, "Restore the service's key", "")


def find_service_copy(paths: Paths, repository_path: str) -> MasterKey | None:
    """A key file of this installation that opens the repository at that place, or None: what is left when only the catalog was lost."""
    store = open_store(repository_path)
    for path in sorted(paths.keys.glob("*.key")):
        try:
            key = keys.read_key_file(path)
            Repository.open(store, key)
        except KeyWrong:
            continue
        return key
    return None


def _store(context: Context, vault_id: int) -> tuple[Vault, Store]:
    with context.catalog.read() as session:
        vault = vault_by_id(session, vault_id)
    return vault, open_store(vault.repository_path)


def _audit(context: Context, vault: Vault, operation: str, slot_id: str) -> None:
    with context.catalog.write() as session:
        note(session, context, operation, vault.name, slot=slot_id)
