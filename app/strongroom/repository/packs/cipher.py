"""The cipher of one pack: one key a pack, one nonce an entry, unique by construction (invariant 14)."""

from __future__ import annotations

import threading
from typing import Final

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.repository.errors import ObjectDamaged
from strongroom.repository.format import ID_BYTES, SLOT_BYTES, TAG_BYTES
from strongroom.repository.ids import Ids
from strongroom.repository.keys.master import MasterKey
from strongroom.repository.packs.trailer import Codec, Entry, EntryKind
from strongroom.repository.store.base import Buffer

_TRAILER_TYPE: Final = 3
_TRAILER_ORDINAL: Final = 0xFFFFFF
MAX_ENTRIES: Final = _TRAILER_ORDINAL


class _Reused(threading.local):
    """What a thread decrypts into and decodes with. Fresh memory for every payload costs several times the decryption itself."""

    def __init__(self) -> None:
        self._payload = memoryview(bytearray(SLOT_BYTES))
        self.decompressor = zstandard.ZstdDecompressor()

    def payload(self, length: int) -> memoryview:
        """``length`` bytes that are overwritten by the thread's next call."""
        if length > len(self._payload):
            self._payload = memoryview(bytearray(length))
        return self._payload[:length]


_reused = _Reused()


class PackCipher:
    """Seals and opens what one pack holds. The pack's key comes of the master key and the pack's 32 random bytes of salt."""

    def __init__(self, key: MasterKey, repository_id: str, salt: bytes) -> None:
        self._cipher = AESGCM(key.derive(b"pack", salt=salt))
        self._repository = bytes.fromhex(repository_id)

    def seal_into(self, entry: Entry, payload: Buffer, out: memoryview) -> None:
        """Write the sealed payload to ``out``, which is 16 bytes longer than ``payload``."""
        kind = _type_of(entry)
        self._cipher.encrypt_into(_nonce(kind, entry.ordinal, entry.id), payload, self._bound(kind, entry.id), out)

    def open(self, pack_id: str, entry: Entry, sealed: Buffer) -> bytes:
        """The payload, still packed by its codec; ``ObjectDamaged`` unless it is what was sealed."""
        kind = _type_of(entry)
        try:
            return self._cipher.decrypt(_nonce(kind, entry.ordinal, entry.id), sealed, self._bound(kind, entry.id))
        except InvalidTag:
            raise _unauthentic(pack_id, entry) from None

    def open_plain(self, pack_id: str, entry: Entry, sealed: Buffer) -> bytes:
        """The plain bytes; ``ObjectDamaged`` unless they are what was sealed. Cheaper than ``open`` and ``unpack``."""
        if entry.codec is Codec.RAW:
            return unpack(pack_id, entry, self.open(pack_id, entry, sealed))
        return unpack(pack_id, entry, self._opened(pack_id, entry, sealed))

    def authenticate(self, pack_id: str, entry: Entry, sealed: Buffer) -> None:
        """``ObjectDamaged`` unless ``sealed`` is what was sealed; nothing is kept of it."""
        self._opened(pack_id, entry, sealed)

    def _opened(self, pack_id: str, entry: Entry, sealed: Buffer) -> memoryview:
        """The payload, in memory that the thread's next call overwrites."""
        kind = _type_of(entry)
        payload = _reused.payload(max(0, len(sealed) - TAG_BYTES))
        try:
            self._cipher.decrypt_into(_nonce(kind, entry.ordinal, entry.id), sealed, self._bound(kind, entry.id), payload)
        except InvalidTag:
            raise _unauthentic(pack_id, entry) from None
        return payload

    def seal_trailer(self, plain: bytes) -> bytes:
        return self._cipher.encrypt(_nonce(_TRAILER_TYPE, _TRAILER_ORDINAL, bytes(ID_BYTES)), plain, self._bound(_TRAILER_TYPE, b""))

    def open_trailer(self, pack_id: str, sealed: bytes) -> bytes:
        """The trailer's plain bytes, or ``ObjectDamaged``."""
        try:
            return self._cipher.decrypt(_nonce(_TRAILER_TYPE, _TRAILER_ORDINAL, bytes(ID_BYTES)), sealed, self._bound(_TRAILER_TYPE, b""))
        except InvalidTag:
            raise ObjectDamaged(f"Pack {pack_id}: its trailer failed authentication", cause="its bytes are not what was sealed") from None

    def _bound(self, kind: int, entry_id: bytes) -> bytes:
        return self._repository + bytes((kind,)) + entry_id


def sealed_length(payload_bytes: int) -> int:
    """How many bytes a sealed payload takes."""
    return payload_bytes + TAG_BYTES


def unpack(pack_id: str, entry: Entry, payload: Buffer) -> bytes:
    """The plain bytes of an opened payload; ``ObjectDamaged`` if its length is not the entry's."""
    try:
        packed = entry.codec is Codec.ZSTD
        plain = _reused.decompressor.decompress(payload, entry.plain_bytes) if packed else bytes(payload)
    except zstandard.ZstdError as error:
        raise ObjectDamaged(f"Pack {pack_id}: entry {entry.ordinal} does not decompress", cause=str(error)) from None
    if len(plain) != entry.plain_bytes:
        raise ObjectDamaged(f"Pack {pack_id}: entry {entry.ordinal} has {len(plain)} bytes", cause=f"its entry says {entry.plain_bytes}")
    return plain


def confirm_id(ids: Ids, pack_id: str, entry: Entry, plain: bytes) -> None:
    """Raise ``ObjectDamaged`` unless ``plain`` is what ``entry.id`` names (invariants 4 and 5)."""
    found = ids.node_id(plain) if entry.kind is EntryKind.TREE else ids.chunk_id(ids.block_hashes(plain))
    if found != entry.id:
        raise ObjectDamaged(f"Pack {pack_id}: entry {entry.ordinal} is not the chunk it claims to be", cause="its id differs")


def _unauthentic(pack_id: str, entry: Entry) -> ObjectDamaged:
    return ObjectDamaged(f"Pack {pack_id}: entry {entry.ordinal} failed authentication", cause="its bytes are not what was sealed")


def _type_of(entry: Entry) -> int:
    return entry.kind | entry.codec << 4


def _nonce(kind: int, ordinal: int, entry_id: bytes) -> bytes:
    return bytes((kind,)) + ordinal.to_bytes(3) + entry_id[:8]
