"""Walks one disk in order: hands slots to the sealing threads, takes their pieces back in order, builds the tree."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from strongroom.domain.disk import Extent, ExtentKind, ExtentsBroken, ReadInto
from strongroom.domain.errors import StrongroomError
from strongroom.repository.format import BLOCK_BYTES, SLOT_BYTES
from strongroom.repository.tree.builder import TreeBuilder
from strongroom.repository.tree.node import LoadNode, Slot
from strongroom.repository.tree.parent import ParentTree
from strongroom.repository.writing.change_proof import UnchangedSample
from strongroom.repository.writing.sealing_line import SealingLine
from strongroom.repository.writing.sealing_threads import IN_FLIGHT
from strongroom.repository.writing.slot_plan import ALL_BLOCKS, Run, SlotPlan, plan_slots
from strongroom.repository.writing.slot_task import SlotResult, SlotTask

WAITING_STEPS: Final = 4096  # runs that may queue behind an unfinished slot


class ParentUnreadable(StrongroomError):
    """The parent's tree cannot be read; the disk is then read as if it had none. Never leaves the writer."""


@dataclass(frozen=True, slots=True)
class ParentDiskTree:
    """The parent's tree of a disk, as far as this walk may use it."""

    load: LoadNode
    root: bytes
    size_bytes: int
    used_bytes: int

    def cursor(self) -> ParentTree:
        """A reader of its own: two readers at different places must not share their open nodes."""
        return ParentTree(self._load, self.root, self.size_bytes)

    def _load(self, node_id: bytes) -> bytes:
        try:
            return self.load(node_id)
        except StrongroomError as error:
            raise ParentUnreadable(f"the parent cannot be read ({error.message})") from error


@dataclass(slots=True)
class WalkTotals:
    """What one walk took, in bytes."""

    used_bytes: int = 0
    read_bytes: int = 0
    new_bytes: int = 0
    stored_bytes: int = 0
    done_bytes: int = 0


class DiskWalk:
    """One pass over one disk. ``compare`` stores only what differs from the parent; without it UNCHANGED is taken over from the parent."""

    def __init__(
        self,
        line: SealingLine,
        *,
        size_bytes: int,
        read_into: ReadInto,
        parent: ParentDiskTree | None,
        compare: bool,
        each_step: Callable[[], None],
    ) -> None:
        self._line = line
        self._size_bytes = size_bytes
        self._read_into = read_into
        self._parent = parent.cursor() if parent else None
        self._compare = compare
        self._each_step = each_step
        self._builder = TreeBuilder(line.ids, size_bytes, parent.cursor() if parent else None, line.emit_node, sound=not line.losses)
        self._steps: deque[Run | int] = deque()  # in order: runs, and the numbers of tasks
        self._finished: dict[int, SlotResult] = {}
        self._previous_blocks: dict[int, int] = {}
        self._number = 0
        self.sample = UnchangedSample(size_bytes)
        self.totals = WalkTotals(used_bytes=parent.used_bytes if parent and not compare else 0)

    def run(self, extents: Iterable[Extent]) -> bytes:
        """Walk the whole disk; returns the root's id. Every error leaves the session to be aborted, but for ``ParentUnreadable``."""
        threads = self._line.threads
        try:
            for step in self._planned(extents):
                self._each_step()
                if isinstance(step, Run):
                    self._take_run(step)
                else:
                    self._submit(step)
                while threads.unanswered >= IN_FLIGHT or (threads.unanswered and len(self._steps) >= WAITING_STEPS):
                    self._collect()
                self._advance()
            self._drain()
            return self._builder.finish()
        except ParentUnreadable:
            self._drain_quietly()
            raise

    def _planned(self, extents: Iterable[Extent]) -> Iterator[Run | SlotPlan]:
        steps = plan_slots(extents, self._size_bytes)
        if self._parent is not None and not self._compare and self._line.losses:
            return self._line.losses.unchanged_but_lost(steps, self._parent)
        return steps

    def _take_run(self, run: Run) -> None:
        if run.kind is ExtentKind.UNCHANGED:
            self._confirm_inheritable()
            self.sample.offer(run.first, run.slots)
        elif self._parent is not None and not self._compare:
            self.totals.used_bytes -= self._used_blocks(run) * BLOCK_BYTES
        self._steps.append(run)

    def _submit(self, plan: SlotPlan) -> None:
        whole = plan.dirty | plan.zero == ALL_BLOCKS
        if not whole:
            self._confirm_inheritable()
        parent = self._parent_slot(plan.slot)
        if parent is not None and not self._compare:
            self._previous_blocks[self._number] = _data_blocks(parent)
        if whole and not self._compare:
            parent = None
        self._steps.append(self._number)
        self._line.threads.submit(SlotTask(self._number, plan, self._size_bytes, self._read_into, parent, self._compare))
        self._number += 1

    def _parent_slot(self, number: int) -> Slot | None:
        if self._parent is None or number >= self._parent.slot_count:
            return None
        slot = self._parent.slot(number)
        return None if self._compare and self._line.losses and self._line.losses.touch(slot) else slot

    def _confirm_inheritable(self) -> None:
        if self._parent is None or self._compare:
            raise ExtentsBroken("A disk without a parent was described as unchanged")

    def _collect(self) -> None:
        result = self._line.threads.result()
        self._finished[result.number] = result

    def _drain(self) -> None:
        self._advance()
        while self._line.threads.unanswered:
            self._collect()
            self._advance()

    def _drain_quietly(self) -> None:
        """The threads serve the next walk too: nothing of this one may be left in them."""
        while self._line.threads.unanswered:
            self._collect()

    def _advance(self) -> None:
        while self._steps:
            step = self._steps[0]
            if isinstance(step, Run):
                self._apply_run(step)
            elif step in self._finished:
                self._apply_slot(self._finished.pop(step))
            else:
                return
            self._steps.popleft()

    def _apply_run(self, run: Run) -> None:
        if run.kind is ExtentKind.ZERO:
            self._builder.zeros(run.slots)
        else:
            self._builder.inherit(run.slots)
        self._count_done(run.first, run.slots)

    def _apply_slot(self, result: SlotResult) -> None:
        slot_number = self._builder.position
        self._builder.put(result.slot)
        totals, counters = self.totals, self._line.counters
        totals.used_bytes += (_data_blocks(result.slot) - self._previous_blocks.pop(result.number, 0)) * BLOCK_BYTES
        totals.read_bytes += result.read_bytes
        totals.new_bytes += result.new_bytes
        totals.stored_bytes += result.sealed_bytes
        counters.read_bytes += result.read_bytes
        counters.new_bytes += result.new_bytes
        counters.rewritten_bytes += result.rewritten_bytes
        self._count_done(slot_number, 1)

    def _count_done(self, first: int, slots: int) -> None:
        done = max(0, min((first + slots) * SLOT_BYTES, self._size_bytes) - first * SLOT_BYTES)
        self.totals.done_bytes += done
        self._line.counters.done_bytes += done

    def _used_blocks(self, run: Run) -> int:
        """How many blocks of the run hold data in the parent; reads only leaves that are not wholly zero."""
        parent, used, at = self._parent, 0, run.first
        while parent is not None and at < run.first + run.slots:
            self._each_step()
            zeros = parent.zero_run(at, run.first + run.slots)
            used += 0 if zeros else _data_blocks(parent.slot(at))
            at += zeros or 1
        return used


def _data_blocks(slot: Slot) -> int:
    return sum(piece.blocks for piece in slot if piece.chunk)
