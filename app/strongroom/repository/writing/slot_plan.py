"""From extents of any alignment to what is to be done with each slot of 1 MiB and each block of 64 KiB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from strongroom.domain.disk import BLOCK_BYTES, Extent, ExtentKind, covering
from strongroom.repository.format import SLOT_BLOCKS

ALL_BLOCKS: Final = (1 << SLOT_BLOCKS) - 1


class Run(NamedTuple):
    """Whole slots of one kind, ZERO or UNCHANGED."""

    kind: ExtentKind
    first: int
    slots: int


class SlotPlan(NamedTuple):
    """One slot to look at: bit n of ``dirty`` or ``zero`` is its n-th block; blocks in neither are unchanged."""

    slot: int
    dirty: int
    zero: int


def plan_slots(extents: Iterable[Extent], size_bytes: int) -> Iterator[Run | SlotPlan]:
    """Every slot of the disk once, in order. A block that no ZERO or UNCHANGED extent covers whole is dirty; the padding after the end is zero."""
    held = SlotPlan(0, 0, 0)
    filled = 0
    for kind, first, count in _block_runs(covering(extents, size_bytes), size_bytes):
        at, end = first, first + count
        while at < end:
            if filled == 0 and kind is not ExtentKind.DATA and end - at >= SLOT_BLOCKS:
                yield Run(kind, at // SLOT_BLOCKS, (end - at) // SLOT_BLOCKS)
                at = end - end % SLOT_BLOCKS
                continue
            take = min(end - at, SLOT_BLOCKS - filled)
            mask = ((1 << take) - 1) << filled
            held = SlotPlan(
                at // SLOT_BLOCKS,
                held.dirty | (mask if kind is ExtentKind.DATA else 0),
                held.zero | (mask if kind is ExtentKind.ZERO else 0),
            )
            filled, at = filled + take, at + take
            if filled == SLOT_BLOCKS:
                yield held
                held, filled = SlotPlan(0, 0, 0), 0


def _block_runs(extents: Iterable[Extent], size_bytes: int) -> Iterator[tuple[ExtentKind, int, int]]:
    """Runs of whole blocks as (kind, first, count), up to the end of the last slot."""
    last = -(-size_bytes // BLOCK_BYTES)
    padded = -(-last // SLOT_BLOCKS) * SLOT_BLOCKS
    done = 0
    for extent in extents:
        if extent.kind is ExtentKind.DATA:
            end = -(-extent.end // BLOCK_BYTES)
        else:
            start = -(-extent.offset // BLOCK_BYTES)
            end = padded if extent.end == size_bytes else extent.end // BLOCK_BYTES
            if done < min(start, last):  # shared with the extent before
                yield ExtentKind.DATA, done, 1
                done += 1
        if end > done:
            yield extent.kind, done, end - done
            done = end
    if done < padded:
        yield ExtentKind.ZERO, done, padded - done
