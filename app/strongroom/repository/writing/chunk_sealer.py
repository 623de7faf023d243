"""Seals chunks into packs, one pack open at a time: pack, encrypt, verify, hand over. One sealer a thread."""

from __future__ import annotations

import mmap
from typing import Final

import zstandard

from strongroom.repository.ids import Ids
from strongroom.repository.packs.cipher import confirm_id
from strongroom.repository.packs.pack import Codec, EntryKind, PackWriter
from strongroom.repository.packs.publisher import PackPublisher
from strongroom.repository.repository import Repository
from strongroom.repository.store.base import Buffer

ZSTD_LEVEL: Final = 1
_WORTH_IT: Final = 31 / 32  # a chunk that does not shrink below this is stored as it is
_PATIENCE: Final = 4  # so many in a row, and the next few are not even tried
_REST: Final = 4


class ChunkSealer:
    """Stores what it is given; whether it must be stored is decided before. ``verify`` decodes and re-identifies everything (invariant 4)."""

    def __init__(self, repository: Repository, session_id: str, publisher: PackPublisher, *, verify: bool) -> None:
        self._repository = repository
        self._ids: Ids = repository.ids
        self._session_id = session_id
        self._publisher = publisher
        self._verify = verify
        self._compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self._pack: PackWriter | None = None
        self._buffer: mmap.mmap | None = None
        self._stubborn = 0

    def seal(self, kind: EntryKind, entry_id: bytes, block_hashes: bytes, plain: Buffer) -> int:
        """Add one chunk or node; returns its sealed bytes. ``ObjectDamaged`` if it does not read back as what it is."""
        codec, payload = self._packed(plain)
        pack = self._pack_for(len(payload))
        entry = pack.add(kind, codec, entry_id, block_hashes, payload, len(plain))
        if self._verify:
            confirm_id(self._ids, "in memory", entry, pack.read_back(entry))
        else:
            pack.authenticate(entry)
        return entry.sealed_bytes

    def flush(self) -> None:
        """Hand over the open pack, if there is one."""
        if self._pack is not None and self._buffer is not None and not self._pack.empty:
            self._publisher.publish(self._pack.finish(), self._buffer)
            self._pack = self._buffer = None

    def _packed(self, plain: Buffer) -> tuple[Codec, Buffer]:
        if self._stubborn >= _PATIENCE:
            self._stubborn += 1
            if self._stubborn > _PATIENCE + _REST:
                self._stubborn = _PATIENCE - 1  # one try: another failure rests again
            return Codec.RAW, plain
        payload = self._compressor.compress(plain)
        if len(payload) < len(plain) * _WORTH_IT:
            self._stubborn = 0
            return Codec.ZSTD, payload
        self._stubborn += 1
        return Codec.RAW, plain

    def _pack_for(self, payload_bytes: int) -> PackWriter:
        if self._pack is not None and not self._pack.has_room(payload_bytes):
            self.flush()
        if self._pack is None:
            self._buffer = self._publisher.take_buffer()
            self._pack = PackWriter(self._repository.key, self._repository.id, self._session_id, self._buffer)
        return self._pack
