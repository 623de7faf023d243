"""Look-ups over all index segments: within a stated memory, and right even where the objects under ``index/`` are not."""

from __future__ import annotations

import mmap
import tempfile
import threading
from typing import Final

from strongroom.repository.errors import ObjectDamaged, ObjectMissing, ObjectTruncated
from strongroom.repository.index.segment import Location, Segment
from strongroom.repository.index.store import PREFIX, listed_packs, read_segment
from strongroom.repository.packs.pack import read_trailer
from strongroom.repository.repository import Repository

MEMORY_BUDGET_BYTES: Final = 64 * 1024 * 1024  # segments beyond it lie in nameless temporary files, mapped


class Index:
    """Every location that is known of an id. A hint: whoever relies on a location asks the store. Any thread may look up."""

    def __init__(self, repository: Repository, memory_budget_bytes: int = MEMORY_BUDGET_BYTES) -> None:
        self._repository = repository
        self._spare_bytes = memory_budget_bytes
        self._segments: list[Segment] = []
        self._loaded: set[str] = set()
        self._scanned = False
        self._guard = threading.Lock()

    @classmethod
    def load(cls, repository: Repository) -> Index:
        """All segments under ``index/``. A damaged one is passed over: the packs themselves tell what it would have told."""
        index = cls(repository)
        index.refresh()
        return index

    def refresh(self) -> bool:
        """Read the segments published since; says whether there were any."""
        fresh = [info.key for info in self._repository.store.list(PREFIX) if info.key not in self._loaded]
        for object_key in fresh:
            self._loaded.add(object_key)
            try:
                self.add(read_segment(self._repository, object_key))
            except (ObjectMissing, ObjectDamaged):  # merged into another meanwhile, or broken: ``scan`` covers its packs
                continue
        return bool(fresh)

    def add(self, segment: Segment) -> None:
        """Let look-ups see another segment."""
        with self._guard:
            fits = len(segment.data) <= self._spare_bytes
            self._spare_bytes -= len(segment.data) if fits else 0
            self._segments = [*self._segments, segment if fits else _spilled(segment)]

    def find(self, wanted: bytes) -> list[Location]:
        """Every known copy of the chunk or node, the most recently learnt first."""
        return [location for segment in reversed(self._segments) for location in segment.find(wanted)]

    def named_packs(self) -> frozenset[str]:
        """Every pack that a segment names, whether it exists or not."""
        return frozenset(pack_id for segment in self._segments for pack_id, _ in segment.packs)

    def only_in(self, packs: frozenset[str]) -> frozenset[bytes]:
        """The ids of which every known copy lies in ``packs``."""
        suspects = {wanted for segment in self._segments for wanted in segment.ids_in(packs)}
        return frozenset(wanted for wanted in suspects if all(location.pack_id in packs for location in self.find(wanted)))

    def scan(self) -> bool:
        """Read the trailers of all packs that no segment names, once; says whether anything was learnt."""
        with self._guard:
            if self._scanned:
                return False
            self._scanned = True
        trailers = []
        for pack_id in sorted(listed_packs(self._repository) - self.named_packs()):
            try:
                trailers.append(read_trailer(self._repository, pack_id))
            except (ObjectMissing, ObjectTruncated, ObjectDamaged):  # what it holds is unknown; «check» names such packs
                continue
        if trailers:
            self.add(Segment.of_trailers(trailers))
        return bool(trailers)


def _spilled(segment: Segment) -> Segment:
    with tempfile.TemporaryFile() as file:
        file.write(segment.data)
        file.flush()
        return Segment(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
