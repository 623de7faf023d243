"""A parent's tree, read in order: which node or slot stood at a place. Costs a node per change of place, nothing where nothing is asked."""

from __future__ import annotations

from strongroom.repository.format import INNER_FANOUT, LEAF_SLOTS
from strongroom.repository.tree.node import ZERO_ID, ZERO_SLOT, LoadNode, Slot, decode_inner, decode_leaf, root_level, slot_count, span


class ParentTree:
    """The tree under ``root`` of a disk of ``size_bytes``. Remembers one open node a level: for one thread, near-ordered questions."""

    def __init__(self, load: LoadNode, root: bytes, size_bytes: int) -> None:
        self._load = load
        self._root = root
        self._level = root_level(size_bytes)
        self.slot_count = slot_count(size_bytes)
        self._open: dict[int, tuple[int, list[bytes]]] = {}
        self._leaf: tuple[int, list[Slot]] = (-1, [])

    def node_at(self, level: int, number: int) -> bytes | None:
        """The id of the ``number``-th node of that level; None where this tree has none (another depth, or beyond its end)."""
        if level > self._level or number >= INNER_FANOUT ** (self._level - level):
            return None
        if level == self._level:
            return self._root
        above = self.node_at(level + 1, number // INNER_FANOUT)
        if above is None or above == ZERO_ID:
            return above
        return self._children(level + 1, number // INNER_FANOUT, above)[number % INNER_FANOUT]

    def slot(self, number: int) -> Slot:
        """The pieces of a slot; zeros beyond the end."""
        leaf = number // LEAF_SLOTS
        if leaf != self._leaf[0]:
            node_id = self.node_at(0, leaf)
            slots = [ZERO_SLOT] * LEAF_SLOTS if node_id is None or node_id == ZERO_ID else decode_leaf(self._load(node_id))
            self._leaf = (leaf, slots)
        return self._leaf[1][number % LEAF_SLOTS]

    def zero_run(self, first: int, end: int) -> int:
        """How many slots from ``first`` on, at most to ``end``, lie in a subtree without nodes (0: ``first`` must be looked at)."""
        for level in range(self._level, -1, -1):
            number = first // span(level)
            if self.node_at(level, number) in {None, ZERO_ID}:
                return min(end, (number + 1) * span(level)) - first
        return 0

    def _children(self, level: int, number: int, node_id: bytes) -> list[bytes]:
        at, children = self._open.get(level, (-1, []))
        if at != number:
            children = decode_inner(self._load(node_id), level)
            self._open[level] = (number, children)
        return children
