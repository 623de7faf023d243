"""Who owns a lease: a process, named so that another process on the same host can tell whether it still lives."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from strongroom.repository.host import is_surely_dead, this_host

_PARTS = 4


class Life(StrEnum):
    """What can be known of a process from here."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"  # another host, or another container on this one


def this_owner() -> str:
    """This process as ``host:boot:pid:start``; the boot carries the pid name space, for containers share a boot but not their pids."""
    here = this_host()
    return f"{here['name']}:{_boot(here)}:{here['pid']}:{here['started']}"


def life_of(owner: str) -> Life:
    """Whether the process that ``this_owner`` named lives, judged without any clock."""
    here = this_host()
    parts = owner.rsplit(":", _PARTS - 1)
    if len(parts) != _PARTS or not parts[2].isdecimal():
        return Life.UNKNOWN
    name, boot, pid, started = parts
    same_space = boot.rpartition("/")[2] == _boot(here).rpartition("/")[2]
    process = {"name": name, "boot_id": boot.partition("/")[0], "pid": int(pid), "started": started}
    if is_surely_dead({**here, **process, "pid_space": here["pid_space"] if same_space else ""}):
        return Life.DEAD
    return Life.ALIVE if (name, boot) == (here["name"], _boot(here)) and here["boot_id"] else Life.UNKNOWN


def _boot(host: Mapping[str, Any]) -> str:
    """The boot and the name space in it, as one word without a colon."""
    pid_space = "".join(character for character in str(host["pid_space"]) if character.isdigit())
    return f"{host['boot_id']}/{pid_space}"
