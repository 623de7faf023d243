"""Sees who writes to an image, without ever taking a lock.

QEMU tells other programs what it does with an image through shared record locks on single bytes (``block/file-posix.c``): a read lock on
byte 100 + n says «I use permission n». Asking whether a *write* lock on that byte could be had (F_OFD_GETLK) reveals the holder and
changes nothing, so QEMU never notices. Other programs take ordinary write locks; asking for a read lock on the whole file shows those.
"""

from __future__ import annotations

import fcntl
import os
import struct

_QEMU_PERMISSIONS_BASE = 100
# Bits of QEMU's permission set that mean a writer: write, write-unchanged (block jobs) and resize.
_QEMU_WRITER_BITS = {1: "write", 2: "block-job write", 3: "resize"}
# struct flock with 64-bit offsets: type, whence, (padding), start, length, pid, (padding).
_FLOCK = struct.Struct("@hhqqi4x")


def writer(fd: int) -> str:
    """Who holds the open file ``fd`` for writing, in words; empty if nobody says so. Takes and breaks no lock.

    A read lock over the whole file would hide QEMU's, so it counts as a writer too.
    """
    holder = _could_not_lock(fd, fcntl.F_RDLCK, 0, 0)
    if holder is not None:
        return f"process {holder} holds a write lock on it" if holder > 0 else "another program holds a write lock on it"
    for bit, permission in _QEMU_WRITER_BITS.items():
        if _could_not_lock(fd, fcntl.F_WRLCK, _QEMU_PERMISSIONS_BASE + bit, 1) is not None:
            return f"QEMU holds it open with {permission} permission"
    return ""


def _could_not_lock(fd: int, kind: int, start: int, length: int) -> int | None:
    """The process whose lock stands in the way (-1: an open file description's, 0: one we cannot see), or None if none does."""
    wanted = _FLOCK.pack(kind, os.SEEK_SET, start, length, 0)
    try:
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, wanted)
    except OSError:
        return None  # a file system without locks: nobody can hold one
    found, _, _, _, pid = _FLOCK.unpack(answer)
    return None if found == fcntl.F_UNLCK else int(pid)
