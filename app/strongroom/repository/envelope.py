"""The one envelope around every small object: authenticated, bound to its repository, its kind and its place.

A sealed object moved to another key, taken for another kind or carried to another repository does not open (invariant 13).
"""

from __future__ import annotations

import os
import struct
from enum import IntEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.repository.errors import KeyWrong, ObjectDamaged
from strongroom.repository.format import SALT_BYTES, TAG_BYTES
from strongroom.repository.keys.master import MasterKey
from strongroom.repository.store.base import Buffer

MAGIC: Final = b"SR1o"
VERSION: Final = 1
_HEADER = struct.Struct(f">4sBBH{SALT_BYTES}s")  # magic, version, kind, key epoch, salt
_NONCE: Final = bytes(12)  # the key is used once, for its salt is drawn anew for every object (invariant 14)


class ObjectKind(IntEnum):
    """What a sealed object is; part of what is authenticated."""

    MANIFEST = 1
    VOID = 2
    SESSION = 3
    HEARTBEAT = 4
    TOMBSTONE = 5
    SEEN = 6
    INDEX = 7
    EVENT = 8
    BAD = 9
    PRUNE = 10
    FEATURE = 11


def seal(key: MasterKey, repository_id: str, kind: ObjectKind, object_key: str, payload: Buffer) -> bytes:
    """The bytes to store under ``object_key``; a retry must re-send these bytes, not seal again."""
    salt = os.urandom(SALT_BYTES)
    header = _HEADER.pack(MAGIC, VERSION, kind, key.epoch, salt)
    cipher = AESGCM(key.derive(b"envelope", salt=salt))
    return header + cipher.encrypt(_NONCE, bytes(payload), _bound(header, repository_id, object_key))


def unseal(key: MasterKey, repository_id: str, kind: ObjectKind, object_key: str, data: bytes) -> bytes:
    """The payload of the object found under ``object_key``.

    Raises ``ObjectDamaged`` unless these are the bytes that were sealed for that place and kind, ``KeyWrong`` for another key epoch.
    """
    found = kind_of(object_key, data)
    if found is not kind:
        raise ObjectDamaged(f"Object {object_key} is a {found.name.lower()}, not a {kind.name.lower()}", cause="objects were swapped")
    header = data[: _HEADER.size]
    _, _, _, epoch, salt = _HEADER.unpack(header)
    if epoch != key.epoch:
        raise KeyWrong(f"Object {object_key} was sealed with key epoch {epoch}", cause=f"the given key is epoch {key.epoch}")
    cipher = AESGCM(key.derive(b"envelope", salt=salt))
    try:
        return cipher.decrypt(_NONCE, memoryview(data)[_HEADER.size :], _bound(header, repository_id, object_key))
    except InvalidTag:
        raise ObjectDamaged(
            f"Object {object_key} failed authentication", cause="its bytes, or its place, are not what was sealed"
        ) from None


def kind_of(object_key: str, data: bytes) -> ObjectKind:
    """What the header claims the object is; not authenticated before ``unseal``."""
    if len(data) < _HEADER.size + TAG_BYTES:
        raise ObjectDamaged(f"Object {object_key} is truncated", cause=f"{len(data)} bytes are fewer than an envelope has")
    magic, version, kind, _, _ = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise ObjectDamaged(f"Object {object_key} is no SR1 object", cause="its first bytes are not an SR1 envelope")
    try:
        return ObjectKind(kind)
    except ValueError:
        raise ObjectDamaged(f"Object {object_key} has the unknown kind {kind}") from None


def _bound(header: bytes, repository_id: str, object_key: str) -> bytes:
    """Everything authenticated beside the payload; no part can run into the next."""
    return b"\0".join((header[:8].hex().encode(), repository_id.encode(), object_key.encode()))
