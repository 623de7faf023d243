"""Which file system a file lies on: only a local one keeps honest times."""

from __future__ import annotations

import os
import re
from pathlib import Path

# Local file systems that set ctime on every write and keep inode numbers. Network and FUSE file systems answer from caches; FAT has no ctime.
LOCAL = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs", "tmpfs", "overlay"})

_MOUNT_ID = re.compile(r"^mnt_id:\s*(\d+)$", re.MULTILINE)


def file_system_type(fd: int) -> str:
    """The type of the file system that holds the open file ``fd`` («ext4»); empty if the kernel does not tell."""
    try:
        found = _MOUNT_ID.search(Path(f"/proc/self/fdinfo/{fd}").read_text())
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:
        return ""
    if found is None:
        return ""
    for line in mounts.splitlines():
        if line.split(" ", 1)[0] == found[1]:
            # Optional fields end with a lone dash; the type follows it.
            return line.partition(" - ")[2].split(" ", 1)[0]
    return ""


def is_local(fd: int) -> bool:
    """Whether times and inode numbers of ``fd`` can be taken as proof that nobody wrote."""
    return file_system_type(fd) in LOCAL


def sync_folder(folder: Path) -> None:
    """Make names made, renamed or removed in ``folder`` survive a loss of power."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
