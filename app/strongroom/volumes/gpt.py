"""GUID partition tables (UEFI specification, chapter 5): both copies are checked by their checksums."""

from __future__ import annotations

import struct
import uuid
import zlib

from strongroom.volumes.partitions import Partition, TableDamaged
from strongroom.volumes.window import Window

_SIGNATURE = b"EFI PART"
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")
_MAX_ENTRIES = 1024
_MAX_ENTRY_BYTES = 4096
_SECTOR_SIZES = (512, 4096)

# Partitions that by their type hold no file system at all: boot code and reserved room.
_WITHOUT_FILE_SYSTEM = frozenset(
    uuid.UUID(text)
    for text in (
        "21686148-6449-6e6f-744e-656564454649",  # BIOS boot (GRUB)
        "e3c9e316-0b5c-4db8-817d-f92df00215ae",  # Microsoft reserved
        "9e1a2d38-c612-4316-aa26-8b49521e5a8b",  # PowerPC PReP boot
    )
)


def read_gpt(disk: Window) -> list[Partition] | None:
    """The partitions, None where there is no sign of such a table, ``TableDamaged`` where neither copy is whole."""
    signs = False
    for sector_bytes in _SECTOR_SIZES:
        last_sector = disk.size_bytes // sector_bytes - 1
        for sector in (1, last_sector):
            place = sector * sector_bytes
            if sector < 1 or disk.bytes_at(place, len(_SIGNATURE)) != _SIGNATURE:
                continue
            signs = True
            found = _read_copy(disk, place, sector_bytes)
            if found is not None:
                return found
    if signs:
        raise TableDamaged("neither copy of the GUID partition table is whole")
    return None


def _read_copy(disk: Window, place: int, sector_bytes: int) -> list[Partition] | None:
    raw = disk.bytes_at(place, sector_bytes)
    header = _HEADER.unpack_from(raw)
    header_bytes, header_sum = header[2], header[3]
    entries_at, count, entry_bytes, entries_sum = header[10:14]
    if not _HEADER.size <= header_bytes <= sector_bytes or zlib.crc32(raw[:16] + bytes(4) + raw[20:header_bytes]) != header_sum:
        return None
    if count > _MAX_ENTRIES or not _ENTRY.size <= entry_bytes <= _MAX_ENTRY_BYTES:
        return None
    table = disk.bytes_at(entries_at * sector_bytes, count * entry_bytes)
    if zlib.crc32(table) != entries_sum:
        return None
    return [
        partition
        for index in range(count)
        if (partition := _partition(index + 1, table[index * entry_bytes : index * entry_bytes + _ENTRY.size], sector_bytes)) is not None
    ]


def _partition(number: int, entry: bytes, sector_bytes: int) -> Partition | None:
    kind, _, first, last, _, _ = _ENTRY.unpack(entry)
    if not any(kind):
        return None
    length = max(0, last - first + 1) * sector_bytes
    return Partition(number, first * sector_bytes, length, holds_file_system=uuid.UUID(bytes_le=kind) not in _WITHOUT_FILE_SYSTEM)
