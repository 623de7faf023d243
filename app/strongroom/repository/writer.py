"""One backup session of one machine: its disks become chunks, packs and trees, and one manifest makes them a recovery point."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, Self

from strongroom.domain.disk import Extent
from strongroom.domain.errors import InvalidInput, StrongroomError
from strongroom.domain.states import ReadMode
from strongroom.repository.change_proof import Proof, ProofReader
from strongroom.repository.chunk_sealer import ChunkSealer
from strongroom.repository.chunks import ChunkSource
from strongroom.repository.counters import Counters
from strongroom.repository.disk_input import DiskInput, why_not_trusted
from strongroom.repository.disk_walk import DiskWalk, ParentDiskTree, ParentUnreadable, WalkTotals
from strongroom.repository.envelope import ObjectKind, seal
from strongroom.repository.errors import ObjectDamaged, RepositoryTooNew, SessionFenced, StoreError
from strongroom.repository.format import parse_snap_key
from strongroom.repository.halt import Halt
from strongroom.repository.healing import Losses
from strongroom.repository.index import Index
from strongroom.repository.index_store import compact_index, listed_packs
from strongroom.repository.known_chunks import KnownChunks
from strongroom.repository.manifest import DiskRecord, Manifest
from strongroom.repository.pack_publisher import PackPublisher
from strongroom.repository.packs import EntryKind, SealedPack
from strongroom.repository.quarantine import bad_packs
from strongroom.repository.repository import Repository
from strongroom.repository.sealing_threads import SealingThreads
from strongroom.repository.session import Outcome, Session, beat, end_session, open_session, publish, void
from strongroom.repository.slot_sealer import SlotSealer
from strongroom.repository.tree import ZERO_ID

__all__ = ["BackupWriter", "Counters", "DiskInput", "Proof"]

HEARTBEAT_SECONDS: Final = 30.0
ABANDON_SECONDS: Final = 0.4  # how long an abort waits for a thread that may hang in its source
MOST_TIPS: Final = 16


class BackupWriter:
    """One session, one commit. Use it as a context manager: an exception on the way out aborts, and nothing half done is ever visible."""

    def __init__(self, repository: Repository, session: Session, parent: Manifest | None, *, counters: Counters, halt: Halt) -> None:
        self.repository = repository
        self.parent = parent
        self.parent_reason = ""
        self.counters = counters
        self.halt = halt
        self.ids = repository.ids
        self._session = session
        self._disks: list[DiskRecord] = []
        self._ended = False
        self._committed = False
        self._beat_at = time.monotonic()

    @classmethod
    def open(  # noqa: PLR0913 - the settings of one session, given once, by name
        cls,
        repository: Repository,
        machine_id: str,
        session_id: str,
        *,
        parent: Literal["newest"] | None,
        counters: Counters,
        check: Callable[[], None],
        verify: bool = True,
        threads: int = 2,
        host: Mapping[str, Any] | None = None,
    ) -> Self:
        """Declare the session and take its parent: the newest recovery point, pinned, unless it is being pruned or damaged.

        ``check`` is called at least once a slot and while waiting; what it raises ends the session. ``verify`` decodes and re-identifies everything
        before it is published; without it only authenticity is checked. Raises ``RepositoryTooNew`` for a repository that is only readable here.
        """
        if repository.read_only:
            raise RepositoryTooNew("The repository may only be read by this version", cause="a later version added a feature to it")
        newest, reason = _newest(repository, machine_id) if parent else (None, "")
        session = open_session(repository, machine_id, session_id, host or {}, newest.commit_key if newest else None)
        writer = cls(repository, session, newest if session.pinned else None, counters=counters, halt=Halt(check))
        writer.parent_reason = reason
        try:
            writer._prepare(verify, threads)
        except BaseException:
            end_session(session)
            raise
        return writer

    def _prepare(self, verify: bool, threads: int) -> None:
        repository, session, bad = self.repository, self._session, bad_packs(self.repository)
        index = Index.load(repository)
        self.losses = Losses(index, bad, listed_packs(repository))
        self._chunks = ChunkSource(repository, index, bad)
        self._known = KnownChunks(session, index, bad)
        self._publisher = PackPublisher(repository.store, self.halt, threads + 1, self._on_published)
        self._trees = ChunkSealer(repository, session.id, self._publisher, verify=verify)

        def make_sealer() -> tuple[SlotSealer, ChunkSealer]:
            sealer = ChunkSealer(repository, session.id, self._publisher, verify=verify)
            return SlotSealer(repository.ids, self._known, sealer, self._chunks.block_hash), sealer

        self.threads = SealingThreads(threads, self.halt, make_sealer)

    @property
    def commit_key(self) -> str:
        """Where the recovery point will be; declared before anything was written."""
        return self._session.commit_key

    def write_disk(self, disk: DiskInput) -> DiskRecord:
        """Store one disk and return its record.

        What the source says of changes is used only with a parent of the same size and format, and only if its proof holds (invariant 10); else the
        disk is read whole and the record says why. Raises what the source raises, ``StoreFull`` and the other errors of the store.
        """
        self.counters.total_bytes += disk.size_bytes
        before = self.parent.disk(disk.id) if self.parent else None
        tracked = disk.mode in {ReadMode.INCREMENTAL, ReadMode.UNCHANGED}
        distrust = why_not_trusted(disk, before) if tracked else ""
        if tracked and not distrust:
            try:
                return self._tracked(disk, before)
            except ParentUnreadable as decision:
                distrust, before = str(decision), None
            except _ProofFailed as decision:
                distrust = str(decision)
        compare = before is not None and (tracked or disk.mode == ReadMode.COMPARE)
        extents = disk.all_extents if tracked else disk.extents
        try:
            return self._whole(disk, before if compare else None, extents, distrust)
        except ParentUnreadable as decision:
            return self._whole(disk, None, extents, str(decision))

    def commit(self, taken_at: str, facts: Mapping[str, Any]) -> Manifest:
        """Make everything durable and then the recovery point visible: from here on it exists. ``SessionFenced`` if the session was declared dead."""
        self.threads.close()
        self._trees.flush()
        self._publisher.close()
        self.counters.stored_bytes += self._known.publish_index()
        manifest = self._manifest(taken_at, facts)
        sealed = seal(self.repository.key, self.repository.id, ObjectKind.MANIFEST, self.commit_key, manifest.encode())
        self._publish(sealed)
        self._ended = self._committed = True
        self.counters.stored_bytes += len(sealed)
        self._tidy_index()
        return manifest

    def abort(self) -> None:
        """Stop every thread, take the commit key with a VOID and end the session. Safe to repeat; after a commit it only ends the session."""
        self.halt.stop()
        if not self._ended:
            self.threads.abandon(ABANDON_SECONDS)
            self._publisher.abandon(ABANDON_SECONDS)
        self._ended = True
        end_session(self._session)

    def close(self) -> None:
        """End the session: after a commit the parent's pin goes, without one it is an abort.

        A committed session has ended by its commit key; if its object cannot be deleted now, whoever tidies sessions next does it.
        """
        try:
            self.abort()
        except StoreError:
            if not self._committed:
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
            return
        try:
            self.abort()
        except StrongroomError as failure:  # the first error is the one to see; a session left behind is settled later
            error.add_note(f"The session could not be ended: {failure}")

    def _tracked(self, disk: DiskInput, before: DiskRecord | None) -> DiskRecord:
        parent = self._parent_tree(before)
        walk = self._walk(disk, parent, compare=False)
        root = self._root_of(walk, disk, disk.extents)
        if disk.proof.sample and parent is not None:
            try:
                self._prove(disk, parent, walk)
            except _ProofFailed:
                self.counters.done_bytes -= walk.totals.done_bytes
                raise
        return self._record(disk, root, walk.totals, disk.mode, disk.reason)

    def _whole(self, disk: DiskInput, before: DiskRecord | None, extents: Callable[[], Iterator[Extent]], distrust: str) -> DiskRecord:
        walk = self._walk(disk, self._parent_tree(before), compare=before is not None)
        root = self._root_of(walk, disk, extents)
        mode = disk.mode if not distrust else (ReadMode.COMPARE if before else ReadMode.FULL)
        return self._record(disk, root, walk.totals, mode, distrust or disk.reason)

    def _root_of(self, walk: DiskWalk, disk: DiskInput, extents: Callable[[], Iterator[Extent]]) -> str:
        if disk.size_bytes == 0:
            return ""
        try:
            return walk.run(extents()).hex()
        except ParentUnreadable:
            self.counters.done_bytes -= walk.totals.done_bytes
            raise

    def _walk(self, disk: DiskInput, parent: ParentDiskTree | None, *, compare: bool) -> DiskWalk:
        return DiskWalk(
            self,
            size_bytes=disk.size_bytes,
            read_into=disk.read_into,
            parent=parent,
            compare=compare,
            emit=self._emit_node,
            each_step=self._each_step,
        )

    def _prove(self, disk: DiskInput, parent: ParentDiskTree, walk: DiskWalk) -> None:
        slot = parent.cursor().slot
        reader = ProofReader(self.ids, disk.read_into, disk.size_bytes, slot, self._chunks.block_hash)
        try:
            wrong = reader.first_difference(walk.sample.blocks(), self.halt.look)
        finally:
            self.counters.proof_bytes += reader.read_bytes
        if wrong is not None:
            raise _ProofFailed(f"change tracking missed a change at {wrong} bytes, so everything was read")

    def _parent_tree(self, before: DiskRecord | None) -> ParentDiskTree | None:
        if before is None or not before.root:
            return None
        return ParentDiskTree(self._chunks.node, bytes.fromhex(before.root), before.size_bytes, before.used_bytes)

    def _emit_node(self, node_id: bytes, node: bytes) -> None:
        if node_id != ZERO_ID and self._known.claim(node_id):
            self._trees.seal(EntryKind.TREE, node_id, b"", node)

    def _on_published(self, pack: SealedPack) -> None:
        self.counters.stored_bytes += pack.size_bytes + self._known.published(pack.trailer)

    def _each_step(self) -> None:
        self.halt.look()
        now = time.monotonic()
        if now - self._beat_at > HEARTBEAT_SECONDS:
            self._beat_at = now
            beat(self._session)

    def _record(self, disk: DiskInput, root: str, totals: WalkTotals, mode: str, reason: str) -> DiskRecord:
        record = DiskRecord(
            id=disk.id,
            size_bytes=disk.size_bytes,
            format=disk.format,
            root=root,
            tracking=disk.tracking,
            mode=str(mode),
            reason=reason,
            used_bytes=totals.used_bytes,
            read_bytes=totals.read_bytes,
            new_bytes=totals.new_bytes,
            stored_bytes=totals.stored_bytes,
        )
        self._disks.append(record)
        return record

    def _manifest(self, taken_at: str, facts: Mapping[str, Any]) -> Manifest:
        parsed = parse_snap_key(self.commit_key)
        if parsed is None:
            raise InvalidInput(f"{self.commit_key} is no commit key")
        others = sorted((tag, seq) for tag, seq in self.repository.tips().items() if tag != parsed[0])
        tips = dict(random.sample(others, min(MOST_TIPS, len(others))))
        facts_of = self._session.facts
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        packs = self._known.own_packs
        return Manifest(self.commit_key, facts_of.machine_id, parsed[1], facts_of.id, taken_at, now, tuple(self._disks), packs, tips, facts)

    def _publish(self, sealed: bytes) -> None:
        try:
            publish(self._session, sealed)
        except SessionFenced:
            raise
        except StoreError:
            # The store may have kept the manifest before it failed: whoever holds the commit key now decides.
            if void(self.repository, self.commit_key) is not Outcome.COMMITTED:
                raise

    def _tidy_index(self) -> None:
        """Merge small segments. The recovery point is committed; an index that stays as it is costs time, not data."""
        try:
            compact_index(self.repository, self.losses.gone_packs)
        except StrongroomError:
            return


class _ProofFailed(Exception):
    """A block said to be unchanged differs from the parent's."""


def _newest(repository: Repository, machine_id: str) -> tuple[Manifest | None, str]:
    try:
        return repository.newest(machine_id), ""
    except ObjectDamaged as error:
        return None, f"the newest recovery point is damaged: {error.message}"
