"""Super blocks and partition tables put together by hand, without any code of the product."""

from __future__ import annotations

import struct
import uuid
import zlib
from itertools import pairwise

MIB = 1 << 20
LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
BIOS_BOOT = uuid.UUID("21686148-6449-6e6f-744e-656564454649")


def ext(*, state: int = 1, compatible: int = 4, incompatible: int = 0x2C2, read_only: int = 0, orphan: int = 0) -> bytes:
    block = bytearray(MIB)
    struct.pack_into("<HH", block, 1024 + 0x38, 0xEF53, state)
    struct.pack_into("<III", block, 1024 + 0x5C, compatible, incompatible, read_only)
    struct.pack_into("<I", block, 1024 + 0xE8, orphan)
    return bytes(block)


def fat(bits: int, *, marks: int | None = None, state: int = 0) -> bytes:
    """A FAT file system of 12, 16 or 32 bits; ``marks`` are the second entry's upper two bits (clean, no errors)."""
    clusters = {12: 1000, 16: 5000, 32: 70000}[bits]
    fat_sectors = -(-(clusters + 2) * {12: 2, 16: 2, 32: 4}[bits] // 512)
    sectors = 32 + fat_sectors + clusters + (0 if bits == 32 else 1)
    image = bytearray(sectors * 512)
    image[:3] = b"\xeb\x3c\x90"
    roots, small = (0, 0) if bits == 32 else (16, sectors if sectors < 65536 else 0)
    struct.pack_into("<HBHBHHBH", image, 11, 512, 1, 32, 1, roots, small, 0xF8, 0 if bits == 32 else fat_sectors)
    struct.pack_into("<II", image, 32, 0 if small else sectors, fat_sectors if bits == 32 else 0)
    image[510:512] = b"\x55\xaa"
    image[0x41 if bits == 32 else 0x25] = state
    marks = 3 if marks is None else marks
    if bits == 32:
        struct.pack_into("<II", image, 32 * 512, 0x0FFFFFF8, 0x03FFFFFF | marks << 26)
    else:
        struct.pack_into("<HH", image, 32 * 512, 0xFFF8, 0x3FFF | marks << 14)
    return bytes(image)


def ntfs(*, dirty: bool = False, journal: str = "closed") -> bytes:
    """Boot sector, two records and a journal: closed, open, version 2 or emptied."""
    image = bytearray(4 * MIB)
    image[3:11] = b"NTFS    "
    struct.pack_into("<HB", image, 11, 512, 8)
    struct.pack_into("<Q", image, 48, 4)
    image[64] = 0xF6  # 2^10 bytes a record
    image[510:512] = b"\x55\xaa"
    information = struct.pack("<IIBBHHHIHBx", 0x70, 40, 0, 0, 0, 0, 0, 12, 24, 0) + struct.pack("<8xBBH", 3, 1, int(dirty)) + bytes(4)
    runs = struct.pack("<BBB", 0x11, 4, 100) + bytes(5)
    data = struct.pack("<IIBBHHH", 0x80, 72, 1, 0, 64, 0, 0) + struct.pack("<QQHHI", 0, 3, 64, 0, 0) + bytes(24) + runs
    put(image, 4 * 4096 + 2 * 1024, record(data))
    put(image, 4 * 4096 + 3 * 1024, record(information))
    put(image, 100 * 4096, journal_pages(journal))
    return bytes(image)


def record(attribute: bytes) -> bytes:
    raw = bytearray(1024)
    struct.pack_into("<4sHH", raw, 0, b"FILE", 48, 3)
    struct.pack_into("<H", raw, 20, 56)
    put(raw, 56, attribute + b"\xff\xff\xff\xff")
    return fixed(raw, 48)


def journal_pages(state: str) -> bytes:
    if state == "emptied":
        return b"\xff" * 8192
    pages = b""
    for lsn in (1000, 1001):
        page = bytearray(4096)
        struct.pack_into(
            "<4sHHQIIHhh", page, 0, b"RSTR", 30, 9, 0, 4096, 4096, 64, 0 if state == "version 2" else 1, 2 if state == "version 2" else 1
        )
        in_use, flags = (0, 0) if state == "open" and lsn == 1001 else (0xFFFF, 2)
        struct.pack_into("<QHHHH", page, 64, lsn, 1, 0xFFFF, in_use, flags)
        pages += fixed(page, 30)
    return pages


def fixed(raw: bytearray, at: int) -> bytes:
    """The update sequence: the last two bytes of each 512 go to the array and get the number instead."""
    raw[at : at + 2] = b"\x07\x00"
    for index in range(1, len(raw) // 512 + 1):
        raw[at + 2 * index : at + 2 * index + 2] = raw[512 * index - 2 : 512 * index]
        raw[512 * index - 2 : 512 * index] = b"\x07\x00"
    return bytes(raw)


def put(image: bytearray, at: int, content: bytes) -> None:
    image[at : at + len(content)] = content


def swap(mark: bytes = b"SWAPSPACE2") -> bytes:
    image = bytearray(MIB)
    put(image, 4096 - 10, mark)
    return bytes(image)


def mbr(volumes: list[tuple[int, bytes]], *, logical_from: int | None = None) -> bytes:
    """A disk with one partition a volume, each on a whole mebibyte; from ``logical_from`` on they are logical ones."""
    image = bytearray(MIB)
    entries: list[tuple[int, int, int]] = []
    chain: list[int] = []
    for number, (kind, content) in enumerate(volumes):
        padded = whole(content)
        if logical_from is not None and number >= logical_from:
            head = len(image)
            sector = bytearray(MIB)
            struct.pack_into("<B3xB3xII", sector, 446, 0, kind, 2048, len(padded) // 512)
            sector[510:512] = b"\x55\xaa"
            chain.append(head)
            image += sector
        else:
            entries.append((kind, len(image) // 512, len(padded) // 512))
        image += padded
    if chain:
        entries.append((5, chain[0] // 512, (len(image) - chain[0]) // 512))
        for this, following in pairwise(chain):
            struct.pack_into("<B3xB3xII", image, this + 462, 0, 5, (following - chain[0]) // 512, 1)
    for index, (kind, first, count) in enumerate(entries):
        struct.pack_into("<B3xB3xII", image, 446 + 16 * index, 0, kind, first, count)
    image[510:512] = b"\x55\xaa"
    return bytes(image)


def whole(content: bytes) -> bytes:
    """Padded to whole mebibytes."""
    return content.ljust(-(-len(content) // MIB) * MIB, b"\0")


def gpt(volumes: list[tuple[uuid.UUID, bytes]], *, sector: int = 512) -> bytes:
    image = bytearray(MIB)
    entries = bytearray(128 * 128)
    for index, (kind, content) in enumerate(volumes):
        padded = whole(content)
        first = len(image) // sector
        struct.pack_into("<16s16sQQ", entries, 128 * index, kind.bytes_le, b"\1" * 16, first, first + len(padded) // sector - 1)
        image += padded
    image += bytes(MIB)
    last = len(image) // sector - 1
    backup_entries = last - len(entries) // sector
    put(image, 2 * sector, bytes(entries))
    put(image, backup_entries * sector, bytes(entries))
    put(image, sector, gpt_header(bytes(entries), 1, last, 2))
    put(image, last * sector, gpt_header(bytes(entries), last, 1, backup_entries))
    struct.pack_into("<B3xB3xII", image, 446, 0, 0xEE, 1, min(last, 0xFFFFFFFF))
    image[510:512] = b"\x55\xaa"
    return bytes(image)


def gpt_header(entries: bytes, own: int, other: int, entries_at: int) -> bytes:
    header = bytearray(
        struct.pack(
            "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, own, other, 34, 99, b"\2" * 16, entries_at, 128, 128, zlib.crc32(entries)
        )
    )
    struct.pack_into("<I", header, 16, zlib.crc32(header))
    return bytes(header)
