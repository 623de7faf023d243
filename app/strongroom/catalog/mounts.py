"""Refuses network file systems: SQLite's write-ahead log needs memory that all processes share, which no network gives."""

from __future__ import annotations

import os
import re
from pathlib import Path

from strongroom.catalog.errors import CatalogOnNetwork

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "gpfs", "glusterfs", "fuse.glusterfs", "fuse.sshfs", "ncpfs", "ocfs2"}
)
MOUNT_TABLE = Path("/proc/self/mountinfo")


def require_local(path: Path, *, mount_table: Path = MOUNT_TABLE) -> None:
    """Raise ``CatalogOnNetwork`` if ``path`` (which need not exist) would lie on a network file system.

    Where no mount table can be read nothing is refused.
    """
    kind = file_system_type(path, mount_table=mount_table)
    if kind in NETWORK_FILE_SYSTEMS:
        raise CatalogOnNetwork(f"The catalog {path} would lie on {kind}", cause="SQLite loses data on network file systems")


def file_system_type(path: Path, *, mount_table: Path = MOUNT_TABLE) -> str:
    """The type of the file system under ``path`` as the kernel names it; "" where it is not known."""
    try:
        lines = mount_table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    resolved = os.path.realpath(path)
    found, kind = "", ""
    for line in lines:
        mount_point, mounted_kind = _mount(line)
        # A later line with the same mount point covers the earlier one.
        if _lies_under(resolved, mount_point) and len(mount_point) >= len(found):
            found, kind = mount_point, mounted_kind
    return kind


def _mount(line: str) -> tuple[str, str]:
    """Mount point and type of one line (proc(5): «id parent dev root point options [tags] - type source options»)."""
    before, _, after = line.partition(" - ")
    mount_point = before.split(" ")[4:5]
    if not mount_point:
        return "", ""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount_point[0]), after.split(" ")[0]


def _lies_under(path: str, mount_point: str) -> bool:
    return bool(mount_point) and (path == mount_point or path.startswith(mount_point.rstrip("/") + "/"))
