"""Packs: about 32 MiB of sealed chunks that become durable with one fsync, are written once and never changed."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from blake3 import blake3

from strongroom.domain.errors import InternalError
from strongroom.repository.errors import KeyWrong, ObjectDamaged
from strongroom.repository.format import ID_BYTES, PACK_BYTES, SALT_BYTES, SLOT_BYTES, TAG_BYTES, pack_key
from strongroom.repository.keys.master import MasterKey
from strongroom.repository.packs.cipher import MAX_ENTRIES, PackCipher, confirm_id, sealed_length
from strongroom.repository.packs.trailer import (
    DIGESTED_FOOTER_BYTES,
    FOOTER_BYTES,
    PACK_MAGIC,
    Codec,
    Entry,
    EntryKind,
    Footer,
    Trailer,
    decode_trailer,
    encode_trailer,
)
from strongroom.repository.store.base import Buffer, Store

if TYPE_CHECKING:
    from strongroom.repository.repository import Repository

__all__ = [
    "Codec",
    "Entry",
    "EntryKind",
    "PackWriter",
    "SealedPack",
    "Trailer",
    "open_chunk",
    "open_payload",
    "publish_pack",
    "read_trailer",
]

BUFFER_BYTES: Final = PACK_BYTES + SLOT_BYTES + 4096  # room for one more whole slot that zstd could not shrink


def new_buffer() -> mmap.mmap:
    """Room for one pack that costs memory only where it is written: small backups fill little of it. (``bytearray`` would touch all.)"""
    return mmap.mmap(-1, BUFFER_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


class SealedPack(NamedTuple):
    """A finished pack, ready to be published; ``body`` lies in the writer's buffer, which must not be reused before."""

    trailer: Trailer
    body: memoryview
    tail: bytes

    @property
    def id(self) -> str:
        return self.trailer.pack_id

    @property
    def size_bytes(self) -> int:
        return len(self.body) + len(self.tail)


class PackWriter:
    """One pack under construction, by one thread of one process.

    The salt is drawn here, in the process that seals, and the writer refuses to go on in a fork: two processes must never seal
    different bytes with one key and nonce (invariant 14).
    """

    def __init__(self, key: MasterKey, repository_id: str, session_id: str, buffer: bytearray | mmap.mmap | None = None) -> None:
        self._buffer = memoryview(buffer if buffer is not None else new_buffer())
        self._salt = os.urandom(SALT_BYTES)
        self._epoch = key.epoch
        self._cipher = PackCipher(key, repository_id, self._salt)
        self._session_id = session_id
        self._process = os.getpid()
        self._entries: list[Entry] = []
        self._hash = blake3(PACK_MAGIC)
        self._buffer[: len(PACK_MAGIC)] = PACK_MAGIC
        self._end = len(PACK_MAGIC)

    @property
    def empty(self) -> bool:
        return not self._entries

    @property
    def size_bytes(self) -> int:
        """Bytes of entries so far."""
        return self._end

    def has_room(self, payload_bytes: int) -> bool:
        """Whether another payload of that size keeps the pack within its size."""
        return self._end + sealed_length(payload_bytes) <= min(PACK_BYTES, len(self._buffer)) and len(self._entries) < MAX_ENTRIES

    def add(self, kind: EntryKind, codec: Codec, entry_id: bytes, block_hashes: bytes, payload: Buffer, plain_bytes: int) -> Entry:
        """Seal ``payload`` (already packed by ``codec``) as the next entry; ``has_room`` must have been asked, or the pack be empty."""
        if os.getpid() != self._process:
            raise InternalError("A pack was continued in a forked process", cause="its nonces could repeat")
        ordinal, length = len(self._entries), sealed_length(len(payload))
        entry = Entry(entry_id, kind, codec, ordinal, self._end, length, plain_bytes, block_hashes)
        place = self._buffer[self._end : self._end + length]
        self._cipher.seal_into(entry, payload, place)
        self._hash.update(place)
        self._entries.append(entry)
        self._end += length
        return entry

    def read_back(self, entry: Entry) -> bytes:
        """The plain bytes of an entry as they now stand in the buffer, authenticated (invariant 4); ``ObjectDamaged``."""
        return self._cipher.open_plain("in memory", entry, self._sealed(entry))

    def authenticate(self, entry: Entry) -> None:
        """``ObjectDamaged`` unless the tag of an entry holds as it now stands in the buffer."""
        self._cipher.authenticate("in memory", entry, self._sealed(entry))

    def _sealed(self, entry: Entry) -> memoryview:
        return self._buffer[entry.offset : entry.offset + entry.sealed_bytes]

    def finish(self) -> SealedPack:
        """Close the pack. It may be published any number of times with identical bytes, never sealed again."""
        sealed = self._cipher.seal_trailer(encode_trailer(self._session_id, self._entries))
        open_footer = Footer(self._salt, self._epoch, self._end, len(sealed), bytes(ID_BYTES))
        self._hash.update(sealed)
        self._hash.update(open_footer.encode()[:DIGESTED_FOOTER_BYTES])
        digest = self._hash.digest()
        trailer = Trailer(digest.hex(), self._salt, self._session_id, tuple(self._entries))
        return SealedPack(trailer, self._buffer[: self._end], sealed + open_footer._replace(digest=digest).encode())


def publish_pack(store: Store, pack: SealedPack) -> None:
    """Make the pack durable."""
    store.put_new(pack_key(pack.id), [pack.body, pack.tail])


def read_trailer(repository: Repository, pack_id: str) -> Trailer:
    """The authenticated table of a pack; ``ObjectMissing``, ``ObjectTruncated`` or ``ObjectDamaged``."""
    store, key = repository.store, pack_key(pack_id)
    footer = Footer.decode(pack_id, store.get_range(key, -FOOTER_BYTES, FOOTER_BYTES))
    if not TAG_BYTES <= footer.trailer_bytes <= 1 << 28:
        raise ObjectDamaged(f"Pack {pack_id} has a malformed footer", cause=f"it claims a trailer of {footer.trailer_bytes} bytes")
    if footer.epoch != repository.key.epoch:
        raise KeyWrong(f"Pack {pack_id} was sealed with key epoch {footer.epoch}", cause=f"the given key is epoch {repository.key.epoch}")
    sealed = store.get_range(key, footer.trailer_offset, footer.trailer_bytes)
    cipher = PackCipher(repository.key, repository.id, footer.salt)
    return decode_trailer(pack_id, footer.salt, cipher.open_trailer(pack_id, sealed))


def open_payload(repository: Repository, pack_id: str, salt: bytes, entry: Entry, sealed: Buffer) -> bytes:
    """An entry's authenticated payload, still packed by its codec: what a copy to another pack seals again."""
    return PackCipher(repository.key, repository.id, salt).open(pack_id, entry, sealed)


def open_chunk(repository: Repository, pack_id: str, salt: bytes, entry: Entry, sealed: Buffer) -> bytes:
    """An entry's plain bytes, authenticated and re-identified (invariant 5); ``ObjectDamaged``."""
    plain = PackCipher(repository.key, repository.id, salt).open_plain(pack_id, entry, sealed)
    confirm_id(repository.ids, pack_id, entry, plain)
    return plain
