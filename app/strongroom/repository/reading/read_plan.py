"""Which pack ranges to read for a part of a disk: each chunk once, in pack order, neighbours in one read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from strongroom.domain.errors import StrongroomError
from strongroom.repository.format import BLOCK_BYTES, SLOT_BYTES
from strongroom.repository.index.segment import Location
from strongroom.repository.reading.chunks import ChunkSource
from strongroom.repository.tree.leaf_walk import LeafRange

WINDOW_LEAVES: Final = 16  # 2 GiB of disk planned at once: order within packs, in little memory
RANGE_BYTES: Final = 4 * 1024 * 1024
GAP_BYTES: Final = 64 * 1024  # reading so much for nothing is cheaper than another read


class Use(NamedTuple):
    """Where blocks of a chunk belong: ``length`` bytes at ``offset`` of the disk, from ``first_block`` of the chunk."""

    offset: int
    first_block: int
    length: int


class ChunkRead(NamedTuple):
    """One chunk to read at a place, and every use of it in the window."""

    location: Location
    uses: list[Use]


@dataclass(slots=True)
class PackRange:
    """A run of one pack that is read at once."""

    pack_id: str
    offset: int
    end: int
    chunks: list[ChunkRead] = field(default_factory=list)


class Unplaced(NamedTuple):
    """A chunk that no pack holds, and what misses it."""

    uses: list[Use]
    error: StrongroomError


def uses_of(leaves: Iterable[LeafRange], size_bytes: int) -> dict[bytes, list[Use]]:
    """Every chunk that the leaves refer to, with its uses; pieces that continue each other on the disk and in the chunk are one use."""
    uses: dict[bytes, list[Use]] = {}
    for leaf in leaves:
        for number, slot in enumerate(leaf.slots or (), leaf.first_slot):
            offset = number * SLOT_BYTES
            for piece in slot:
                length = min(piece.blocks * BLOCK_BYTES, size_bytes - offset)
                if piece.chunk and length > 0:
                    uses.setdefault(piece.chunk, []).append(Use(offset, piece.first, length))
                offset += piece.blocks * BLOCK_BYTES
    return uses


def plan_ranges(source: ChunkSource, uses: dict[bytes, list[Use]]) -> tuple[list[PackRange], list[Unplaced]]:
    """The reads that fetch every chunk once, ordered by pack and offset, and the chunks that cannot be found."""
    found, unplaced = [], []
    for chunk_id, places in uses.items():
        try:
            found.append(ChunkRead(source.locations(chunk_id)[0], places))
        except StrongroomError as error:
            unplaced.append(Unplaced(places, error))
    found.sort(key=lambda chunk: (chunk.location.pack_id, chunk.location.entry.offset))
    return list(_joined(found)), unplaced


def _joined(chunks: Iterable[ChunkRead]) -> Iterator[PackRange]:
    held: PackRange | None = None
    for chunk in chunks:
        entry = chunk.location.entry
        end = entry.offset + entry.sealed_bytes
        near = held is not None and held.pack_id == chunk.location.pack_id and entry.offset - held.end <= GAP_BYTES
        if held is None or not near or end - held.offset > RANGE_BYTES:
            if held is not None:
                yield held
            held = PackRange(chunk.location.pack_id, entry.offset, end)
        held.end = max(held.end, end)
        held.chunks.append(chunk)
    if held is not None:
        yield held
