"""Which chunks need not be stored: those of this session, and hits that the store confirmed (rule 2 of the protocol)."""

from __future__ import annotations

import threading
from typing import Final

from strongroom.repository.index.index import Index
from strongroom.repository.index.segment import Segment
from strongroom.repository.index.store import publish_segment
from strongroom.repository.packs.trailer import Trailer
from strongroom.repository.protocol.session import Session, is_usable

UNINDEXED_ENTRIES: Final = 128 * 1024  # about 16 MB of ids in memory before they become a segment


class KnownChunks:
    """Decides, once for each id, who stores it. Any thread."""

    def __init__(self, session: Session, index: Index, bad: frozenset[str]) -> None:
        self._session = session
        self._index = index
        self._bad = bad
        self._guard = threading.Lock()
        self._fresh: set[bytes] = set()  # claimed by this session and in no segment yet
        self._unindexed: list[Trailer] = []
        self._unindexed_entries = 0
        self._own: list[str] = []
        self._own_names: set[str] = set()

    @property
    def own_packs(self) -> tuple[str, ...]:
        """The packs that this session published, in order."""
        return tuple(self._own)

    def claim(self, chunk_id: bytes) -> bool:
        """True if the caller must store the chunk now; False if it is stored, or is being stored by another thread of this session."""
        if chunk_id in self._fresh or any(self._counts(location.pack_id) for location in self._index.find(chunk_id)):
            return False
        with self._guard:
            if chunk_id in self._fresh:
                return False
            self._fresh.add(chunk_id)
            return True

    def published(self, trailer: Trailer) -> int:
        """Note that a pack of this session is durable; returns the bytes of index that this added to the store, mostly 0."""
        self._own.append(trailer.pack_id)
        self._own_names.add(trailer.pack_id)
        self._unindexed.append(trailer)
        self._unindexed_entries += len(trailer.entries)
        return self.publish_index() if self._unindexed_entries >= UNINDEXED_ENTRIES else 0

    def publish_index(self) -> int:
        """Publish the segment of the packs since the last one; returns its bytes."""
        if not self._unindexed:
            return 0
        segment = Segment.of_trailers(self._unindexed)
        publish_segment(self._session.place, segment)
        self._index.add(segment)
        with self._guard:
            self._fresh.difference_update(entry.id for trailer in self._unindexed for entry in trailer.entries)
        self._unindexed, self._unindexed_entries = [], 0
        return len(segment.data)

    def _counts(self, pack_id: str) -> bool:
        return pack_id in self._own_names or (pack_id not in self._bad and is_usable(self._session, pack_id))
