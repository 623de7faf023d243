"""A disk's slots in order, leaf by leaf, for readers: a part of the tree that cannot be read is a range with a reason, not the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from strongroom.domain.errors import StrongroomError
from strongroom.repository.format import LEAF_SLOTS, SLOT_BYTES
from strongroom.repository.tree.node import ZERO_ID, LoadNode, Slot, decode_inner, decode_leaf, root_level, span


class LeafRange(NamedTuple):
    """Slots from ``first_slot``: with pieces (one leaf), without (zeros, any length), or unreadable for a reason."""

    first_slot: int
    slot_count: int
    slots: list[Slot] | None = None
    error: StrongroomError | None = None

    def byte_range(self, size_bytes: int) -> tuple[int, int]:
        """Offset and length in bytes, within a disk of ``size_bytes``; the length is 0 beyond its end."""
        start = self.first_slot * SLOT_BYTES
        return start, max(0, min(start + self.slot_count * SLOT_BYTES, size_bytes) - start)


def walk_leaves(load: LoadNode, root: bytes, size_bytes: int) -> Iterator[LeafRange]:
    """Every leaf of the disk in order, covering it."""
    yield from _below(load, root, root_level(size_bytes), 0, -(-size_bytes // SLOT_BYTES))


def _below(load: LoadNode, node_id: bytes, level: int, first_slot: int, end_slot: int) -> Iterator[LeafRange]:
    if first_slot >= end_slot:
        return
    if node_id == ZERO_ID:
        yield LeafRange(first_slot, span(level))
        return
    try:
        if level == 0:
            yield LeafRange(first_slot, LEAF_SLOTS, decode_leaf(load(node_id)))
            return
        children = decode_inner(load(node_id), level)
    except StrongroomError as error:
        yield LeafRange(first_slot, span(level), error=error)
        return
    for number, child in enumerate(children):
        yield from _below(load, child, level - 1, first_slot + number * span(level - 1), end_slot)
