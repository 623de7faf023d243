"""Which chunks are live, for any number of them: ids in 256 partitions that go to temporary files beyond a budget of memory.

Questions are asked in bulk and answered a partition at a time, so only one 256th of the ids is ever a set in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Final, NamedTuple, Self

_PARTITIONS: Final = 256
_ID_BYTES: Final = 32
_RECENT_IDS: Final = 500_000  # about 50 MB as a set; two generations are kept
DEFAULT_BUDGET_BYTES: Final = 128 * 1024 * 1024


class _Spill:
    """Fixed-size rows by the first byte of each; in memory up to a budget, then appended to one temporary file a partition."""

    def __init__(self, row_bytes: int, budget_bytes: int) -> None:
        self._row_bytes = row_bytes
        self._budget_bytes = budget_bytes
        self._held_bytes = 0
        self._rows = [bytearray() for _ in range(_PARTITIONS)]
        self._files: list[IO[bytes] | None] = [None] * _PARTITIONS

    def add(self, row: bytes) -> None:
        self._rows[row[0]] += row
        self._held_bytes += len(row)
        if self._held_bytes > self._budget_bytes:
            self._spill()

    def _spill(self) -> None:
        for number, rows in enumerate(self._rows):
            if rows:
                file = self._files[number]
                if file is None:
                    file = self._files[number] = tempfile.TemporaryFile(prefix="strongroom-mark-")  # noqa: SIM115 (closed by close)
                file.write(rows)
                rows.clear()
        self._held_bytes = 0

    def partition(self, number: int) -> Iterator[bytes]:
        """Every row of one partition."""
        file = self._files[number]
        if file is not None:
            file.seek(0)
            while row := file.read(self._row_bytes):
                yield row
            file.seek(0, 2)
        rows = bytes(self._rows[number])
        for at in range(0, len(rows), self._row_bytes):
            yield rows[at : at + self._row_bytes]

    def close(self) -> None:
        for file in self._files:
            if file is not None:
                file.close()


class LiveRow(NamedTuple):
    """One chunk of one pack that is live: its id and the number that the asker gave the pack."""

    chunk_id: bytes
    pack_number: int
    sealed_bytes: int


class LiveMarks:
    """The mark of a mark-and-sweep; a context manager, for its temporary files.

    ``add`` every id that is reached (repeats are harmless), then ask ``live_rows`` as often as needed.
    """

    def __init__(self, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._ids = _Spill(_ID_BYTES, budget_bytes)
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def is_new(self, chunk_id: bytes) -> bool:
        """False if the id was asked for lately: its subtree was walked. Forgetting one costs time, never a chunk."""
        if chunk_id in self._young or chunk_id in self._old:
            return False
        self._young.add(chunk_id)
        if len(self._young) > _RECENT_IDS:
            self._old, self._young = self._young, set()
        return True

    def add(self, chunk_id: bytes) -> None:
        """Mark one chunk live."""
        self._ids.add(chunk_id)

    def live_rows(self, rows: Iterable[tuple[bytes, int, int]]) -> Iterator[LiveRow]:
        """Those of the rows (chunk id, pack number, sealed bytes) whose chunk is marked, grouped by partition, not in the order given."""
        asked = _Spill(_ID_BYTES + 8, self._budget_bytes)
        try:
            for chunk_id, pack_number, sealed_bytes in rows:
                asked.add(chunk_id + pack_number.to_bytes(4) + sealed_bytes.to_bytes(4))
            for number in range(_PARTITIONS):
                marked = set(self._ids.partition(number))
                for row in asked.partition(number):
                    if row[:_ID_BYTES] in marked:
                        yield LiveRow(row[:_ID_BYTES], int.from_bytes(row[32:36]), int.from_bytes(row[36:40]))
        finally:
            asked.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ids.close()
