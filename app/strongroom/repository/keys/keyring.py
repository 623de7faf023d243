"""The key ceremony: make a repository's key, open it, add and remove the slots that wrap it (feature B2)."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime

from strongroom.domain.errors import InvalidInput
from strongroom.repository.errors import KeyMissing, KeyWrong, ObjectDamaged, ObjectMissing, RepositoryExists
from strongroom.repository.format import HEADER_KEY
from strongroom.repository.header import Header, header_hash, read_header_bytes
from strongroom.repository.keys.file import read_key_file, write_key_file
from strongroom.repository.keys.master import SECRET_BYTES, MasterKey
from strongroom.repository.keys.recovery import RECOVERY_BYTES, Sheet, recovery_secret, recovery_text
from strongroom.repository.keys.slot import ArgonCost, KeySlot, SlotKind, unwrap, wrap
from strongroom.repository.store.base import Store

__all__ = [
    "ArgonCost",
    "CreatedRepository",
    "KeySlot",
    "MasterKey",
    "Sheet",
    "add_passphrase",
    "add_recovery_key",
    "create_repository",
    "list_slots",
    "read_key_file",
    "recovery_sheet",
    "remove_slot",
    "unlock_with_passphrase",
    "unlock_with_recovery",
    "write_key_file",
]


@dataclass(frozen=True, slots=True)
class CreatedRepository:
    """A new repository's name and secrets; the recovery key exists nowhere else as text."""

    repository_id: str
    key: MasterKey
    recovery_key: str = field(repr=False)
    recovery_slot: KeySlot


def create_repository(store: Store, *, passphrase: str | None = None, cost: ArgonCost | None = None) -> CreatedRepository:
    """Make the master key, its slots and, last, ``sr1.json``: a repository exists once that object does.

    Raises ``RepositoryExists`` if the place holds one, or the remains of one.
    """
    if store.stat(HEADER_KEY) is not None or any(True for prefix in ("snap/", "packs/") for _ in store.list(prefix)):
        raise RepositoryExists("The place already holds a repository")
    key, now = MasterKey(1, os.urandom(SECRET_BYTES)), _now()
    header = Header.new(key, now)
    bound, secret = header_hash(header.encode()), os.urandom(RECOVERY_BYTES)
    recovery_slot = wrap(key, bound, secret, kind="recovery", created_at=now, label="")
    slots = [recovery_slot]
    if passphrase is not None:
        slots.append(wrap(key, bound, _spelled(passphrase), kind="passphrase", created_at=now, label="", cost=cost))
    for slot in slots:
        store.put_new(slot.object_key, slot.encode())
    store.put_new(HEADER_KEY, header.encode())
    return CreatedRepository(header.repository_id, key, recovery_text(secret), recovery_slot)


def list_slots(store: Store) -> list[KeySlot]:
    """Every readable slot, oldest first; what they say of themselves is proved only by unlocking."""
    slots = []
    for info in store.list("keys/"):
        try:
            slots.append(KeySlot.decode(info.key, store.get(info.key)))
        except (ObjectDamaged, ObjectMissing):
            continue  # one broken slot must not keep the others from opening
    return sorted(slots, key=lambda slot: (slot.created_at, slot.id))


def unlock_with_passphrase(store: Store, passphrase: str) -> MasterKey:
    """The master key, by any passphrase slot; ``KeyWrong`` if none opens."""
    return _unlock(store, "passphrase", _spelled(passphrase))


def unlock_with_recovery(place: Store | Sheet, recovery_key: str) -> MasterKey:
    """The master key, by a recovery slot of the store or by the slot that a printed sheet holds; ``KeyWrong``."""
    secret = recovery_secret(recovery_key)
    if isinstance(place, Sheet):
        return unwrap(place.slot, header_hash(place.header_bytes), secret)
    return _unlock(place, "recovery", secret)


def add_passphrase(store: Store, key: MasterKey, passphrase: str, label: str = "", *, cost: ArgonCost | None = None) -> KeySlot:
    """Add a slot that ``passphrase`` opens."""
    return _add(store, key, _spelled(passphrase), "passphrase", label, cost)


def add_recovery_key(store: Store, key: MasterKey, label: str = "") -> tuple[KeySlot, str]:
    """Add a slot with a new recovery key; returns the slot and the key's text, which is kept nowhere."""
    secret = os.urandom(RECOVERY_BYTES)
    return _add(store, key, secret, "recovery", label, None), recovery_text(secret)


def remove_slot(store: Store, slot_id: str) -> None:
    """Remove a slot; ``KeyMissing`` if there is none of that id, ``InvalidInput`` for the last one."""
    slots = list_slots(store)
    if slot_id not in {slot.id for slot in slots}:
        raise KeyMissing(f"There is no key slot {slot_id}", action="List them: strongroom key show.")
    if len(slots) == 1:
        raise InvalidInput(f"Key slot {slot_id} is the last one", cause="without it nothing could be restored", action="Add another first.")
    store.delete(f"keys/{slot_id}")


def recovery_sheet(store: Store, slot_id: str, recovery_key: str) -> str:
    """The printable sheet of a recovery slot; ``KeyWrong`` if ``recovery_key`` does not open that very slot."""
    slot = next((slot for slot in list_slots(store) if slot.id == slot_id), None)
    if slot is None:
        raise KeyMissing(f"There is no key slot {slot_id}", action="List them: strongroom key show.")
    header_bytes = read_header_bytes(store)
    secret = recovery_secret(recovery_key)
    unwrap(slot, header_hash(header_bytes), secret)
    return Sheet(header_bytes, slot, recovery_text(secret)).render()


def _add(store: Store, key: MasterKey, secret: bytes, kind: SlotKind, label: str, cost: ArgonCost | None) -> KeySlot:
    header_bytes = read_header_bytes(store)
    Header.decode(header_bytes).confirm(key)
    slot = wrap(key, header_hash(header_bytes), secret, kind=kind, created_at=_now(), label=label, cost=cost)
    store.put_new(slot.object_key, slot.encode())
    return slot


def _unlock(store: Store, kind: SlotKind, secret: bytes) -> MasterKey:
    header_bytes = read_header_bytes(store)
    header, bound = Header.decode(header_bytes), header_hash(header_bytes)
    for slot in list_slots(store):
        if slot.kind != kind:
            continue
        try:
            key = unwrap(slot, bound, secret)
        except KeyWrong:
            continue
        header.confirm(key)
        return key
    raise KeyWrong(
        f"The {kind} opens no slot of repository {header.repository_id}", action="Check it, or use another slot: strongroom key show."
    )


def _spelled(passphrase: str) -> bytes:
    """One spelling for one passphrase: keyboards differ in how they compose letters."""
    if not passphrase:
        raise InvalidInput("The passphrase is empty")
    return unicodedata.normalize("NFC", passphrase).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
