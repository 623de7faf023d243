"""Partition tables as disks carry them: MBR, and GPT with its copy at the end."""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import dataclass

SECTOR_BYTES = 512
_MBR_TYPES = {"fat16": 0x0E, "fat32": 0x0C, "ext4": 0x83}
_EFI_SYSTEM = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
_LINUX_DATA = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
_GPT_TYPES = {"fat16": _EFI_SYSTEM, "fat32": _EFI_SYSTEM, "ext4": _LINUX_DATA}
_ENTRY_BYTES, _ENTRIES = 128, 128
_TABLE_SECTORS = _ENTRY_BYTES * _ENTRIES // SECTOR_BYTES


@dataclass(frozen=True)
class Partition:
    start_bytes: int
    size_bytes: int
    kind: str

    @property
    def first(self) -> int:
        return self.start_bytes // SECTOR_BYTES

    @property
    def sectors(self) -> int:
        return self.size_bytes // SECTOR_BYTES


def write_mbr(disk: bytearray, partitions: list[Partition]) -> None:
    """A classic table of up to four partitions; cylinder addresses are the customary «beyond reach»."""
    for number, partition in enumerate(partitions):
        _write_mbr_entry(disk, number, _MBR_TYPES[partition.kind], partition.first, partition.sectors)
    disk[440:444] = uuid.uuid5(uuid.NAMESPACE_OID, f"strongroom lab {len(disk)}").bytes[:4]
    disk[510:512] = b"\x55\xaa"


def write_gpt(disk: bytearray, partitions: list[Partition]) -> None:
    """A protective MBR, the table, and its copy in the last sectors."""
    last = len(disk) // SECTOR_BYTES - 1
    _write_mbr_entry(disk, 0, 0xEE, 1, last)
    disk[510:512] = b"\x55\xaa"
    table = b"".join(_gpt_entry(number, partition) for number, partition in enumerate(partitions)).ljust(_ENTRY_BYTES * _ENTRIES, b"\0")
    _put(disk, 2, table)
    _put(disk, 1, _gpt_header(1, last, 2, last, table))
    _put(disk, last - _TABLE_SECTORS, table)
    _put(disk, last, _gpt_header(last, 1, last - _TABLE_SECTORS, last, table))


def _write_mbr_entry(disk: bytearray, number: int, kind: int, first: int, sectors: int) -> None:
    beyond_reach = b"\xfe\xff\xff"
    at = 446 + 16 * number
    disk[at : at + 16] = struct.pack("<B3sB3sII", 0, beyond_reach, kind, beyond_reach, first, sectors)


def _gpt_entry(number: int, partition: Partition) -> bytes:
    own = uuid.uuid5(uuid.NAMESPACE_OID, f"strongroom lab partition {number} {partition}")
    last = partition.first + partition.sectors - 1
    return struct.pack("<16s16sQQQ72s", _GPT_TYPES[partition.kind].bytes_le, own.bytes_le, partition.first, last, 0, b"")


def _gpt_header(own: int, other: int, table_at: int, last: int, table: bytes) -> bytes:
    usable = (2 + _TABLE_SECTORS, last - _TABLE_SECTORS - 1)
    disk_id = uuid.uuid5(uuid.NAMESPACE_OID, f"strongroom lab disk {last}")
    tail = struct.pack("<QQQQ16sQIII", own, other, *usable, disk_id.bytes_le, table_at, _ENTRIES, _ENTRY_BYTES, zlib.crc32(table))
    header = struct.pack("<8sIIII", b"EFI PART", 0x00010000, 92, 0, 0)
    crc = zlib.crc32(header + tail)
    return struct.pack("<8sIIII", b"EFI PART", 0x00010000, 92, crc, 0) + tail


def _put(disk: bytearray, sector: int, data: bytes) -> None:
    disk[sector * SECTOR_BYTES : sector * SECTOR_BYTES + len(data)] = data
