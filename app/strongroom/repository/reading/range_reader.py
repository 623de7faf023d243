"""Reads planned ranges with many in flight and few at work, and proves every chunk before anybody sees it (invariant 5)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Final

from strongroom.domain.errors import StrongroomError
from strongroom.repository.errors import ObjectDamaged
from strongroom.repository.format import BLOCK_BYTES, pack_key
from strongroom.repository.halt import POLL_SECONDS
from strongroom.repository.packs.pack import open_chunk
from strongroom.repository.reading.chunks import ChunkSource
from strongroom.repository.reading.read_plan import ChunkRead, PackRange, Use

IN_FLIGHT: Final = 16
QUEUED: Final = 24

Write = Callable[[int, memoryview], None]


@dataclass(frozen=True, slots=True)
class BadRange:
    """A range of the disk that could not be given back. ``damaged`` tells «bad» from «cannot be read now» (invariant 17)."""

    offset: int
    length: int
    reason: str
    damaged: bool

    def __str__(self) -> str:
        return f"bytes {self.offset} to {self.offset + self.length - 1}: {self.reason}"

    @classmethod
    def of(cls, offset: int, length: int, error: StrongroomError) -> BadRange:
        return cls(offset, length, f"{error.code}: {error.message}", isinstance(error, ObjectDamaged))


@dataclass(slots=True)
class RangeTotals:
    """What reading some ranges gave, in bytes."""

    chunks: int = 0
    plain_bytes: int = 0
    delivered_bytes: int = 0
    pack_bytes: int = 0
    bad: list[BadRange] = field(default_factory=list)


class RangeReader:
    """Up to 16 ranges are fetched at a time, ``threads`` of them decoded. Without ``write`` everything is proved and nothing delivered."""

    def __init__(
        self,
        source: ChunkSource,
        write: Write | None,
        *,
        threads: int,
        on_totals: Callable[[RangeTotals], None],
        check: Callable[[], None],
    ) -> None:
        self._source = source
        self._write = write
        self._working = threading.Semaphore(threads)
        self._on_totals = on_totals
        self._check = check
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="range")
        self._waiting: deque[Future[RangeTotals]] = deque()

    def feed(self, ranges: Iterable[PackRange]) -> None:
        """Queue ranges, and take results while too many wait. Raises what ``write`` or ``check`` raise."""
        for one in ranges:
            self._waiting.append(self._pool.submit(self._read, one))
            while len(self._waiting) >= QUEUED:
                self._take()

    def close(self) -> None:
        """Take every result."""
        while self._waiting:
            self._take()
        self._pool.shutdown()

    def abandon(self) -> None:
        """Stop soon: nothing more is delivered. Does not wait for a store that hangs."""
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> None:
        while True:
            self._check()
            try:
                totals = self._waiting[0].result(POLL_SECONDS)
            except FutureTimeout:
                continue
            self._waiting.popleft()
            self._on_totals(totals)
            return

    def _read(self, one: PackRange) -> RangeTotals:
        totals = RangeTotals()
        if self._stopped.is_set():
            return totals
        data = self._fetched(one)
        totals.pack_bytes = len(data)
        with self._working:
            for chunk in one.chunks:
                if self._stopped.is_set():
                    break
                self._one(one, chunk, data, totals)
        return totals

    def _fetched(self, one: PackRange) -> memoryview:
        """The range's bytes; empty if it cannot be read whole: then every chunk is tried by itself."""
        try:
            return memoryview(self._source.repository.store.get_range(pack_key(one.pack_id), one.offset, one.end - one.offset))
        except StrongroomError:
            return memoryview(b"")

    def _one(self, one: PackRange, chunk: ChunkRead, data: memoryview, totals: RangeTotals) -> None:
        try:
            plain = self._proved(one, chunk, data)
        except StrongroomError as error:
            totals.bad += [BadRange.of(use.offset, use.length, error) for use in chunk.uses]
            return
        totals.chunks += 1
        totals.plain_bytes += len(plain)
        view = memoryview(plain)
        for use in chunk.uses:
            self._deliver(use, view)
            totals.delivered_bytes += use.length

    def _deliver(self, use: Use, plain: memoryview) -> None:
        start = use.first_block * BLOCK_BYTES
        if self._write is not None:
            self._write(use.offset, plain[start : start + use.length])

    def _proved(self, one: PackRange, chunk: ChunkRead, data: memoryview) -> bytes:
        """The chunk's plain bytes; once more from every copy if the range's bytes are not good."""
        location = chunk.location
        entry = location.entry
        start = entry.offset - one.offset
        sealed = data[start : start + entry.sealed_bytes]
        try:
            return open_chunk(self._source.repository, location.pack_id, location.salt, entry, sealed)
        except StrongroomError:
            return self._source.fetch(entry.id)
