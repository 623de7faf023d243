"""Writes qcow2 version 3: clusters are appended as the disk is written, reference counts follow at the end.

The file has no header until ``finish``, so a half-written one can never be taken for an image. Tables being filled are kept in a small cache
and written back, so memory does not grow with the disk.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from strongroom.providers.images.qcow2_header import MAGIC
from strongroom.providers.images.targets import NewFile, check_range

CLUSTER_BITS = 16
CLUSTER_BYTES = 1 << CLUSTER_BITS
_L2_ENTRIES = CLUSTER_BYTES // 8
_REFCOUNTS_PER_BLOCK = CLUSTER_BYTES // 2
_REFCOUNT_ORDER = 4  # 16-bit reference counts, QEMU's default
_COPIED = 1 << 63
_SECTOR_BYTES = 512
_HEADER_BYTES = 112
_CACHED_TABLES = 64
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQIIB7x")


class Qcow2Target:
    """A qcow2 image of ``size_bytes`` (rounded up to 512, QEMU's unit). Thread-safe for writes that do not overlap."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self._file = NewFile(path)
        self._size_bytes = size_bytes
        self._l1 = array("Q", bytes(8 * max(1, -(-size_bytes // (_L2_ENTRIES * CLUSTER_BYTES)))))
        self._l1_clusters = -(-len(self._l1) * 8 // CLUSTER_BYTES)
        self._next_cluster = 1 + self._l1_clusters
        self._tables: OrderedDict[int, array[int]] = OrderedDict()
        self._lock = Lock()

    def write(self, offset: int, view: memoryview) -> None:
        check_range(offset, len(view), self._size_bytes)
        flat = view.cast("B")
        with self._lock:
            runs = list(self._placed(offset, offset + len(flat)))
        for start, end, place in runs:
            self._file.write(place, flat[start - offset : end - offset])

    def finish(self) -> None:
        for index, table in self._tables.items():
            self._write_words(self._l1[index] & ~_COPIED, table)
        refcounts_at, table_clusters = self._write_refcounts()
        self._write_words(CLUSTER_BYTES, self._l1)
        self._file.resize(self._next_cluster * CLUSTER_BYTES)
        self._file.sync()
        self._file.write(0, memoryview(self._header(refcounts_at, table_clusters)))
        self._file.sync()

    def close(self) -> None:
        self._file.close()

    def _placed(self, offset: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Where each range goes as (start, end, place in the file), neighbours merged; clusters are allocated where needed."""
        held_start, held_place, at = offset, -1, offset
        while at < end:
            stop = min(end, (at | (CLUSTER_BYTES - 1)) + 1)
            place = self._cluster_of(at) + at % CLUSTER_BYTES
            if held_place >= 0 and place != held_place + (at - held_start):
                yield held_start, at, held_place
                held_start, held_place = at, place
            elif held_place < 0:
                held_place = place
            at = stop
        if held_place >= 0:
            yield held_start, end, held_place

    def _cluster_of(self, offset: int) -> int:
        number = offset >> CLUSTER_BITS
        table = self._table(number // _L2_ENTRIES)
        entry = table[number % _L2_ENTRIES]
        if not entry:
            entry = self._allocate() | _COPIED
            table[number % _L2_ENTRIES] = entry
        return entry & ~_COPIED

    def _table(self, index: int) -> array[int]:
        found = self._tables.get(index)
        if found is not None:
            self._tables.move_to_end(index)
            return found
        if self._l1[index]:
            table = _swapped(array("Q", self._file.read(self._l1[index] & ~_COPIED, CLUSTER_BYTES)))
        else:
            self._l1[index] = self._allocate() | _COPIED
            table = array("Q", bytes(CLUSTER_BYTES))
        self._tables[index] = table
        if len(self._tables) > _CACHED_TABLES:
            old, oldest = self._tables.popitem(last=False)
            self._write_words(self._l1[old] & ~_COPIED, oldest)
        return table

    def _allocate(self) -> int:
        place = self._next_cluster * CLUSTER_BYTES
        self._next_cluster += 1
        return place

    def _write_refcounts(self) -> tuple[int, int]:
        """Every cluster of the file is used exactly once, those of the reference counts included. Returns place and length of their table."""
        used = self._next_cluster
        blocks, tables = 0, 0
        while True:
            total = used + blocks + tables
            needed = -(-total // _REFCOUNTS_PER_BLOCK)
            needed_tables = -(-needed * 8 // CLUSTER_BYTES)
            if (needed, needed_tables) == (blocks, tables):
                break
            blocks, tables = needed, needed_tables
        table_at = used * CLUSTER_BYTES
        first_block = used + tables
        self._write_words(table_at, array("Q", ((first_block + index) * CLUSTER_BYTES for index in range(blocks))))
        for index in range(blocks):
            count = min(_REFCOUNTS_PER_BLOCK, total - index * _REFCOUNTS_PER_BLOCK)
            self._file.write((first_block + index) * CLUSTER_BYTES, memoryview(b"\0\1" * count))
        self._next_cluster = total
        return table_at, tables

    def _header(self, refcounts_at: int, table_clusters: int) -> bytes:
        size_bytes = -(-self._size_bytes // _SECTOR_BYTES) * _SECTOR_BYTES
        # Magic, version, no backing file, geometry, no encryption, level-1 table, reference counts, no snapshots, no feature bits, sizes, deflate.
        return _HEADER.pack(
            *(MAGIC, 3, 0, 0, CLUSTER_BITS, size_bytes, 0, len(self._l1), CLUSTER_BYTES),
            *(refcounts_at, table_clusters, 0, 0, 0, 0, 0, _REFCOUNT_ORDER, _HEADER_BYTES, 0),
        )

    def _write_words(self, place: int, words: array[int]) -> None:
        self._file.write(place, memoryview(_swapped(words)).cast("B"))


def _swapped(words: array[int]) -> array[int]:
    """The words in the other byte order than in memory: qcow2 is big-endian. The argument stays as it is."""
    copy = array("Q", words)
    if sys.byteorder == "little":
        copy.byteswap()
    return copy
