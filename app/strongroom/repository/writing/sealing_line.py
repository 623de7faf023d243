"""What one writing session works with, from the index to the thread that publishes: made together, ended together."""

from __future__ import annotations

from typing import Final

from strongroom.repository.counters import Counters
from strongroom.repository.halt import Halt
from strongroom.repository.index.index import Index
from strongroom.repository.index.store import listed_packs
from strongroom.repository.packs.pack import EntryKind, SealedPack
from strongroom.repository.packs.publisher import PackPublisher
from strongroom.repository.protocol.quarantine import bad_packs
from strongroom.repository.protocol.session import Session
from strongroom.repository.reading.chunks import ChunkSource
from strongroom.repository.repository import Repository
from strongroom.repository.writing.chunk_sealer import ChunkSealer
from strongroom.repository.writing.healing import Losses
from strongroom.repository.writing.known_chunks import KnownChunks
from strongroom.repository.writing.sealing_threads import SealingThreads
from strongroom.repository.writing.slot_sealer import SlotSealer

ABANDON_SECONDS: Final = 0.4  # how long an abort waits for a thread that may hang in its source


class SealingLine:
    """The threads, packs and look-ups of one session. ``finish`` makes everything durable; ``abandon`` drops what is not."""

    def __init__(self, repository: Repository, session: Session, *, counters: Counters, halt: Halt, verify: bool, threads: int) -> None:
        bad, index = bad_packs(repository), Index.load(repository)
        self.ids = repository.ids
        self.counters = counters
        self.halt = halt
        self.losses = Losses(index, bad, listed_packs(repository))
        self.chunks = ChunkSource(repository, index, bad)
        self.known = KnownChunks(session, index, bad)
        self._publisher = PackPublisher(repository.store, halt, threads + 1, self._on_published)
        self._nodes = ChunkSealer(repository, session.id, self._publisher, verify=verify)

        def make_sealer() -> tuple[SlotSealer, ChunkSealer]:
            sealer = ChunkSealer(repository, session.id, self._publisher, verify=verify)
            return SlotSealer(repository.ids, self.known, sealer, self.chunks.block_hash), sealer

        self.threads = SealingThreads(threads, halt, make_sealer)

    def emit_node(self, node_id: bytes, node: bytes) -> None:
        """Store a tree node unless it is known. For the session's own thread."""
        if self.known.claim(node_id):
            self._nodes.seal(EntryKind.TREE, node_id, b"", node)

    def finish(self) -> None:
        """Every pack durable, then the index that names them: the order of rule 3."""
        self.threads.close()
        self._nodes.flush()
        self._publisher.close()
        self.counters.stored_bytes += self.known.publish_index()

    def abandon(self) -> None:
        """Stop every thread of a halted session; packs that are durable already are for the collector."""
        self.threads.abandon(ABANDON_SECONDS)
        self._publisher.abandon(ABANDON_SECONDS)

    def _on_published(self, pack: SealedPack) -> None:
        self.counters.stored_bytes += pack.size_bytes + self.known.published(pack.trailer)
