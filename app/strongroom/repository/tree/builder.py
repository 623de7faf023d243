"""Builds a disk's tree from its slots in order, taking over whole subtrees of the parent where nothing changed."""

from __future__ import annotations

from collections.abc import Callable

from strongroom.repository.format import INNER_FANOUT, LEAF_SLOTS
from strongroom.repository.ids import Ids
from strongroom.repository.tree.node import ZERO_ID, ZERO_SLOT, Slot, encode_inner, encode_leaf, root_level, slot_count, span
from strongroom.repository.tree.parent import ParentTree

Emit = Callable[[bytes, bytes], None]
"""Takes a node's id and bytes that the parent does not have at that place."""


class TreeBuilder:
    """Feed every slot once, in order, by ``put``, ``zeros`` or ``inherit``; ``finish`` gives the root. For one thread.

    In a repository that is not ``sound`` (packs are lost) nodes are never taken over from the parent: each is made again and emitted.
    """

    def __init__(self, ids: Ids, size_bytes: int, parent: ParentTree | None, emit: Emit, *, sound: bool = True) -> None:
        self._ids = ids
        self._sound = sound
        self._parent = parent
        self._emit = emit
        self._slot_count = slot_count(size_bytes)
        self._root_level = root_level(size_bytes)
        self._slots: list[Slot] = []
        self._children: list[list[bytes]] = [[] for _ in range(self._root_level + 1)]
        self._root: bytes | None = None
        self.position = 0  # the next slot

    def put(self, slot: Slot) -> None:
        """The next slot's pieces."""
        self._slots.append(slot)
        self.position += 1
        if len(self._slots) == LEAF_SLOTS:
            self._close_leaf()

    def zeros(self, count: int) -> None:
        """``count`` slots of zeros; whole subtrees cost one step."""
        self._run(count, lambda _level, _number: ZERO_ID, lambda _number: ZERO_SLOT)

    def inherit(self, count: int) -> None:
        """``count`` slots as the parent has them at the same place; whole subtrees cost one step and no read."""
        parent = self._parent
        if parent is None:
            raise ValueError("there is no parent to inherit from")
        if self.position + count == self._slot_count == parent.slot_count:
            count = span(self._root_level) - self.position  # both end here: the padding is the same too
        self._run(count, self._parent_node, parent.slot)

    def finish(self) -> bytes:
        """The root's id, after every slot was fed."""
        if self.position < self._slot_count:
            raise ValueError(f"only {self.position} of {self._slot_count} slots were given")
        if self.position < span(self._root_level):
            self.zeros(span(self._root_level) - self.position)
        if self._root is None:
            raise ValueError("the tree did not close")
        return self._root

    def _run(self, count: int, node_at: Callable[[int, int], bytes | None], slot_at: Callable[[int], Slot]) -> None:
        end = self.position + count
        while self.position < end:
            level = self._fitting_level(end)
            node_id = None
            while level >= 0 and (node_id := node_at(level, self.position // span(level))) is None:
                level -= 1
            if node_id is None:
                self.put(slot_at(self.position))
            else:
                self.position += span(level)
                self._append(level, node_id)

    def _parent_node(self, level: int, number: int) -> bytes | None:
        """The parent's node at that place, if it may be taken over."""
        node_id = None if self._parent is None else self._parent.node_at(level, number)
        return node_id if self._sound or node_id == ZERO_ID else None

    def _fitting_level(self, end: int) -> int:
        """The highest level whose node starts here and ends by ``end``; -1 for single slots."""
        level = -1
        while level < self._root_level and self.position % span(level + 1) == 0 and self.position + span(level + 1) <= end:
            level += 1
        return level

    def _close_leaf(self) -> None:
        slots, self._slots = self._slots, []
        if all(slot == ZERO_SLOT for slot in slots):
            self._append(0, ZERO_ID)
        else:
            self._add_node(0, encode_leaf(slots))

    def _add_node(self, level: int, node: bytes) -> None:
        node_id = self._ids.node_id(node)
        number = self.position // span(level) - 1
        if self._parent_node(level, number) != node_id:
            self._emit(node_id, node)
        self._append(level, node_id)

    def _append(self, level: int, node_id: bytes) -> None:
        if level == self._root_level:
            self._root = node_id
            return
        children = self._children[level]
        children.append(node_id)
        if len(children) == INNER_FANOUT:
            self._children[level] = []
            if all(child == ZERO_ID for child in children):
                self._append(level + 1, ZERO_ID)
            else:
                self._add_node(level + 1, encode_inner(level + 1, children))
