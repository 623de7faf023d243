"""What collection needs of the data path, and the mark that both its halves share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from strongroom.repository.errors import ManifestMissing
from strongroom.repository.protocol.commit_key import was_pruned
from strongroom.repository.protocol.live_marks import LiveMarks
from strongroom.repository.protocol.session import open_sessions
from strongroom.repository.sealed import Place

Check = Callable[[], None]
"""Called often; raises ``Cancelled`` when the operator wants to stop."""


class PackContents(NamedTuple):
    """What a pack's own trailer says: the session that wrote it, and (chunk id, sealed bytes) of everything in it."""

    session_id: str
    rows: tuple[tuple[bytes, int], ...]


class Rescue(NamedTuple):
    """A live chunk that lies only in condemned packs, and those packs."""

    chunk_id: bytes
    packs: tuple[str, ...]


class Chunks(Protocol):
    """The data path as collection sees it."""

    def contents(self, pack_id: str) -> PackContents:
        """From the pack itself; ``ObjectMissing`` if it is gone, ``ObjectDamaged`` if it cannot say."""
        ...

    def reach(self, commit_key: str, marks: LiveMarks) -> None:
        """Mark every chunk and tree node of a manifest; ``ManifestMissing`` for a VOID or none, ``ChunkMissing`` if part of its tree is nowhere."""
        ...

    def hints(self, chunk_id: bytes) -> Iterable[str]:
        """Packs that once held the chunk, as the index has it."""
        ...

    def copy(self, rescues: Iterable[Rescue]) -> None:
        """Store the chunks again, verified, in packs of their own, durable and known to the index on return; else raises."""
        ...


def mark(place: Place, chunks: Chunks, marks: LiveMarks, check: Check) -> None:
    """Mark all that is live: every manifest that is there and every manifest that an open session pins (invariant 7).

    Whatever cannot be listed or read raises: who does not know that a chunk is dead leaves it alone (invariants 6 and 17).
    """
    roots = [info.key for info in place.store.list("snap/")]
    known = set(roots)
    pins = {pin for facts in open_sessions(place) for pin in facts.pinned} - known
    roots.extend(pin for pin in sorted(pins) if not was_pruned(place, pin))
    for commit_key in roots:
        check()
        _mark_manifest(place, chunks, marks, commit_key)


def _mark_manifest(place: Place, chunks: Chunks, marks: LiveMarks, commit_key: str) -> None:
    """A VOID has nothing to mark; a manifest that went since the listing was given up before, or something is badly wrong."""
    try:
        chunks.reach(commit_key, marks)
    except ManifestMissing:
        if place.store.stat(commit_key) is None and not was_pruned(place, commit_key):
            raise
