"""The hot path: one slot from the source to its pieces. Reads what is dirty, drops zeros and what is known, seals the rest as one chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from strongroom.domain.errors import Cancelled, StrongroomError
from strongroom.repository.format import BLOCK_BYTES, BLOCK_HASH_BYTES, REWRITE_BYTES, SLOT_BLOCKS, SLOT_BYTES
from strongroom.repository.ids import Ids, trailer_hashes
from strongroom.repository.packs.pack import EntryKind
from strongroom.repository.tree.node import ZERO_SLOT, Piece, Slot, join_pieces
from strongroom.repository.writing.chunk_sealer import ChunkSealer
from strongroom.repository.writing.known_chunks import KnownChunks
from strongroom.repository.writing.slot_plan import ALL_BLOCKS
from strongroom.repository.writing.slot_task import SlotResult, SlotTask

ZEROS: Final = bytes(SLOT_BYTES)
_ZERO_BLOCK: Final = Piece(b"", 0, 1, 0)

BlockHash = Callable[[bytes, int], bytes]
"""The 16 bytes kept of the hash of a chunk's n-th block, from the trailer of its pack."""


class SlotSealer:
    """Turns tasks into results with buffers of its own. One a thread."""

    def __init__(self, ids: Ids, known: KnownChunks, sealer: ChunkSealer, block_hash: BlockHash) -> None:
        self._ids = ids
        self._known = known
        self._sealer = sealer
        self._block_hash = block_hash
        self._bytes = memoryview(bytearray(SLOT_BYTES))
        self._hashes: list[bytes] = [b""] * SLOT_BLOCKS
        self._read_bytes = 0

    def process(self, task: SlotTask) -> SlotResult:
        """Read, decide and store one slot; the errors of the source and of the repository pass through."""
        self._read_bytes = 0
        dirty = task.plan.dirty
        self._read(task, dirty)
        zero = task.plan.zero | self._zeros_of(dirty)
        self._hash(dirty & ~zero)
        if task.compare and task.parent is not None:
            if _slot_of(ALL_BLOCKS & ~zero, zero, self._chunk_id(ALL_BLOCKS & ~zero), None) == task.parent:
                return SlotResult(task.number, task.parent, self._read_bytes)
            dirty &= ~self._equal_blocks(dirty & ~zero, task.parent)
        return self._settle(task, dirty & ~zero, zero)

    def _settle(self, task: SlotTask, store: int, zero: int) -> SlotResult:
        """Store the blocks in ``store`` and compose the slot of them, of zeros and of what the parent has."""
        slot = _slot_of(store, zero, self._chunk_id(store), task.parent)
        scattered = ALL_BLOCKS & ~store & ~zero
        rewritten = 0
        if scattered and _referenced_bytes(slot) > REWRITE_BYTES:
            fresh = self._gathered(task, scattered)
            if fresh is not None:
                rewritten = (store | scattered).bit_count() * BLOCK_BYTES
                zero |= fresh
                store = (store | scattered) & ~zero
                slot = _slot_of(store, zero, self._chunk_id(store), None)
        new_bytes, sealed_bytes = self._stored(store)
        return SlotResult(task.number, slot, self._read_bytes, new_bytes, sealed_bytes, rewritten)

    def _gathered(self, task: SlotTask, scattered: int) -> int | None:
        """Fetch the slot's other blocks from the source's own instant, never from the repository; which of them are zero.

        None if they cannot be read: the pieces stay as they are (at most 16), and the next run tries again.
        """
        if not task.compare:
            try:
                self._read(task, scattered)
            except Cancelled:
                raise
            except (StrongroomError, OSError):
                return None
        zero = self._zeros_of(scattered)
        self._hash(scattered & ~zero)
        return zero

    def _stored(self, store: int) -> tuple[int, int]:
        if not store:
            return 0, 0
        hashes = [self._hashes[block] for block in _blocks(store)]
        chunk_id = self._ids.chunk_id(hashes)
        if not self._known.claim(chunk_id):
            return 0, 0
        runs = [self._bytes[first * BLOCK_BYTES : (first + count) * BLOCK_BYTES] for first, count in _runs(store)]
        plain = runs[0] if len(runs) == 1 else memoryview(b"".join(runs))
        return len(plain), self._sealer.seal(EntryKind.DATA, chunk_id, trailer_hashes(hashes), plain)

    def _read(self, task: SlotTask, blocks: int) -> None:
        base = task.plan.slot * SLOT_BYTES
        for first, count in _runs(blocks):
            start, end = first * BLOCK_BYTES, (first + count) * BLOCK_BYTES
            inside = min(end, task.size_bytes - base)
            task.read_into(base + start, self._bytes[start:inside])
            self._read_bytes += inside - start
            if inside < end:
                self._bytes[inside:end] = ZEROS[: end - inside]  # the tail block is padded for id and chunk

    def _zeros_of(self, blocks: int) -> int:
        """Which of ``blocks`` hold nothing but zeros. (``startswith`` compares with memcmp; ``==`` on a view goes byte by byte.)"""
        if blocks == ALL_BLOCKS and ZEROS.startswith(self._bytes):
            return ALL_BLOCKS
        zero = 0
        for block in _blocks(blocks):
            if ZEROS.startswith(self._bytes[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES]):
                zero |= 1 << block
        return zero

    def _hash(self, blocks: int) -> None:
        for first, count in _runs(blocks):
            self._hashes[first : first + count] = self._ids.block_hashes(self._bytes[first * BLOCK_BYTES : (first + count) * BLOCK_BYTES])

    def _chunk_id(self, blocks: int) -> bytes:
        return self._ids.chunk_id([self._hashes[block] for block in _blocks(blocks)]) if blocks else b""

    def _equal_blocks(self, blocks: int, parent: Slot) -> int:
        """Which of ``blocks`` are as the parent has them, by the hashes in pack trailers; what cannot be looked up counts as different."""
        equal = 0
        known = _expanded(parent)
        for block in _blocks(blocks):
            piece = known[block]
            try:
                if piece.chunk and self._hashes[block][:BLOCK_HASH_BYTES] == self._block_hash(piece.chunk, piece.first):
                    equal |= 1 << block
            except StrongroomError:
                continue
        return equal


def _slot_of(store: int, zero: int, chunk_id: bytes, parent: Slot | None) -> Slot:
    """The slot whose blocks in ``store`` follow one another in the chunk, those in ``zero`` are zero, the rest are the parent's."""
    if zero == ALL_BLOCKS:
        return ZERO_SLOT
    if store == ALL_BLOCKS:
        return (Piece(chunk_id, 0, SLOT_BLOCKS, SLOT_BLOCKS),)
    inherited = _expanded(parent) if parent is not None else []
    chunk_blocks = store.bit_count()
    pieces, place = [], 0
    for block in range(SLOT_BLOCKS):
        if store >> block & 1:
            pieces.append(Piece(chunk_id, place, 1, chunk_blocks))
            place += 1
        else:
            pieces.append(_ZERO_BLOCK if zero >> block & 1 else inherited[block])
    return join_pieces(pieces)


def _expanded(slot: Slot) -> list[Piece]:
    """One piece for each of the 16 blocks."""
    return [
        Piece(chunk, first + block, 1, chunk_blocks) if chunk else _ZERO_BLOCK
        for chunk, first, blocks, chunk_blocks in slot
        for block in range(blocks)
    ]


def _referenced_bytes(slot: Slot) -> int:
    """The plain bytes of the distinct chunks that a slot needs to be read."""
    return sum({piece.chunk: piece.chunk_blocks for piece in slot if piece.chunk}.values()) * BLOCK_BYTES


def _blocks(mask: int) -> list[int]:
    return [block for block in range(SLOT_BLOCKS) if mask >> block & 1]


def _runs(mask: int) -> Iterator[tuple[int, int]]:
    """The runs of set bits as (first, count)."""
    first = 0
    while mask:
        skip = (mask & -mask).bit_length() - 1
        mask >>= skip
        count = (~mask & (mask + 1)).bit_length() - 1
        yield first + skip, count
        mask >>= count
        first += skip + count
