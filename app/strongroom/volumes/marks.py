"""Contents known by a mark at a fixed place: recognised and named, but nothing in them is proved."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.volumes.finding import Finding
from strongroom.volumes.window import Window

_NOT_LOOKED_INTO = "what is inside of it is not looked into"
_NO_PROOF = "its clean state is not read"
_MARKS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"LUKS\xba\xbe", "LUKS", _NOT_LOOKED_INTO),
    (0, b"XFSB", "XFS", _NO_PROOF),
    (65536 + 64, b"_BHRfS_M", "btrfs", _NO_PROOF),
    (3, b"-FVE-FS-", "BitLocker", _NOT_LOOKED_INTO),
    (3, b"EXFAT   ", "exFAT", _NO_PROOF),
    (3, b"ReFS\0\0\0\0", "ReFS", _NO_PROOF),
    (1024, b"\x10\x20\xf5\xf2", "F2FS", _NO_PROOF),
    (4096 + 24, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", "bcachefs", _NO_PROOF),
    (0, b"\xfc\x4e\x2b\xa9", "Linux RAID", _NOT_LOOKED_INTO),
    (4096, b"\xfc\x4e\x2b\xa9", "Linux RAID", _NOT_LOOKED_INTO),
    (32, b"NXSB", "APFS", _NO_PROOF),
    (1024, b"H+\0\x04", "HFS+", _NO_PROOF),
    (32769, b"CD001", "ISO 9660", _NO_PROOF),
    (0, b"hsqs", "squashfs", _NO_PROOF),
)
_LVM_SECTORS = 4
_ZFS_MAGIC = (0x00BAB10C).to_bytes(8, "little"), (0x00BAB10C).to_bytes(8, "big")
_ZFS_RING_AT, _ZFS_RING_BYTES = 128 << 10, 128 << 10
_PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)
_SWAP_MARKS = (b"SWAPSPACE2", b"SWAP-SPACE")
_HIBERNATED = (b"S1SUSPEND", b"S2SUSPEND", b"LINHIB0001", b"ULSUSPEND")


def look(volume: Window) -> Iterator[Finding]:
    """Every known mark that the volume bears; more than one is possible, where something old was not wiped."""
    for place, mark, kind, reason in _MARKS:
        if volume.bytes_at(place, len(mark)) == mark:
            yield Finding(kind, None, reason)
    if _is_lvm(volume):
        yield Finding("LVM", None, _NOT_LOOKED_INTO)
    if _is_zfs(volume):
        yield Finding("ZFS", None, _NO_PROOF)
    yield from _swap(volume)


def _is_lvm(volume: Window) -> bool:
    sectors = (volume.bytes_at(512 * number, 32) for number in range(_LVM_SECTORS))
    return any(sector[:8] == b"LABELONE" and sector[24:32] == b"LVM2 001" for sector in sectors)


def _is_zfs(volume: Window) -> bool:
    ring = volume.bytes_at(_ZFS_RING_AT, _ZFS_RING_BYTES)
    return any(ring[place : place + 8] in _ZFS_MAGIC for place in range(0, len(ring), 1024))


def _swap(volume: Window) -> Iterator[Finding]:
    for page_bytes in _PAGE_SIZES:
        mark = volume.bytes_at(page_bytes - 10, 10)
        if mark in _SWAP_MARKS:
            yield Finding("swap", True, "swap needs no proof", ignored=True)
        elif mark.startswith(_HIBERNATED):
            yield Finding("swap", False, "it holds a hibernated system, whose file systems are still in use")
