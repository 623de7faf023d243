"""MBR partition tables with their chain of logical partitions."""

from __future__ import annotations

import struct

from strongroom.volumes.partitions import Partition, TableDamaged
from strongroom.volumes.window import Window

SECTOR_BYTES = 512
_SIGNATURE = b"\x55\xaa"
_SIGNATURE_AT = 510
_TABLE_AT = 446
_ENTRY = struct.Struct("<B3xB3xII")
_PRIMARY = 4
_EXTENDED = frozenset({0x05, 0x0F, 0x85})
_GPT_PROTECTIVE = 0xEE
_WITHOUT_FILE_SYSTEM = frozenset({0x41})  # PowerPC PReP boot
_BOOT_FLAGS = frozenset({0x00, 0x80})
_MAX_LOGICAL = 128


def read_mbr(disk: Window) -> list[Partition] | None:
    """The partitions, None where sector 0 holds no such table; ``TableDamaged`` for a chain of logical partitions that makes no sense.

    A protective entry without a GUID table behind it is damage too: the real table is lost.
    """
    sector = disk.bytes_at(0, SECTOR_BYTES)
    if not has_signature(sector):
        return None
    entries = list(_entries(sector))
    if any(flag not in _BOOT_FLAGS for flag, _, _, _ in entries):
        return None  # boot code of a file system without a table
    used = [(number, kind, first, count) for number, (_, kind, first, count) in enumerate(entries, start=1) if kind and count]
    if any(first == 0 for _, _, first, _ in used):
        return None
    if any(kind == _GPT_PROTECTIVE for _, kind, _, _ in used):
        raise TableDamaged("the disk should have a GUID partition table, but there is none")
    partitions = []
    for number, kind, first, count in used:
        if kind in _EXTENDED:
            partitions.extend(_logical(disk, first))
        else:
            partitions.append(_partition(number, kind, first, count))
    return sorted(partitions, key=lambda partition: partition.number)


def has_signature(sector: bytes) -> bool:
    """Whether sector 0 carries the boot signature, which tables and boot sectors of file systems share."""
    return sector[_SIGNATURE_AT : _SIGNATURE_AT + 2] == _SIGNATURE


def is_empty_table(sector: bytes) -> bool:
    """Whether the table in sector 0 has no entry at all."""
    return has_signature(sector) and not any(sector[_TABLE_AT:_SIGNATURE_AT])


def _logical(disk: Window, extended_first: int) -> list[Partition]:
    found: list[Partition] = []
    place = extended_first
    seen: set[int] = set()
    while True:
        sector = disk.bytes_at(place * SECTOR_BYTES, SECTOR_BYTES)
        if place in seen or len(seen) >= _MAX_LOGICAL or not has_signature(sector):
            raise TableDamaged("the chain of logical partitions is broken")
        seen.add(place)
        (_, kind, first, count), (_, next_kind, next_first, _) = list(_entries(sector))[:2]
        if kind and count:
            found.append(_partition(_PRIMARY + 1 + len(found), kind, place + first, count))
        if next_kind not in _EXTENDED or not next_first:
            return found
        place = extended_first + next_first


def _partition(number: int, kind: int, first: int, count: int) -> Partition:
    return Partition(number, first * SECTOR_BYTES, count * SECTOR_BYTES, holds_file_system=kind not in _WITHOUT_FILE_SYSTEM)


def _entries(sector: bytes) -> list[tuple[int, int, int, int]]:
    """Boot flag, type, first sector and number of sectors of the four entries."""
    return [_ENTRY.unpack_from(sector, _TABLE_AT + index * _ENTRY.size) for index in range(_PRIMARY)]
