"""Chunks and tree nodes by id: found, read, authenticated and re-identified before anybody sees them (invariant 5)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, Generic, TypeVar

from strongroom.domain.errors import StrongroomError
from strongroom.repository.errors import ChunkMissing, ObjectMissing
from strongroom.repository.format import pack_key
from strongroom.repository.index.index import Index
from strongroom.repository.index.segment import Location
from strongroom.repository.packs.pack import open_chunk, read_trailer
from strongroom.repository.packs.trailer import Trailer
from strongroom.repository.repository import Repository

NODE_CACHE: Final = 512  # about 4 MiB
TRAILER_CACHE: Final = 128
CHUNK_CACHE: Final = 16
Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The ``limit`` values used last, by id. Any thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[bytes | str, Value] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, name: bytes | str) -> Value | None:
        with self._guard:
            value = self._values.get(name)
            if value is not None:
                self._values.move_to_end(name)
            return value

    def put(self, name: bytes | str, value: Value) -> None:
        with self._guard:
            self._values[name] = value
            if len(self._values) > self._limit:
                self._values.popitem(last=False)


class ChunkSource:
    """Reads by id from any healthy copy. ``bad`` packs are asked last: a mark is no proof. Any thread."""

    def __init__(self, repository: Repository, index: Index, bad: frozenset[str] = frozenset()) -> None:
        self.repository = repository
        self.index = index
        self._bad = bad
        self._nodes: Recent[bytes] = Recent(NODE_CACHE)
        self._trailers: Recent[Trailer] = Recent(TRAILER_CACHE)
        self._chunks: Recent[bytes] = Recent(CHUNK_CACHE)

    def node(self, node_id: bytes) -> bytes:
        """The bytes of a tree node; ``ChunkMissing``, or ``ObjectDamaged`` if no copy is whole."""
        return self._through(self._nodes, node_id)

    def chunk(self, chunk_id: bytes) -> bytes:
        """The plain bytes of a chunk; ``ChunkMissing``, or ``ObjectDamaged`` if no copy is whole."""
        return self._through(self._chunks, chunk_id)

    def locations(self, wanted: bytes) -> list[Location]:
        """Every known copy, healthy packs first; ``ChunkMissing`` if there is none even after looking again."""
        found = self.index.find(wanted)
        if not found and (self.index.refresh() or self.index.scan()):
            found = self.index.find(wanted)
            if not found and self.index.scan():
                found = self.index.find(wanted)
        if not found:
            raise _missing(wanted)
        return sorted(found, key=lambda location: location.pack_id in self._bad)

    def fetch(self, wanted: bytes) -> bytes:
        """One verified read that tries every copy, each at most twice; the last copy's error is raised."""
        try:
            return self._first_whole(self.locations(wanted))
        except ObjectMissing:  # every known copy was collected: the index is older than the packs
            if not (self.index.refresh() or self.index.scan()):
                raise _missing(wanted) from None
            return self._first_whole(self.locations(wanted))

    def block_hash(self, chunk_id: bytes, block: int) -> bytes:
        """The 16 bytes that a pack's trailer keeps of the chunk's ``block``-th block; nothing of the chunk itself is read."""
        failure: StrongroomError = _missing(chunk_id)
        for location in self.locations(chunk_id):
            try:
                entry = self.trailer(location.pack_id).entries[location.entry.ordinal]
            except (StrongroomError, IndexError) as error:
                failure = error if isinstance(error, StrongroomError) else failure
                continue
            if entry.id == chunk_id:
                return entry.block_hash(block)
        raise failure

    def trailer(self, pack_id: str) -> Trailer:
        """A pack's table, remembered."""
        trailer = self._trailers.get(pack_id)
        if trailer is None:
            trailer = read_trailer(self.repository, pack_id)
            self._trailers.put(pack_id, trailer)
        return trailer

    def _through(self, recent: Recent[bytes], wanted: bytes) -> bytes:
        plain = recent.get(wanted)
        if plain is None:
            plain = self.fetch(wanted)
            recent.put(wanted, plain)
        return plain

    def _first_whole(self, locations: list[Location]) -> bytes:
        failure: StrongroomError | None = None
        for location in [copy for copy in locations for _ in range(2)]:
            try:
                return self._read(location)
            except StrongroomError as error:
                if failure is None or not isinstance(error, ObjectMissing):
                    failure = error
        raise failure or _missing(b"")

    def _read(self, location: Location) -> bytes:
        entry = location.entry
        sealed = self.repository.store.get_range(pack_key(location.pack_id), entry.offset, entry.sealed_bytes)
        return open_chunk(self.repository, location.pack_id, location.salt, entry, sealed)


def _missing(wanted: bytes) -> ChunkMissing:
    return ChunkMissing(f"Chunk {wanted.hex()} is in no pack", cause="its pack was lost, or is unreadable")
