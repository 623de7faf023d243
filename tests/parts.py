"""Real parts that a test of the system tier needs: programs of the host, and what the host lets a process do.

A part that is missing skips the test with its reason on a developer's machine and fails it where ``CI`` is set,
so that a pipeline which lost a package cannot stay green.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import NoReturn

import pytest

_DEBIAN_PACKAGES = {
    "qemu-img": "qemu-utils",
    "qemu-io": "qemu-utils",
    "qemu-nbd": "qemu-utils",
    "mke2fs": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "mkfs.fat": "dosfstools",
    "fsck.fat": "dosfstools",
    "mcopy": "mtools",
    "mdir": "mtools",
    "mkntfs": "ntfs-3g",
    "ntfsfix": "ntfs-3g",
    "ntfscp": "ntfs-3g",
    "sfdisk": "fdisk",
    "mkswap": "util-linux",
    "mkfs.xfs": "xfsprogs",
    "restic": "restic",
    "borg": "borgbackup",
    "zstd": "zstd",
    "tmux": "tmux",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "git": "git",
}
_ADMIN_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))


def find_program(name: str) -> str | None:
    """The program's path, administrators' folders included, or None."""
    return shutil.which(name, path=_ADMIN_PATH)


def require_part(name: str) -> str:
    """A program's path, or ``"root"`` when the process is root; ends the test if the part is missing, as the module says."""
    if name == "root":
        if os.geteuid() == 0:
            return name
        _missing("this test needs root")
    path = find_program(name)
    if path is None:
        _missing(f"{name} is not installed (Debian: apt-get install {_DEBIAN_PACKAGES.get(name, name)})")
    return path


def require(condition: Callable[[], bool], reason: str) -> None:
    """The same for anything else, such as a loop device: ``require(can_loop_mount, "loop devices cannot be made here")``."""
    if not condition():
        _missing(reason)


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI must have it", pytrace=False)
    pytest.skip(reason)
