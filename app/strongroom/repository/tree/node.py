"""The hash tree over a disk's slots: leaves of 128 slots, inner nodes of 256 children, depth by the disk's size.

A node id of zero bytes stands for a subtree that reads as zero; such subtrees have no nodes at all, so that a sparse disk costs nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from strongroom.repository.errors import ObjectDamaged
from strongroom.repository.format import ID_BYTES, INNER_FANOUT, LEAF_SLOTS, SLOT_BLOCKS, SLOT_BYTES

ZERO_ID: Final = bytes(ID_BYTES)
_LEAF: Final = 0x4C
_INNER: Final = 0x49
_ZERO_REFERENCE: Final = 0xFFFF
_LEAF_HEAD = struct.Struct(">BH")
_CHUNK = struct.Struct(f">{ID_BYTES}sB")
_PIECE = struct.Struct(">HB")
_INNER_HEAD = struct.Struct(">BB")


class Piece(NamedTuple):
    """``blocks`` blocks of the chunk, from its block ``first``; without a chunk, ``blocks`` blocks of zeros. ``chunk_blocks`` is the chunk's length."""

    chunk: bytes
    first: int
    blocks: int
    chunk_blocks: int


Slot = tuple[Piece, ...]
ZERO_SLOT: Final[Slot] = (Piece(b"", 0, SLOT_BLOCKS, 0),)


def slot_count(size_bytes: int) -> int:
    """How many slots a disk of that size has."""
    return -(-size_bytes // SLOT_BYTES)


def span(level: int) -> int:
    """How many slots a node of that level covers; leaves are level 0."""
    return LEAF_SLOTS * int(INNER_FANOUT**level)


def root_level(size_bytes: int) -> int:
    """The level of the root over a disk of that size."""
    level = 0
    while span(level) < slot_count(size_bytes):
        level += 1
    return level


def join_pieces(pieces: list[Piece]) -> Slot:
    """The one spelling of a slot: neighbours that continue each other are merged."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last and last.chunk == piece.chunk and (not piece.chunk or last.first + last.blocks == piece.first):
            joined[-1] = last._replace(blocks=last.blocks + piece.blocks)
        else:
            joined.append(piece)
    return tuple(joined)


def encode_leaf(slots: list[Slot]) -> bytes:
    """A leaf's bytes: its chunks in order of first use, then every slot's pieces."""
    table: dict[bytes, int] = {}
    chunks: list[bytes] = []
    body = bytearray()
    for slot in slots:
        body.append(len(slot))
        for chunk, first, blocks, chunk_blocks in slot:
            reference = _ZERO_REFERENCE
            if chunk:
                reference = table.setdefault(chunk, len(table))
                if reference == len(chunks):
                    chunks.append(_CHUNK.pack(chunk, chunk_blocks))
            body += _PIECE.pack(reference, first << 4 | blocks - 1)
    return b"".join((_LEAF_HEAD.pack(_LEAF, len(chunks)), *chunks, body))


def decode_leaf(node: bytes) -> list[Slot]:
    """The 128 slots of a leaf; ``ObjectDamaged`` if the bytes are no leaf."""
    try:
        kind, chunk_count = _LEAF_HEAD.unpack_from(node)
        if kind != _LEAF:
            raise ObjectDamaged("A tree node is no leaf", cause="the tree refers to a node of another level")
        body_at = _LEAF_HEAD.size + chunk_count * _CHUNK.size
        table = list(_CHUNK.iter_unpack(node[_LEAF_HEAD.size : body_at]))
        return _slots(node, body_at, table)
    except (struct.error, IndexError, ValueError) as error:
        raise ObjectDamaged("A tree leaf is malformed", cause=str(error)) from None


def _slots(node: bytes, at: int, table: list[tuple[bytes, int]]) -> list[Slot]:
    slots: list[Slot] = []
    for _ in range(LEAF_SLOTS):
        count = node[at]
        pieces, covered = [], 0
        for reference, run in _PIECE.iter_unpack(node[at + 1 : at + 1 + count * _PIECE.size]):
            chunk, chunk_blocks = (b"", 0) if reference == _ZERO_REFERENCE else table[reference]
            piece = Piece(chunk, run >> 4, (run & 15) + 1, chunk_blocks)
            if chunk and piece.first + piece.blocks > chunk_blocks:
                raise ValueError("a piece reaches beyond its chunk")
            pieces.append(piece)
            covered += piece.blocks
        if covered != SLOT_BLOCKS:
            raise ValueError(f"a slot has {covered} blocks")
        slots.append(tuple(pieces))
        at += 1 + count * _PIECE.size
    if at != len(node):
        raise ValueError("bytes follow the last slot")
    return slots


def encode_inner(level: int, children: list[bytes]) -> bytes:
    """An inner node's bytes."""
    return _INNER_HEAD.pack(_INNER, level) + b"".join(children)


def decode_inner(node: bytes, level: int) -> list[bytes]:
    """The 256 child ids of an inner node of that level; ``ObjectDamaged`` if the bytes are none."""
    if len(node) != _INNER_HEAD.size + INNER_FANOUT * ID_BYTES or _INNER_HEAD.unpack_from(node) != (_INNER, level):
        raise ObjectDamaged(f"A tree node is no inner node of level {level}", cause="the tree refers to a node of another level")
    return [node[at : at + ID_BYTES] for at in range(_INNER_HEAD.size, len(node), ID_BYTES)]


LoadNode = Callable[[bytes], bytes]
"""The verified bytes of a tree node by its id."""


def leaves(load: LoadNode, root: bytes, level: int, first_leaf: int = 0, last_leaf: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Every leaf that is not wholly zero in ``first_leaf..last_leaf`` (exclusive), in order, as (leaf number, its id)."""
    end = INNER_FANOUT**level if last_leaf is None else last_leaf
    if root == ZERO_ID or first_leaf >= end:
        return
    if level == 0:
        yield 0, root
        return
    width = INNER_FANOUT ** (level - 1)
    children = decode_inner(load(root), level)
    for number in range(first_leaf // width, min(INNER_FANOUT, -(-end // width))):
        base = number * width
        for leaf, leaf_id in leaves(load, children[number], level - 1, max(first_leaf - base, 0), min(end - base, width)):
            yield base + leaf, leaf_id


def reachable(load: LoadNode, root: bytes, level: int, is_new: Callable[[bytes], bool]) -> Iterator[bytes]:
    """Every node and chunk id below ``root``, itself included, for which ``is_new`` says True; nothing below an old node is visited.

    ``is_new`` is asked once per reference and is expected to remember what it was asked: shared subtrees are then walked once.
    """
    if root == ZERO_ID or not is_new(root):
        return
    yield root
    if level > 0:
        for child in decode_inner(load(root), level):
            yield from reachable(load, child, level - 1, is_new)
        return
    for slot in decode_leaf(load(root)):
        for piece in slot:
            if piece.chunk and is_new(piece.chunk):
                yield piece.chunk
