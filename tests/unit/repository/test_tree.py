"""The tree over a disk's slots (features B1 and C2)."""

from __future__ import annotations

import random

import pytest

from strongroom.domain.disk import SLOT_BYTES
from strongroom.repository.errors import ObjectDamaged
from strongroom.repository.ids import Ids
from strongroom.repository.keys.master import MasterKey
from strongroom.repository.tree.builder import TreeBuilder
from strongroom.repository.tree.leaf_walk import walk_leaves
from strongroom.repository.tree.node import (
    ZERO_ID,
    ZERO_SLOT,
    Piece,
    Slot,
    decode_inner,
    decode_leaf,
    encode_inner,
    encode_leaf,
    join_pieces,
    leaves,
    reachable,
    root_level,
    span,
)
from strongroom.repository.tree.parent import ParentTree

IDS = Ids(MasterKey(1, bytes(32)))


def whole(number: int) -> Slot:
    return (Piece(number.to_bytes(32), 0, 16, 16),)


class Trees:
    """Nodes in a dictionary, and what building cost."""

    def __init__(self) -> None:
        self.nodes: dict[bytes, bytes] = {}
        self.loads = 0

    def load(self, node_id: bytes) -> bytes:
        self.loads += 1
        return self.nodes[node_id]

    def builder(self, slots: int, parent: ParentTree | None = None) -> TreeBuilder:
        return TreeBuilder(IDS, slots * SLOT_BYTES, parent, self.nodes.__setitem__)

    def build(self, slots: dict[int, Slot], count: int) -> bytes:
        builder = self.builder(count)
        for number in sorted(slots):
            builder.zeros(number - builder.position)
            builder.put(slots[number])
        builder.zeros(count - builder.position)
        return builder.finish()

    def read(self, root: bytes, count: int) -> dict[int, Slot]:
        tree = ParentTree(self.load, root, count * SLOT_BYTES)
        return {number: tree.slot(number) for number in range(count) if tree.slot(number) != ZERO_SLOT}


@pytest.mark.parametrize("count", [1, 127, 128, 129, 32_768, 32_769, 70_000])
def test_a_tree_gives_back_its_slots(count: int) -> None:
    """B1: at every depth, at the edges of leaves and nodes."""
    trees, chosen = Trees(), random.Random(count)
    slots = {number: whole(number + 1) for number in {0, count - 1, count // 2, *(chosen.randrange(count) for _ in range(20))}}
    assert trees.read(trees.build(slots, count), count) == slots


def test_a_change_rewrites_one_path() -> None:
    """C2: one leaf and its inner nodes, whatever the size; and only one path is read."""
    trees, count = Trees(), 3 * 32_768
    root = trees.build({number: whole(number + 1) for number in range(0, count, 64)}, count)
    fresh = Trees()
    fresh.nodes = dict(trees.nodes)
    parent = ParentTree(fresh.load, root, count * SLOT_BYTES)
    builder = TreeBuilder(IDS, count * SLOT_BYTES, parent, lambda node_id, node: emitted.update({node_id: node}))
    emitted: dict[bytes, bytes] = {}
    builder.inherit(40_000)
    builder.put(whole(7))
    builder.inherit(count - 40_001)
    changed = builder.finish()
    assert len(emitted) == 3
    assert fresh.loads == 3
    fresh.nodes |= emitted
    expected = fresh.read(root, count) | {40_000: whole(7)}
    assert fresh.read(changed, count) == expected


def test_nothing_changed_reads_and_writes_nothing() -> None:
    """C2: the root itself is inherited."""
    trees, count = Trees(), 5 * 32_768 + 77
    root = trees.build({5: whole(1), count - 1: whole(2)}, count)
    trees.loads, before = 0, len(trees.nodes)
    builder = trees.builder(count, ParentTree(trees.load, root, count * SLOT_BYTES))
    builder.inherit(count)
    assert builder.finish() == root
    assert (trees.loads, len(trees.nodes)) == (0, before)


def test_zero_subtrees_have_no_nodes() -> None:
    """C2: sparse disks; equal trees however their zeros were given."""
    trees = Trees()
    assert trees.build({}, 1 << 24) == ZERO_ID
    assert trees.nodes == {}
    by_slots = trees.builder(300)
    for _ in range(300):
        by_slots.put(ZERO_SLOT)
    assert by_slots.finish() == ZERO_ID


def test_a_parent_of_another_depth_gives_what_it_has() -> None:
    """B8: a grown or shrunk disk inherits at the level where both agree."""
    trees = Trees()
    small = trees.build({3: whole(3), 200: whole(4)}, 256)
    builder = trees.builder(40_000, ParentTree(trees.load, small, 256 * SLOT_BYTES))
    builder.inherit(256)
    builder.zeros(40_000 - 256)
    grown = builder.finish()
    assert trees.read(grown, 40_000) == {3: whole(3), 200: whole(4)}
    shrink = trees.builder(100, ParentTree(trees.load, grown, 40_000 * SLOT_BYTES))
    shrink.inherit(100)
    assert trees.read(shrink.finish(), 100) == {3: whole(3)}


def test_too_few_slots_are_no_tree() -> None:
    """Invariant 9: a forgotten slot is an error, never zeros."""
    builder = Trees().builder(10)
    builder.put(ZERO_SLOT)
    with pytest.raises(ValueError, match="only 1 of 10"):
        builder.finish()


def test_reachable_names_every_id_once() -> None:
    """Invariant 7: what collection marks; shared subtrees are walked once."""
    trees, count = Trees(), 40_000
    first = trees.build({number: whole(number % 50 + 1) for number in range(300)}, count)
    second = trees.build({number: whole(number % 50 + 1) for number in range(300)} | {39_999: whole(99)}, count)
    seen: set[bytes] = set()

    def is_new(wanted: bytes) -> bool:
        new = wanted not in seen
        seen.add(wanted)
        return new

    level = root_level(count * SLOT_BYTES)
    found = list(reachable(trees.load, first, level, is_new))
    assert len(found) == len(set(found)) == 50 + 3 + 1 + 1
    trees.loads = 0
    more = list(reachable(trees.load, second, level, is_new))
    assert (99).to_bytes(32) in more
    assert len(more) == 4  # a root, an inner node, a leaf, a chunk
    assert trees.loads == 3


def test_leaves_of_a_range_are_found_without_the_rest() -> None:
    """A16: a window of a large disk costs its own path."""
    trees, count = Trees(), 3 * 32_768
    root = trees.build({number: whole(1) for number in range(0, count, 128)}, count)
    trees.loads = 0
    level = root_level(count * SLOT_BYTES)
    assert [number for number, _ in leaves(trees.load, root, level, 300, 303)] == [300, 301, 302]
    assert trees.loads == 2


def test_an_unreadable_part_of_a_tree_is_a_range() -> None:
    """Invariant 17: the rest of the disk can still be read."""
    trees, count = Trees(), 1000
    root = trees.build({number: whole(number + 1) for number in range(count)}, count)
    lost = decode_inner(trees.nodes[root], 1)[2]

    def load(node_id: bytes) -> bytes:
        if node_id == lost:
            raise ObjectDamaged("lost")
        return trees.nodes[node_id]

    walked = list(walk_leaves(load, root, count * SLOT_BYTES))
    assert [(leaf.first_slot, leaf.slot_count) for leaf in walked if leaf.error] == [(256, 128)]
    assert sum(leaf.byte_range(count * SLOT_BYTES)[1] for leaf in walked) == count * SLOT_BYTES


@pytest.mark.parametrize(
    "harm",
    [
        lambda node: b"",
        lambda node: node[:-1],
        lambda node: node + b"\0",
        lambda node: b"I" + node[1:],
        lambda node: node[:1] + b"\xff\xff" + node[3:],
        lambda node: node[:-1] + b"\xff",
        lambda node: node[: 3 + 32] + b"\x01" + node[3 + 33 :],
    ],
    ids=["empty", "short", "long", "kind", "count", "piece", "chunk length"],
)
def test_what_is_no_leaf_is_refused(harm: object) -> None:
    """Invariant 13: authenticated or not, a node must make sense."""
    node = encode_leaf([whole(1)] * 128)
    assert decode_leaf(node) == [whole(1)] * 128
    with pytest.raises(ObjectDamaged):
        decode_leaf(harm(node))  # type: ignore[operator]


def test_an_inner_node_knows_its_level() -> None:
    """Invariant 13: a node taken for one of another level is refused."""
    node = encode_inner(2, [bytes((number,)) * 32 for number in range(256)])
    assert decode_inner(node, 2)[255] == b"\xff" * 32
    for wrong, level in ((node, 1), (node[:-1], 2), (encode_leaf([ZERO_SLOT] * 128), 1)):
        with pytest.raises(ObjectDamaged):
            decode_inner(wrong, level)


def test_pieces_that_continue_each_other_are_one() -> None:
    """C2: one spelling of a slot, so that equal slots have equal nodes."""
    chunk = b"c" * 32
    pieces = [Piece(b"", 0, 1, 0), Piece(b"", 0, 2, 0), Piece(chunk, 0, 1, 9), Piece(chunk, 1, 4, 9), Piece(chunk, 6, 8, 14)]
    assert join_pieces(pieces) == (Piece(b"", 0, 3, 0), Piece(chunk, 0, 5, 9), Piece(chunk, 6, 8, 14))


def test_levels_follow_the_size() -> None:
    """C2: depth by size."""
    assert [span(level) for level in range(3)] == [128, 32_768, 8_388_608]
    assert [root_level(size) for size in (0, 1, 128 << 20, (128 << 20) + 1, 1 << 40, 64 << 40)] == [0, 0, 0, 1, 2, 3]
