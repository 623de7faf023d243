"""FAT16 and FAT32: two flags say whether the last mount ended well (Microsoft's FAT specification). FAT12 has none."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from strongroom.volumes.finding import Finding
from strongroom.volumes.window import Window

_SECTOR_SIZES = frozenset({512, 1024, 2048, 4096})
_LEAST_MEDIA = 0xF0
_JUMPS = frozenset({0xEB, 0xE9})
_MAX_FAT12_CLUSTERS, _MAX_FAT16_CLUSTERS = 4085, 65525
_DIRENT_BYTES = 32
_DIRTY, _SURFACE_ERRORS = 1, 2
_FAT16_STATE_AT, _FAT32_STATE_AT = 0x25, 0x41


@dataclass(frozen=True, slots=True)
class _Geometry:
    sector_bytes: int
    reserved_sectors: int
    clusters: int


def look(volume: Window) -> Finding | None:
    """Clean means: the mark that a mount clears in the table is set, and the mark that it sets in the boot sector is not."""
    boot = volume.bytes_at(0, 512)
    geometry = _geometry(boot, volume.size_bytes)
    if geometry is None:
        return None
    if geometry.clusters < _MAX_FAT12_CLUSTERS:
        return Finding("FAT12", None, "FAT12 keeps no mark of a clean end")
    fat32 = geometry.clusters >= _MAX_FAT16_CLUSTERS
    kind, width, state_at = ("FAT32", 4, _FAT32_STATE_AT) if fat32 else ("FAT16", 2, _FAT16_STATE_AT)
    entry = volume.bytes_at(geometry.reserved_sectors * geometry.sector_bytes + width, width)
    marks = int.from_bytes(entry, "little") >> (26 if fat32 else 14)
    if not marks & 2 or boot[state_at] & _DIRTY:
        return Finding(kind, False, "it was not unmounted")
    if not marks & 1 or boot[state_at] & _SURFACE_ERRORS:
        return Finding(kind, False, "it noted errors")
    return Finding(kind, True, "it was unmounted cleanly")


def _geometry(boot: bytes, size_bytes: int) -> _Geometry | None:
    """The sizes from the boot sector, or None if they cannot be those of a FAT file system."""
    sector, cluster, reserved, fats, roots, small, media, fat16 = struct.unpack_from("<HBHBHHBH", boot, 11)
    large, fat32 = struct.unpack_from("<I", boot, 32)[0], struct.unpack_from("<I", boot, 36)[0]
    plausible = (
        boot[0] in _JUMPS
        and sector in _SECTOR_SIZES
        and cluster
        and not cluster & (cluster - 1)
        and reserved
        and fats in (1, 2)
        and media >= _LEAST_MEDIA
    )
    sectors, fat = small or large, fat16 or fat32
    if not plausible or not sectors or not fat or sectors * sector > size_bytes:
        return None
    data = sectors - reserved - fats * fat - -(-roots * _DIRENT_BYTES // sector)
    return _Geometry(sector, reserved, data // cluster) if data > 0 else None
