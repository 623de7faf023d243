"""Which process on which host: enough to be sure, later and elsewhere on that host, that it is dead."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def this_host() -> dict[str, Any]:
    """What a session or a collection says of its process: host, boot, pid name space, pid and the process's start."""
    pid = os.getpid()
    return {
        "name": socket.gethostname(),
        "machine": _line("/etc/machine-id"),
        "boot_id": _line("/proc/sys/kernel/random/boot_id"),
        "pid_space": _pid_space(),
        "pid": pid,
        "started": _start_of(pid),
    }


def is_surely_dead(host: Mapping[str, Any]) -> bool:
    """Whether that process has ended beyond doubt. False where this host cannot know: another host, another container."""
    here = this_host()
    if not host.get("boot_id") or (host.get("name"), host.get("machine")) != (here["name"], here["machine"]):
        return False
    if host["boot_id"] != here["boot_id"]:
        return True  # the machine was started anew since
    if host.get("pid_space") != here["pid_space"]:
        return False
    return _start_of(int(host.get("pid", 0))) != host.get("started")


def _line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _pid_space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """The process's start in clock ticks since boot, which tells a reused pid; empty if there is none (or it is a zombie)."""
    fields = _line(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return "" if not fields or fields[0] in "ZX" else fields[19]
