"""One wrapping of the master key: an object under ``keys/``, or the same text on a printed sheet."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.repository.errors import KeyWrong, ObjectDamaged
from strongroom.repository.keys.master import SECRET_BYTES, MasterKey

SlotKind = Literal["passphrase", "recovery"]
SLOT_SALT_BYTES: Final = 32
MAX_MEMORY_KIB: Final = 1 << 20
MAX_ITERATIONS: Final = 16
MAX_LANES: Final = 16
_NONCE: Final = bytes(12)  # every wrapping key is used once: its salt is random


@dataclass(frozen=True, slots=True)
class ArgonCost:
    """What one guess of a passphrase costs: memory in KiB, passes, lanes."""

    memory_kib: int = 65536
    iterations: int = 3
    lanes: int = 4

    def within_cap(self) -> bool:
        """Whether a reader may pay it: a forged slot must not be able to exhaust the host."""
        fits = 8 * self.lanes <= self.memory_kib <= MAX_MEMORY_KIB
        return fits and 1 <= self.iterations <= MAX_ITERATIONS and 1 <= self.lanes <= MAX_LANES


@dataclass(frozen=True, slots=True)
class KeySlot:
    """A way to open the repository, as far as it may be shown; ``created_at`` is RFC 3339."""

    id: str
    kind: SlotKind
    created_at: str
    label: str
    epoch: int = 1
    salt: bytes = field(default=b"", repr=False)
    cost: ArgonCost | None = None
    wrapped: bytes = field(default=b"", repr=False)

    @property
    def object_key(self) -> str:
        return f"keys/{self.id}"

    def encode(self) -> bytes:
        """The slot's bytes, in the repository and on paper."""
        return json.dumps(self._fields() | {"wrapped": base64.b64encode(self.wrapped).decode()}, indent=1).encode() + b"\n"

    @classmethod
    def decode(cls, object_key: str, data: bytes) -> KeySlot:
        """The slot in ``data``; ``ObjectDamaged`` if it is none or asks for more work than a reader may pay."""
        try:
            return cls._parse(json.loads(data))
        except (ValueError, KeyError, TypeError) as error:
            raise ObjectDamaged(f"Object {object_key} is no key slot", cause=str(error) or "its fields are malformed") from None

    @classmethod
    def _parse(cls, fields: dict[str, Any]) -> KeySlot:
        kind = fields["kind"]
        if kind not in {"passphrase", "recovery"}:
            raise ValueError(f"unknown kind {str(kind)[:20]!r}")
        cost = ArgonCost(**{name: int(value) for name, value in fields["argon2id"].items()}) if kind == "passphrase" else None
        if cost is not None and not cost.within_cap():
            raise ValueError(f"its Argon2id parameters {cost} are beyond what a reader may pay")
        salt, wrapped = (base64.b64decode(fields[name], validate=True) for name in ("salt", "wrapped"))
        return cls(str(fields["id"]), kind, str(fields["created_at"]), str(fields["label"]), int(fields["epoch"]), salt, cost, wrapped)

    def bound(self, header_hash: bytes) -> bytes:
        """What the wrapping authenticates beside the key: the repository's header and every other field of the slot."""
        return header_hash + json.dumps(self._fields(), sort_keys=True, separators=(",", ":")).encode()

    def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind,
            "created_at": self.created_at,
            "label": self.label,
            "epoch": self.epoch,
            "salt": base64.b64encode(self.salt).decode(),
        }
        if self.cost is not None:
            fields["argon2id"] = {"memory_kib": self.cost.memory_kib, "iterations": self.cost.iterations, "lanes": self.cost.lanes}
        return fields


def wrap(
    key: MasterKey, header_hash: bytes, secret: bytes, *, kind: SlotKind, created_at: str, label: str, cost: ArgonCost | None = None
) -> KeySlot:
    """A new slot that ``secret`` (a passphrase in UTF-8, or the 32 bytes of a recovery key) opens."""
    paid = (cost or ArgonCost()) if kind == "passphrase" else None
    bare = KeySlot(secrets.token_hex(8), kind, created_at, label, key.epoch, os.urandom(SLOT_SALT_BYTES), paid)
    sealed = AESGCM(_wrapping_key(bare, secret)).encrypt(_NONCE, key.secret, bare.bound(header_hash))
    return KeySlot(bare.id, bare.kind, bare.created_at, bare.label, bare.epoch, bare.salt, bare.cost, sealed)


def unwrap(slot: KeySlot, header_hash: bytes, secret: bytes) -> MasterKey:
    """The master key, or ``KeyWrong``: a wrong secret and a forged slot look alike."""
    try:
        found = AESGCM(_wrapping_key(slot, secret)).decrypt(_NONCE, slot.wrapped, slot.bound(header_hash))
    except InvalidTag:
        raise KeyWrong(f"The {slot.kind} key does not open slot {slot.id}", cause="it is another one, or the slot was altered") from None
    if len(found) != SECRET_BYTES:
        raise KeyWrong(f"Slot {slot.id} holds no master key", cause=f"{len(found)} bytes were unwrapped")
    return MasterKey(slot.epoch, found)


def _wrapping_key(slot: KeySlot, secret: bytes) -> bytes:
    if slot.cost is None:
        return HKDF(SHA256(), 32, slot.salt, b"strongroom sr1 recovery slot").derive(secret)
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415 - only ceremonies need it, workers start without

    cost = slot.cost
    return Argon2id(salt=slot.salt, length=32, iterations=cost.iterations, lanes=cost.lanes, memory_cost=cost.memory_kib).derive(secret)
