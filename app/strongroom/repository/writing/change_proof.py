"""The proof of change tracking (invariant 10): a few blocks said to be unchanged are read again and compared with what the parent holds."""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from strongroom.domain.disk import ReadInto
from strongroom.domain.errors import StrongroomError
from strongroom.repository.format import BLOCK_BYTES, BLOCK_HASH_BYTES, SLOT_BLOCKS, SLOT_BYTES
from strongroom.repository.ids import Ids
from strongroom.repository.tree.node import Slot
from strongroom.repository.writing.slot_sealer import ZEROS, BlockHash

MOST_SAMPLES: Final = 64
FEWEST_SAMPLES: Final = 10
ONE_IN: Final = 1000
TIME_LIMIT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Proof:
    """How UNCHANGED is proved: by a ``sample`` of blocks, by the ``whole`` disk, or (neither) by the source itself, for instance by file stamps."""

    sample: bool = True
    whole: bool = False


class ProofFailed(Exception):
    """What is said to be unchanged is not, or cannot be proved. Never leaves the writer."""


class UnchangedSample:
    """Holds blocks drawn evenly from all UNCHANGED blocks of a disk while they pass by: no second pass, no list of extents.

    Each of the 64 places on its own holds an even draw of everything seen. The place that holds the i-th block next takes the block after
    i / u, u drawn from (0, 1]; so a run costs nothing unless a place takes one of its blocks.
    """

    def __init__(self, size_bytes: int) -> None:
        self._block_count = -(-size_bytes // BLOCK_BYTES)
        self._seen_blocks = 0
        self._drawn = [0] * MOST_SAMPLES
        self._due = [(1, place) for place in range(MOST_SAMPLES)]  # a heap: (which block, counted from 1, which place takes it)

    def offer(self, first_slot: int, slots: int) -> None:
        """A run of unchanged slots passes by."""
        first = first_slot * SLOT_BLOCKS
        seen = self._seen_blocks
        self._seen_blocks += min((first_slot + slots) * SLOT_BLOCKS, self._block_count) - first
        while self._due[0][0] <= self._seen_blocks:
            which, place = self._due[0]
            self._drawn[place] = first + which - seen - 1
            heapq.heapreplace(self._due, (int(which / (1 - random.random())) + 1, place))  # noqa: S311 - fairness, not secrecy

    def blocks(self) -> list[int]:
        """The block numbers to read: 0.1 % of the unchanged, at least 10, at most 64, in random order."""
        if not self._seen_blocks:
            return []
        wanted = max(FEWEST_SAMPLES, min(MOST_SAMPLES, self._seen_blocks // ONE_IN))
        return list(dict.fromkeys(self._drawn))[:wanted]


class ProofReader:
    """Reads sampled blocks from the source and compares them with the parent's."""

    def __init__(self, ids: Ids, read_into: ReadInto, size_bytes: int, parent_slot: Callable[[int], Slot], block_hash: BlockHash) -> None:
        self._ids = ids
        self._read_into = read_into
        self._size_bytes = size_bytes
        self._parent_slot = parent_slot
        self._block_hash = block_hash
        self.read_bytes = 0

    def prove(self, blocks: list[int], check: Callable[[], None]) -> None:
        """Compare these blocks; ``ProofFailed`` at the first that differs or cannot be compared. After ten it stops at its time limit."""
        deadline = time.monotonic() + TIME_LIMIT_SECONDS
        for done, block in enumerate(blocks):
            check()
            if done >= FEWEST_SAMPLES and time.monotonic() > deadline:
                break
            if not self._is_equal(block):
                raise ProofFailed(f"change tracking missed a change at {block * BLOCK_BYTES} bytes, so everything was read")

    def _is_equal(self, block: int) -> bool:
        content = bytearray(BLOCK_BYTES)
        offset = block * BLOCK_BYTES
        inside = min(BLOCK_BYTES, self._size_bytes - offset)
        self._read_into(offset, memoryview(content)[:inside])
        self.read_bytes += inside
        expected = self._expected(offset)
        return ZEROS.startswith(content) if expected is None else self._ids.block_hash(content)[:BLOCK_HASH_BYTES] == expected

    def _expected(self, offset: int) -> bytes | None:
        """The 16 bytes that the parent keeps of the block's hash; None for a block of zeros."""
        place = offset % SLOT_BYTES // BLOCK_BYTES
        for chunk, first, blocks, _ in self._parent_slot(offset // SLOT_BYTES):
            if place < blocks:
                return self._hash_kept(offset, chunk, first + place) if chunk else None
            place -= blocks
        return None

    def _hash_kept(self, offset: int, chunk: bytes, block: int) -> bytes:
        try:
            return self._block_hash(chunk, block)
        except StrongroomError as error:
            raise ProofFailed(
                f"the block at {offset} bytes cannot be compared with the parent ({error.message}), so everything was read"
            ) from error
