"""Qcow2 images, read through their own tables: no QEMU needed, and damaged tables are an error, never a crash or a loop."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterator
from io import BytesIO

import zstandard

from strongroom.providers.errors import DiskUnreadable
from strongroom.providers.images.byte_cache import ByteCache
from strongroom.providers.images.image_file import ImageFile
from strongroom.providers.images.layers import Run, RunKind
from strongroom.providers.images.qcow2_header import Qcow2Header, damaged, read_header

_OFFSET_MASK = 0x00FF_FFFF_FFFF_FE00
_COMPRESSED = 1 << 62
_ZERO_FLAG = 1
_SECTOR_BYTES = 512
_SUBCLUSTERS = 32
_ALL_SUBCLUSTERS = (1 << _SUBCLUSTERS) - 1
_TABLE_CACHE_BYTES = 8 << 20
_CLUSTER_CACHE_BYTES = 4 << 20
# QEMU writes zstd clusters of at most 2 MiB; a frame that wants a larger window is not one of them and would only eat memory.
_ZSTD_WINDOW_BYTES = 8 << 20
_DEFLATE_WINDOW_BITS = -12

_Piece = tuple[int, int, RunKind, int]


class Qcow2Layer:
    """One qcow2 file: standard, zero, compressed (deflate, zstd) clusters and extended level-2 entries. Snapshots in the file are ignored."""

    def __init__(self, file: ImageFile) -> None:
        self.file = file
        self.header: Qcow2Header = read_header(file)
        self.size_bytes = self.header.size_bytes
        self._l1 = self._load_l1()
        self._tables: ByteCache[array[int]] = ByteCache(_TABLE_CACHE_BYTES, self.header.cluster_bytes)
        self._clusters: ByteCache[bytes] = ByteCache(_CLUSTER_CACHE_BYTES, self.header.cluster_bytes)

    def runs(self, offset: int, length: int, *, reading: bool = False) -> Iterator[Run]:
        """The range, neighbours merged where one read can serve them; ``DiskUnreadable`` where the tables make no sense."""
        del reading
        held: _Piece | None = None
        for piece in self._pieces(offset, offset + length):
            if held is None:
                held = piece
                continue
            at, size, kind, place = held
            _, more, next_kind, next_place = piece
            follows = kind is not RunKind.PACKED and (kind is not RunKind.STORED or place + size == next_place)
            if kind is next_kind and follows:
                held = (at, size + more, kind, place)
            else:
                yield Run(at, size, kind, place)
                held = piece
        if held is not None:
            yield Run(*held)

    def read_run(self, run: Run, view: memoryview) -> None:
        if run.kind is RunKind.STORED:
            self.file.read_zero_padded(run.at, view)
            return
        cluster = self._clusters.get(run.at, self._decoded)
        start = run.offset % self.header.cluster_bytes
        view[:] = cluster[start : start + run.length]

    def _pieces(self, offset: int, end: int) -> Iterator[_Piece]:
        span = self.header.l2_span_bytes
        while offset < end:
            index = offset // span
            stop = min(end, (index + 1) * span)
            entry = self._l1[index] & _OFFSET_MASK
            if not entry:
                yield offset, stop - offset, RunKind.BELOW, 0
            elif self.header.extended_l2:
                yield from self._extended_pieces(self._table(entry), offset, stop)
            else:
                yield from self._plain_pieces(self._table(entry), offset, stop)
            offset = stop

    def _plain_pieces(self, table: array[int], offset: int, end: int) -> Iterator[_Piece]:
        bits, size = self.header.cluster_bits, self.header.cluster_bytes
        entries = self.header.l2_entries
        while offset < end:
            stop = min(end, (offset | (size - 1)) + 1)
            entry = table[(offset >> bits) % entries]
            if not entry & (_OFFSET_MASK | _COMPRESSED | _ZERO_FLAG):
                yield offset, stop - offset, RunKind.BELOW, 0
            elif entry & _COMPRESSED:
                yield offset, stop - offset, RunKind.PACKED, entry
            elif entry & _ZERO_FLAG:
                yield offset, stop - offset, RunKind.ZERO, 0
            else:
                yield offset, stop - offset, RunKind.STORED, self._stored_at(entry, offset)
            offset = stop

    def _extended_pieces(self, table: array[int], offset: int, end: int) -> Iterator[_Piece]:
        bits, size = self.header.cluster_bits, self.header.cluster_bytes
        entries = self.header.l2_entries
        while offset < end:
            stop = min(end, (offset | (size - 1)) + 1)
            place = 2 * ((offset >> bits) % entries)
            entry, bitmap = table[place], table[place + 1]
            if entry & _COMPRESSED:
                yield offset, stop - offset, RunKind.PACKED, entry
            elif bitmap == 0:
                yield offset, stop - offset, RunKind.BELOW, 0
            elif bitmap == _ALL_SUBCLUSTERS:
                yield offset, stop - offset, RunKind.STORED, self._stored_at(entry, offset)
            else:
                yield from self._subcluster_pieces(entry, bitmap, offset, stop)
            offset = stop

    def _subcluster_pieces(self, entry: int, bitmap: int, offset: int, end: int) -> Iterator[_Piece]:
        size = self.header.cluster_bytes // _SUBCLUSTERS
        stored, zero = bitmap & _ALL_SUBCLUSTERS, bitmap >> _SUBCLUSTERS
        if stored & zero:
            raise damaged(self.file, f"the sub-clusters at byte {offset} are both stored and zero")
        while offset < end:
            stop = min(end, (offset | (size - 1)) + 1)
            bit = 1 << (offset // size) % _SUBCLUSTERS
            if stored & bit:
                yield offset, stop - offset, RunKind.STORED, self._stored_at(entry, offset)
            else:
                yield offset, stop - offset, RunKind.ZERO if zero & bit else RunKind.BELOW, 0
            offset = stop

    def _stored_at(self, entry: int, offset: int) -> int:
        """Where byte ``offset`` of the disk lies in the file, by its cluster's ``entry``."""
        place = entry & _OFFSET_MASK
        if place == 0 or place % self.header.cluster_bytes or place >= self.file.size_bytes:
            raise damaged(self.file, f"the data at byte {offset} of the disk should lie at byte {place} of the file, which cannot be")
        return place + offset % self.header.cluster_bytes

    def _table(self, place: int) -> array[int]:
        return self._tables.get(place, self._load_table)

    def _load_table(self, place: int) -> array[int]:
        size = self.header.cluster_bytes
        if place % size or place + size > self.file.size_bytes:
            raise damaged(self.file, f"a level-2 table should lie at byte {place} of the file, which cannot be")
        return _words(self.file, place, size)

    def _load_l1(self) -> array[int]:
        needed = -(-self.size_bytes // self.header.l2_span_bytes)
        return _words(self.file, self.header.l1_offset, needed * 8)

    def _decoded(self, entry: int) -> bytes:
        """The compressed cluster that ``entry`` finds, whole."""
        size = self.header.cluster_bytes
        width = 62 - (self.header.cluster_bits - 8)
        place = entry & ((1 << width) - 1)
        sectors = (entry >> width) & ((1 << (self.header.cluster_bits - 8)) - 1)
        packed = self.file.read(place, (sectors + 1) * _SECTOR_BYTES - place % _SECTOR_BYTES)
        try:
            data = _unzstd(packed, size) if self.header.zstd else zlib.decompressobj(_DEFLATE_WINDOW_BITS).decompress(packed, size)
        except (zlib.error, zstandard.ZstdError) as error:
            raise self._undecodable(place) from error
        if len(data) != size:
            raise self._undecodable(place)
        return data

    def _undecodable(self, place: int) -> DiskUnreadable:
        return damaged(self.file, f"the compressed cluster at byte {place} of the file cannot be decoded")


def _unzstd(packed: bytes, size: int) -> bytes:
    # A stream, because the cluster is padded with whatever lies behind it in its last sector.
    with zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).stream_reader(BytesIO(packed)) as stream:
        return stream.read(size)


def _words(file: ImageFile, place: int, length: int) -> array[int]:
    """``length`` bytes of big-endian 64-bit words."""
    words = array("Q", bytes(length))
    file.read_into(place, memoryview(words).cast("B"))
    if sys.byteorder == "little":
        words.byteswap()
    return words
