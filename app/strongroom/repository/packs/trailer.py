"""What a pack says of its own content: the entries of its sealed trailer, and its footer."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from strongroom.repository.errors import ObjectDamaged
from strongroom.repository.format import BLOCK_HASH_BYTES, ID_BYTES, SALT_BYTES

PACK_MAGIC: Final = b"SR1PACK\x01"
FOOTER_MAGIC: Final = b"SR1PEND\x01"
_FOOTER = struct.Struct(f">{SALT_BYTES}sHQI{ID_BYTES}s8s")  # salt, key epoch, trailer offset, trailer length, digest, magic
FOOTER_BYTES: Final = _FOOTER.size
DIGESTED_FOOTER_BYTES: Final = FOOTER_BYTES - ID_BYTES - len(FOOTER_MAGIC)  # the part of the footer that the digest covers
_HEAD = struct.Struct(">H")
_COUNT = struct.Struct(">I")
_ENTRY = struct.Struct(f">BB{ID_BYTES}sIIIB")  # kind, codec, id, offset, sealed bytes, plain bytes, block hashes


class EntryKind(IntEnum):
    """What a sealed entry holds."""

    DATA = 1
    TREE = 2


class Codec(IntEnum):
    """How an entry's payload is packed before it is sealed."""

    RAW = 0
    ZSTD = 1


class Entry(NamedTuple):
    """One sealed chunk or tree node in a pack; ``block_hashes`` joins 16 bytes a block (empty for tree nodes, and where the index is the source)."""

    id: bytes
    kind: EntryKind
    codec: Codec
    ordinal: int
    offset: int
    sealed_bytes: int
    plain_bytes: int
    block_hashes: bytes = b""

    def block_hash(self, block: int) -> bytes:
        """The 16 bytes kept of the hash of the chunk's ``block``-th block."""
        return self.block_hashes[block * BLOCK_HASH_BYTES : (block + 1) * BLOCK_HASH_BYTES]


class Footer(NamedTuple):
    """A pack's last bytes, readable without a key; ``digest`` is the BLAKE3 of every byte before it, and the pack's id."""

    salt: bytes
    epoch: int
    trailer_offset: int
    trailer_bytes: int
    digest: bytes

    def encode(self) -> bytes:
        return _FOOTER.pack(self.salt, self.epoch, self.trailer_offset, self.trailer_bytes, self.digest, FOOTER_MAGIC)

    @classmethod
    def decode(cls, pack_id: str, data: bytes) -> Footer:
        """The footer in a pack's last ``FOOTER_BYTES``; ``ObjectDamaged`` if it is not that of ``pack_id``."""
        salt, epoch, offset, length, digest, magic = _FOOTER.unpack(data)
        if magic != FOOTER_MAGIC:
            raise ObjectDamaged(f"Pack {pack_id} has no footer", cause="it is truncated or was overwritten")
        if digest.hex() != pack_id:
            raise ObjectDamaged(f"Pack {pack_id} holds pack {digest.hex()}", cause="objects were swapped")
        return cls(salt, epoch, offset, length, digest)


class Trailer(NamedTuple):
    """The authenticated table of one pack."""

    pack_id: str
    salt: bytes
    session_id: str
    entries: tuple[Entry, ...]


def encode_trailer(session_id: str, entries: list[Entry]) -> bytes:
    """The trailer's plain bytes; an entry's ordinal is its place."""
    name = session_id.encode()
    parts = [_HEAD.pack(len(name)), name, _COUNT.pack(len(entries))]
    for entry in entries:
        hashes = len(entry.block_hashes) // BLOCK_HASH_BYTES
        parts.append(_ENTRY.pack(entry.kind, entry.codec, entry.id, entry.offset, entry.sealed_bytes, entry.plain_bytes, hashes))
        parts.append(entry.block_hashes)
    return b"".join(parts)


def decode_trailer(pack_id: str, salt: bytes, data: bytes) -> Trailer:
    """The trailer in authenticated plain bytes; ``ObjectDamaged`` if it cannot be one."""
    try:
        (name_bytes,) = _HEAD.unpack_from(data)
        at = _HEAD.size + name_bytes
        session_id = data[_HEAD.size : at].decode()
        (count,) = _COUNT.unpack_from(data, at)
        return Trailer(pack_id, salt, session_id, _entries(data, at + _COUNT.size, count))
    except (struct.error, ValueError) as error:
        raise ObjectDamaged(f"Pack {pack_id} has a malformed trailer", cause=str(error)) from None


def _entries(data: bytes, at: int, count: int) -> tuple[Entry, ...]:
    entries = []
    for ordinal in range(count):
        kind, codec, entry_id, offset, sealed_bytes, plain_bytes, hashes = _ENTRY.unpack_from(data, at)
        at += _ENTRY.size
        block_hashes = data[at : at + hashes * BLOCK_HASH_BYTES]
        at += hashes * BLOCK_HASH_BYTES
        entries.append(Entry(entry_id, EntryKind(kind), Codec(codec), ordinal, offset, sealed_bytes, plain_bytes, block_hashes))
    if at != len(data):
        raise ValueError(f"it has {len(data)} bytes, its entries take {at}")
    return tuple(entries)
