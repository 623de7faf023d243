"""How one disk is really read: by its change tracking if that is proved, else whole; always with the reason (invariants 10 and 12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from strongroom.domain.disk import Extent
from strongroom.domain.states import ReadMode
from strongroom.repository.manifest import DiskRecord, Manifest
from strongroom.repository.writing.change_proof import ProofFailed, ProofReader
from strongroom.repository.writing.disk_input import DiskInput, why_not_trusted
from strongroom.repository.writing.disk_walk import DiskWalk, ParentDiskTree, ParentUnreadable, WalkTotals
from strongroom.repository.writing.sealing_line import SealingLine


class DiskWriter:
    """Writes the disks of one session, one after another. ``each_step`` is called at least once a slot."""

    def __init__(self, line: SealingLine, parent: Manifest | None, each_step: Callable[[], None]) -> None:
        self._line = line
        self._parent = parent
        self._each_step = each_step

    def write(self, disk: DiskInput) -> DiskRecord:
        """Store the disk; its record says how it was read and why."""
        before = self._parent.disk(disk.id) if self._parent else None
        tracked = disk.mode in {ReadMode.INCREMENTAL, ReadMode.UNCHANGED}
        distrust = why_not_trusted(disk, before) if tracked else ""
        if tracked and not distrust:
            try:
                return self._tracked(disk, before)
            except ParentUnreadable as decision:
                distrust, before = decision.message, None
            except ProofFailed as decision:
                distrust = str(decision)
        compare = before is not None and (tracked or disk.mode == ReadMode.COMPARE)
        extents = disk.all_extents if tracked else disk.extents
        try:
            return self._whole(disk, before if compare else None, extents, distrust)
        except ParentUnreadable as decision:
            return self._whole(disk, None, extents, decision.message)

    def _tracked(self, disk: DiskInput, before: DiskRecord | None) -> DiskRecord:
        parent = self._parent_tree(before)
        walk = self._walk(disk, parent, compare=False)
        try:
            root = self._root_of(walk, disk, disk.extents)
            if disk.proof.sample and parent is not None:
                self._prove(disk, parent, walk)
        except (ParentUnreadable, ProofFailed):
            self._line.counters.done_bytes -= walk.totals.done_bytes
            raise
        return _record(disk, root, walk.totals, disk.mode, disk.reason)

    def _whole(self, disk: DiskInput, before: DiskRecord | None, extents: Callable[[], Iterator[Extent]], distrust: str) -> DiskRecord:
        walk = self._walk(disk, self._parent_tree(before), compare=before is not None)
        try:
            root = self._root_of(walk, disk, extents)
        except ParentUnreadable:
            self._line.counters.done_bytes -= walk.totals.done_bytes
            raise
        mode = disk.mode if not distrust else (ReadMode.COMPARE if before else ReadMode.FULL)
        return _record(disk, root, walk.totals, mode, distrust or disk.reason)

    def _root_of(self, walk: DiskWalk, disk: DiskInput, extents: Callable[[], Iterator[Extent]]) -> str:
        return walk.run(extents()).hex() if disk.size_bytes else ""

    def _walk(self, disk: DiskInput, parent: ParentDiskTree | None, *, compare: bool) -> DiskWalk:
        return DiskWalk(
            self._line,
            size_bytes=disk.size_bytes,
            read_into=disk.read_into,
            parent=parent,
            compare=compare,
            each_step=self._each_step,
        )

    def _prove(self, disk: DiskInput, parent: ParentDiskTree, walk: DiskWalk) -> None:
        line = self._line
        reader = ProofReader(line.ids, disk.read_into, disk.size_bytes, parent.cursor().slot, line.chunks.block_hash)
        try:
            reader.prove(walk.sample.blocks(), line.halt.look)
        finally:
            line.counters.proof_bytes += reader.read_bytes

    def _parent_tree(self, before: DiskRecord | None) -> ParentDiskTree | None:
        if before is None or not before.root:
            return None
        return ParentDiskTree(self._line.chunks.node, bytes.fromhex(before.root), before.size_bytes, before.used_bytes)


def _record(disk: DiskInput, root: str, totals: WalkTotals, mode: str, reason: str) -> DiskRecord:
    return DiskRecord(
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
