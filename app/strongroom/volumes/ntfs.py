"""NTFS: clean only if the volume is not marked dirty *and* its journal was closed.

The dirty mark alone proves nothing: after a power cut Windows relies on its journal, ``$LogFile``. A journal of version 2 belongs to a
Windows that is running, hibernated, or went down by «fast startup», which keeps metadata back: closing it really writes version 1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.volumes.finding import Finding
from strongroom.volumes.window import Window

_OEM_AT, _OEM = 3, b"NTFS    "
_LOG_FILE_RECORD, _VOLUME_RECORD = 2, 3
_VOLUME_INFORMATION, _DATA, _END = 0x70, 0x80, 0xFFFFFFFF
_FLAGS_AT, _DIRTY = 10, 1
_STRIDE_BYTES = 512
_MAX_RECORD_BYTES = 4096
_RESTART_PAGE_BYTES = 4096
_NO_CLIENT, _CLOSED = 0xFFFF, 2
_SAFE_MAJOR_VERSION = 1


class _Unclear(Exception):
    """Something does not look as it should; the text says what."""


@dataclass(frozen=True, slots=True)
class _Geometry:
    cluster_bytes: int
    mft_at: int
    record_bytes: int


@dataclass(frozen=True, slots=True)
class _Restart:
    """The journal's state as one of its two restart pages gives it."""

    lsn: int
    major_version: int
    closed: bool


def look(volume: Window) -> Finding | None:
    boot = volume.bytes_at(0, 512)
    if boot[_OEM_AT : _OEM_AT + len(_OEM)] != _OEM:
        return None
    try:
        geometry = _geometry(boot)
        if _is_marked_dirty(volume, geometry):
            return Finding("NTFS", False, "it is marked for a check")
        journal = _journal(volume, geometry)
    except _Unclear as error:
        return Finding("NTFS", None, f"its state could not be read: {error}")
    if journal is None or (journal.closed and journal.major_version <= _SAFE_MAJOR_VERSION):
        return Finding("NTFS", True, "it was unmounted cleanly")
    if journal.major_version > _SAFE_MAJOR_VERSION:
        return Finding("NTFS", False, "Windows was not shut down fully (running, hibernated, or «fast startup»)")
    return Finding("NTFS", False, "its journal is open: it was not unmounted")


def _geometry(boot: bytes) -> _Geometry:
    sector_bytes, per_cluster = struct.unpack_from("<HB", boot, 11)
    mft_cluster = struct.unpack_from("<Q", boot, 48)[0]
    per_record = struct.unpack_from("<b", boot, 64)[0]
    sectors = per_cluster if per_cluster <= 0x80 else 1 << (256 - per_cluster)  # noqa: PLR2004  above it is a negative power of two
    cluster_bytes = sector_bytes * sectors
    record_bytes = cluster_bytes * per_record if per_record > 0 else 1 << -per_record
    if not cluster_bytes or not _STRIDE_BYTES <= record_bytes <= _MAX_RECORD_BYTES:
        raise _Unclear("its boot sector makes no sense")
    return _Geometry(cluster_bytes, mft_cluster * cluster_bytes, record_bytes)


def _is_marked_dirty(volume: Window, geometry: _Geometry) -> bool:
    for kind, attribute in _attributes(_record(volume, geometry, _VOLUME_RECORD)):
        if kind == _VOLUME_INFORMATION and attribute[8] == 0:
            content_at = struct.unpack_from("<H", attribute, 20)[0]
            if content_at + _FLAGS_AT + 2 <= len(attribute):
                return bool(struct.unpack_from("<H", attribute, content_at + _FLAGS_AT)[0] & _DIRTY)
    raise _Unclear("$Volume has no information")


def _journal(volume: Window, geometry: _Geometry) -> _Restart | None:
    """The journal's newest restart page; None for a journal that was emptied, which is as good as closed."""
    place = _log_file_at(volume, geometry)
    pages = [volume.bytes_at(place + index * _RESTART_PAGE_BYTES, _RESTART_PAGE_BYTES) for index in range(2)]
    if all(page == b"\xff" * _RESTART_PAGE_BYTES for page in pages):
        return None
    restarts = [restart for page in pages if (restart := _restart(page)) is not None]
    if not restarts:
        raise _Unclear("$LogFile has no restart page")
    return max(restarts, key=lambda restart: restart.lsn)


def _log_file_at(volume: Window, geometry: _Geometry) -> int:
    for kind, attribute in _attributes(_record(volume, geometry, _LOG_FILE_RECORD)):
        if kind == _DATA and attribute[8] == 1:
            runs_at = struct.unpack_from("<H", attribute, 32)[0]
            head = attribute[runs_at] if runs_at < len(attribute) else 0
            length_bytes, place_bytes = head & 15, head >> 4
            start = runs_at + 1 + length_bytes
            if place_bytes and start + place_bytes <= len(attribute):
                return int.from_bytes(attribute[start : start + place_bytes], "little", signed=True) * geometry.cluster_bytes
    raise _Unclear("$LogFile was not found")


def _restart(page: bytes) -> _Restart | None:
    if page[:4] != b"RSTR":
        return None
    area_at, _, major = struct.unpack_from("<Hhh", page, 24)
    try:
        page = _fixed_up(page)
    except _Unclear:
        return None
    if area_at + 16 > len(page):
        return None
    lsn, _, _, in_use, flags = struct.unpack_from("<QHHHH", page, area_at)
    return _Restart(lsn, major, closed=in_use == _NO_CLIENT or bool(flags & _CLOSED))


def _record(volume: Window, geometry: _Geometry, number: int) -> bytes:
    record = volume.bytes_at(geometry.mft_at + number * geometry.record_bytes, geometry.record_bytes)
    if record[:4] != b"FILE":
        raise _Unclear(f"record {number} of the master file table is missing")
    return _fixed_up(record)


def _fixed_up(record: bytes) -> bytes:
    """The record with the last two bytes of every 512 put back; a torn write shows here."""
    at, count = struct.unpack_from("<HH", record, 4)
    if count < 1 or at + 2 * count > len(record) or (count - 1) * _STRIDE_BYTES > len(record):
        raise _Unclear("a record makes no sense")
    fixed = bytearray(record)
    number = record[at : at + 2]
    for index in range(1, count):
        end = index * _STRIDE_BYTES
        if record[end - 2 : end] != number:
            raise _Unclear("a record was torn")
        fixed[end - 2 : end] = record[at + 2 * index : at + 2 * index + 2]
    return bytes(fixed)


def _attributes(record: bytes) -> Iterator[tuple[int, bytes]]:
    at = struct.unpack_from("<H", record, 20)[0]
    while at + 24 <= len(record):
        kind, length = struct.unpack_from("<II", record, at)
        if kind == _END or length < 24 or at + length > len(record):  # noqa: PLR2004  the shortest attribute
            return
        yield kind, record[at : at + length]
        at += length
