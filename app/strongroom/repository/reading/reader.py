"""Reads a recovery point: its extents, any range, a whole copy, a proof that all of it can be given back (features A16 and B3)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any, Self

from strongroom.domain.disk import Extent, ExtentKind, covering
from strongroom.domain.errors import InvalidInput
from strongroom.repository.counters import Counters
from strongroom.repository.errors import ManifestMissing
from strongroom.repository.format import BLOCK_BYTES, SLOT_BYTES
from strongroom.repository.index.index import Index
from strongroom.repository.manifest import DiskRecord, Manifest
from strongroom.repository.protocol.quarantine import bad_packs
from strongroom.repository.protocol.session import Session, end_session, open_reading_session
from strongroom.repository.reading.chunks import ChunkSource
from strongroom.repository.reading.range_reader import BadRange, RangeReader, RangeTotals, Write
from strongroom.repository.reading.read_plan import WINDOW_LEAVES, plan_ranges, uses_of
from strongroom.repository.repository import Repository
from strongroom.repository.tree.leaf_walk import LeafRange, walk_leaves
from strongroom.repository.tree.parent import ParentTree

__all__ = ["BadRange", "CopyReport", "PointReader", "VerifyReport"]


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a copy delivered, in bytes; ``pack_bytes_read`` over ``bytes_written`` is the amplification."""

    bytes_written: int
    zero_bytes: int
    pack_bytes_read: int
    bad_ranges: tuple[BadRange, ...]


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was proved: every chunk authenticated, decoded and re-identified; ``bad`` is what cannot be given back."""

    chunks: int
    plain_bytes: int
    pack_bytes_read: int
    bad: tuple[BadRange, ...]


class PointReader:
    """One recovery point, pinned while this is open. ``read`` may be called from several threads."""

    def __init__(self, source: ChunkSource, session: Session, manifest: Manifest, counters: Counters, check: Callable[[], None]) -> None:
        self.manifest = manifest
        self._source = source
        self._session = session
        self._counters = counters
        self._check = check
        self._trees: dict[str, ParentTree] = {}
        self._guard = threading.Lock()

    @classmethod
    def open(
        cls,
        repository: Repository,
        manifest: Manifest,
        *,
        counters: Counters,
        check: Callable[[], None],
        session_id: str = "",
        host: Mapping[str, Any] | None = None,
    ) -> Self:
        """Pin the point and open it; ``ManifestMissing`` if it is being pruned. ``check`` raises to stop any operation within a second."""
        session = open_reading_session(repository, session_id or secrets.token_hex(16), host or {}, [manifest.commit_key])
        try:
            source = ChunkSource(repository, Index.load(repository), bad_packs(repository))
        except BaseException:
            end_session(session)
            raise
        return cls(source, session, manifest, counters, check)

    def close(self) -> None:
        """Let the pin go."""
        end_session(self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def extents(self, disk_id: str) -> Iterator[Extent]:
        """The disk as DATA and ZERO, merged, covering it; raises if a part of its tree cannot be read."""
        disk = self._disk(disk_id)
        return covering(self._pieces(disk), disk.size_bytes)

    def read(self, disk_id: str, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``offset``, proved; ``InvalidInput`` beyond the disk, ``ChunkMissing`` or ``ObjectDamaged``."""
        disk = self._disk(disk_id)
        if offset < 0 or length < 0 or offset + length > disk.size_bytes:
            raise InvalidInput(f"{offset}+{length} is not within the {disk.size_bytes} bytes of disk {disk_id}")
        content = bytearray(length)
        for number in range(offset // SLOT_BYTES, -(-(offset + length) // SLOT_BYTES)):
            self._check()
            self._fill(disk, number, offset, content)
        return bytes(content)

    def copy(self, disk_id: str, write: Write, *, threads: int = 2) -> CopyReport:
        """Give every range that is not zero to ``write``, in no order and from several threads, each only after it was proved.

        The target must read as zero before. A range that cannot be proved from any copy is named in the report and not written. Raises what
        ``write`` raises.
        """
        totals, zero_bytes = self._run(disk_id, write, threads)
        return CopyReport(totals.delivered_bytes, zero_bytes, totals.pack_bytes, _ordered(totals.bad))

    def verify(self, disk_id: str, *, threads: int = 2) -> VerifyReport:
        """Prove that the whole disk can be given back, without giving it to anybody."""
        totals, _ = self._run(disk_id, None, threads)
        return VerifyReport(totals.chunks, totals.plain_bytes, totals.pack_bytes, _ordered(totals.bad))

    def _run(self, disk_id: str, write: Write | None, threads: int) -> tuple[RangeTotals, int]:
        disk = self._disk(disk_id)
        self._counters.total_bytes += disk.size_bytes
        sums, zero_bytes = RangeTotals(), 0
        reader = RangeReader(self._source, write, threads=threads, on_totals=lambda part: self._count(sums, part), check=self._check)
        try:
            leaves = self._leaves(disk)
            while window := list(islice(leaves, WINDOW_LEAVES)):
                self._check()
                uses = uses_of(window, disk.size_bytes)
                unreadable = [BadRange.of(*leaf.byte_range(disk.size_bytes), leaf.error) for leaf in window if leaf.error]
                ranges, unplaced = plan_ranges(self._source, uses)
                bad = [BadRange.of(use.offset, use.length, lost.error) for lost in unplaced for use in lost.uses]
                covered = sum(leaf.byte_range(disk.size_bytes)[1] for leaf in window)
                zeros = covered - sum(use.length for places in uses.values() for use in places) - sum(one.length for one in unreadable)
                zero_bytes += zeros
                self._counters.done_bytes += zeros
                self._count(sums, RangeTotals(bad=unreadable + bad))
                reader.feed(ranges)
            reader.close()
        except BaseException:
            reader.abandon()
            raise
        return sums, zero_bytes

    def _count(self, sums: RangeTotals, part: RangeTotals) -> None:
        sums.chunks += part.chunks
        sums.plain_bytes += part.plain_bytes
        sums.delivered_bytes += part.delivered_bytes
        sums.pack_bytes += part.pack_bytes
        sums.bad += part.bad
        self._counters.read_bytes += part.pack_bytes
        self._counters.done_bytes += part.delivered_bytes + sum(bad.length for bad in part.bad)

    def _leaves(self, disk: DiskRecord) -> Iterator[LeafRange]:
        return walk_leaves(self._source.node, bytes.fromhex(disk.root), disk.size_bytes) if disk.root else iter(())

    def _pieces(self, disk: DiskRecord) -> Iterator[Extent]:
        for leaf in self._leaves(disk):
            self._check()
            if leaf.error is not None:
                raise leaf.error
            start, length = leaf.byte_range(disk.size_bytes)
            if leaf.slots is None:
                yield Extent(start, length, ExtentKind.ZERO)
                continue
            for slot in leaf.slots:
                for piece in slot:
                    inside = min(piece.blocks * BLOCK_BYTES, disk.size_bytes - start)
                    if inside > 0:
                        yield Extent(start, inside, ExtentKind.DATA if piece.chunk else ExtentKind.ZERO)
                        start += inside

    def _fill(self, disk: DiskRecord, number: int, offset: int, content: bytearray) -> None:
        with self._guard:
            tree = self._trees.get(disk.id)
            if tree is None:
                tree = self._trees[disk.id] = ParentTree(self._source.node, bytes.fromhex(disk.root), disk.size_bytes)
            slot = tree.slot(number)
        at = number * SLOT_BYTES
        for piece in slot:
            end = at + piece.blocks * BLOCK_BYTES
            low, high = max(at, offset), min(end, offset + len(content))
            if piece.chunk and low < high:
                start = piece.first * BLOCK_BYTES + low - at
                content[low - offset : high - offset] = memoryview(self._source.chunk(piece.chunk))[start : start + high - low]
            at = end

    def _disk(self, disk_id: str) -> DiskRecord:
        disk = self.manifest.disk(disk_id)
        if disk is None:
            raise ManifestMissing(f"Recovery point {self.manifest.commit_key} has no disk {disk_id}")
        return disk


def _ordered(bad: Iterable[BadRange]) -> tuple[BadRange, ...]:
    return tuple(sorted(bad, key=lambda one: one.offset))
