"""The data path as collection needs it: what packs hold, what manifests reach, and copies of what must outlive its pack."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

from strongroom.repository.errors import ChunkMissing, ObjectDamaged, ObjectMissing, ObjectTruncated
from strongroom.repository.format import pack_key
from strongroom.repository.index.index import Index
from strongroom.repository.index.segment import Segment
from strongroom.repository.index.store import publish_segment
from strongroom.repository.packs.cipher import confirm_id, unpack
from strongroom.repository.packs.pack import Entry, PackWriter, Trailer, open_payload, publish_pack, read_trailer
from strongroom.repository.protocol.collection import Check, PackContents, Rescue
from strongroom.repository.protocol.live_marks import LiveMarks
from strongroom.repository.protocol.quarantine import bad_packs
from strongroom.repository.reading.chunks import ChunkSource
from strongroom.repository.repository import Repository
from strongroom.repository.tree.node import reachable, root_level


class PackChunks:
    """``collection.Chunks`` over packs, trees and the index; made anew for each run. ``check`` is called for every node and copy."""

    def __init__(self, repository: Repository, check: Check) -> None:
        self._repository = repository
        self._check = check
        self._index = Index.load(repository)
        self._source = ChunkSource(repository, self._index, bad_packs(repository))

    def contents(self, pack_id: str) -> PackContents:
        """By the pack's own trailer, read anew: nothing remembered may vouch for a pack's existence."""
        try:
            trailer = read_trailer(self._repository, pack_id)
        except ObjectTruncated as error:
            raise ObjectDamaged(f"Pack {pack_id} is truncated", cause=error.message) from error
        return PackContents(trailer.session_id, tuple((entry.id, entry.sealed_bytes) for entry in trailer.entries))

    def reach(self, commit_key: str, marks: LiveMarks) -> None:
        """See ``Chunks``. A subtree that another manifest shares is walked once."""
        for disk in self._repository.manifest(commit_key).disks:
            if disk.root:
                for live_id in reachable(self._node, bytes.fromhex(disk.root), root_level(disk.size_bytes), marks.is_new):
                    marks.add(live_id)

    def _node(self, node_id: bytes) -> bytes:
        self._check()
        return self._source.node(node_id)

    def hints(self, chunk_id: bytes) -> Iterator[str]:
        """See ``Chunks``."""
        return (location.pack_id for location in self._index.find(chunk_id))

    def copy(self, rescues: Iterable[Rescue]) -> None:
        """See ``Chunks``. In the order of packs and offsets; a pack that cannot give a chunk is passed over for another that holds it."""
        copier = _Copier(self._repository)
        placed = sorted(((rescue.packs[0], rescue.chunk_id, rescue.packs) for rescue in rescues), key=lambda place: place[:2])
        trailers: dict[str, dict[bytes, tuple[Trailer, Entry]]] = {}
        for first, chunk_id, packs in placed:
            self._check()
            if first not in trailers:
                trailers.clear()  # the packs come in order: the one before is done
            copier.add(*self._healthy(chunk_id, packs, trailers))
        segment = copier.close()
        if segment is not None:
            self._index.add(segment)

    def _healthy(
        self, chunk_id: bytes, packs: Iterable[str], trailers: dict[str, dict[bytes, tuple[Trailer, Entry]]]
    ) -> tuple[Entry, bytes]:
        """The entry and its verified payload from the first pack that has it whole."""
        cause = ""
        for pack_id in dict.fromkeys([*packs, *self.hints(chunk_id)]):
            try:
                if pack_id not in trailers:
                    trailer = read_trailer(self._repository, pack_id)
                    trailers[pack_id] = {entry.id: (trailer, entry) for entry in trailer.entries}
                if chunk_id in trailers[pack_id]:
                    return self._verified(*trailers[pack_id][chunk_id])
            except (ObjectMissing, ObjectDamaged, ObjectTruncated) as error:
                cause = cause or error.message
        raise ChunkMissing(f"Chunk {chunk_id.hex()} is needed and cannot be copied from its condemned pack", cause=cause)

    def _verified(self, trailer: Trailer, entry: Entry) -> tuple[Entry, bytes]:
        sealed = self._repository.store.get_range(pack_key(trailer.pack_id), entry.offset, entry.sealed_bytes)
        payload = open_payload(self._repository, trailer.pack_id, trailer.salt, entry, sealed)
        confirm_id(self._repository.ids, trailer.pack_id, entry, unpack(trailer.pack_id, entry, payload))
        return entry, payload


class _Copier:
    """Seals copies into new packs, one after another, each published when full."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._session_id = f"copy-{secrets.token_hex(8)}"
        self._writer = self._new_writer()
        self._trailers: list[Trailer] = []

    def _new_writer(self) -> PackWriter:
        return PackWriter(self._repository.key, self._repository.id, self._session_id)

    def add(self, entry: Entry, payload: bytes) -> None:
        if not self._writer.has_room(len(payload)) and not self._writer.empty:
            self._publish()
        copied = self._writer.add(entry.kind, entry.codec, entry.id, entry.block_hashes, payload, entry.plain_bytes)
        confirm_id(self._repository.ids, "in memory", copied, self._writer.read_back(copied))

    def close(self) -> Segment | None:
        """Publish the last pack, then the index of all; the segment that names them."""
        if not self._writer.empty:
            self._publish()
        if not self._trailers:
            return None
        segment = Segment.of_trailers(self._trailers)
        publish_segment(self._repository, segment)
        return segment

    def _publish(self) -> None:
        pack = self._writer.finish()
        publish_pack(self._repository.store, pack)
        self._trailers.append(pack.trailer)
        self._writer = self._new_writer()
