"""Self-heal: what lies only in lost or marked packs counts as unknown, and slots that use it as dirty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from strongroom.domain.disk import ExtentKind
from strongroom.repository.index.index import Index
from strongroom.repository.tree.node import Slot
from strongroom.repository.tree.parent import ParentTree
from strongroom.repository.writing.slot_plan import ALL_BLOCKS, Run, SlotPlan


class Losses:
    """The chunks of which every known copy lies in a pack that is gone or marked ``bad``. Empty for a sound repository: then it costs nothing."""

    def __init__(self, index: Index, bad: frozenset[str], listed: frozenset[str]) -> None:
        self.gone_packs = index.named_packs() - listed
        suspects = bad | self.gone_packs
        if suspects:
            index.scan()
        self._chunks = index.only_in(suspects) if suspects else frozenset()

    def __bool__(self) -> bool:
        return bool(self._chunks)

    def touch(self, slot: Slot) -> bool:
        """Whether the slot needs a chunk that is lost."""
        return any(piece.chunk in self._chunks for piece in slot)

    def unchanged_but_lost(self, steps: Iterable[Run | SlotPlan], parent: ParentTree) -> Iterator[Run | SlotPlan]:
        """The same steps, with every slot dirty that the parent can no longer give. Reads the parent's leaves: only for an unsound repository."""
        for step in steps:
            if isinstance(step, SlotPlan):
                lost = step.dirty | step.zero != ALL_BLOCKS and self.touch(parent.slot(step.slot))
                yield SlotPlan(step.slot, ALL_BLOCKS & ~step.zero, step.zero) if lost else step
            elif step.kind is ExtentKind.UNCHANGED:
                yield from self._inspected(step, parent)
            else:
                yield step

    def _inspected(self, run: Run, parent: ParentTree) -> Iterator[Run | SlotPlan]:
        at, end = run.first, run.first + run.slots
        while at < end:
            zeros = parent.zero_run(at, end)
            if zeros:
                yield Run(run.kind, at, zeros)
            elif self.touch(parent.slot(at)):
                yield SlotPlan(at, ALL_BLOCKS, 0)
            else:
                yield Run(run.kind, at, 1)
            at += zeros or 1
