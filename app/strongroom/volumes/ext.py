"""ext2, ext3 and ext4: the super block says whether the last mount ended well (Linux ``Documentation/filesystems/ext4``)."""

from __future__ import annotations

import struct

from strongroom.volumes.finding import Finding
from strongroom.volumes.window import Window

_SUPER_BLOCK_AT = 1024
_MAGIC = 0xEF53
_MAGIC_AT, _STATE_AT, _COMPATIBLE_AT, _INCOMPATIBLE_AT, _LAST_ORPHAN_AT = 0x38, 0x3A, 0x5C, 0x60, 0xE8
_READ_ONLY_COMPATIBLE_AT = 0x64
_CLEAN, _ERRORS, _ORPHANS = 1, 2, 4
_HAS_JOURNAL = 0x4
_NEEDS_RECOVERY, _JOURNAL_DEVICE = 0x4, 0x8
_EXT4_FEATURES = 0x40 | 0x80 | 0x200  # extents, 64-bit, flexible block groups
_ORPHAN_FILE_IN_USE = 0x10000


def look(volume: Window) -> Finding | None:
    """Clean means: unmounted, no journal to replay, no orphans to remove, no error seen."""
    block = volume.bytes_at(_SUPER_BLOCK_AT, 1024)
    magic, state = struct.unpack_from("<HH", block, _MAGIC_AT)
    if magic != _MAGIC:
        return None
    compatible, incompatible, read_only_compatible = struct.unpack_from("<III", block, _COMPATIBLE_AT)
    orphan = struct.unpack_from("<I", block, _LAST_ORPHAN_AT)[0]
    if incompatible & _JOURNAL_DEVICE:
        return Finding("ext journal", None, "it is the journal of a file system elsewhere")
    kind = "ext4" if incompatible & _EXT4_FEATURES else "ext3" if compatible & _HAS_JOURNAL else "ext2"
    if incompatible & _NEEDS_RECOVERY:
        return Finding(kind, False, "its journal must be replayed: it was not unmounted")
    if state & _ERRORS:
        return Finding(kind, False, "it noted errors")
    if not state & _CLEAN:
        return Finding(kind, False, "it was not unmounted")
    if state & _ORPHANS or orphan or read_only_compatible & _ORPHAN_FILE_IN_USE:
        return Finding(kind, False, "files deleted while open wait to be removed")
    return Finding(kind, True, "it was unmounted cleanly")
