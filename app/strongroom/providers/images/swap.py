"""Moves restored files into a folder that stands already: all of them or none, whatever interrupts it.

A journal in the build folder is the point of no return. Before it exists, a crash leaves everything old, and ``tidy`` removes the build
folder. Once it exists, every step is repeatable and ``tidy`` goes through to the end: everything new, the old files kept aside.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from strongroom.providers.errors import TargetExists
from strongroom.providers.images.filesystem import sync_folder
from strongroom.providers.images.names import BUILD_PREFIX, shown

JOURNAL = "swap.json"
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK})


def write_journal(build: Path, *, place: Iterable[str], keep: Iterable[str], kept_name: str) -> None:
    """Decide the swap, durably. Every file to place is durable in ``build`` already; ``TargetExists`` if a name was taken meanwhile."""
    place, keep = list(place), list(keep)
    for name in place:
        if name not in keep and os.path.lexists(build.parent / name):
            raise TargetExists(f"{shown(str(build.parent / name))} is there already")
    sync_folder(build)
    draft = build / f"{JOURNAL}.new"
    with draft.open("w", encoding="utf-8") as file:
        json.dump({"place": place, "keep": keep, "kept_name": kept_name}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(build / JOURNAL)
    sync_folder(build)


def is_decided(build: Path) -> bool:
    """Whether the swap of this build folder passed the point of no return."""
    return (build / JOURNAL).exists()


def is_unfinished(folder: Path, file_name: str = "") -> bool:
    """Whether a swap in ``folder`` was decided and did not end: its files are of two moments. ``file_name`` asks for one file alone."""
    decided = (build for build in folder.glob(f"{BUILD_PREFIX}*") if is_decided(build))
    return any(not file_name or file_name in _read(build)["place"] for build in decided)


def carry_out(build: Path) -> None:
    """Go through the journal to the end, from wherever it stopped, then remove the build folder."""
    steps = _read(build)
    folder = build.parent
    if steps["keep"]:
        _keep_aside(build, folder / steps["kept_name"], steps["keep"])
    for name in steps["place"]:
        if (build / name).exists():
            _place(build / name, folder / name)
    sync_folder(folder)
    shutil.rmtree(build)
    sync_folder(folder)


def _read(build: Path) -> dict[str, Any]:
    steps: dict[str, Any] = json.loads((build / JOURNAL).read_text(encoding="utf-8"))
    return steps


def _keep_aside(build: Path, kept: Path, names: Iterable[str]) -> None:
    kept.mkdir(exist_ok=True)
    for name in names:
        old = build.parent / name
        if os.path.lexists(old) and not os.path.lexists(kept / name):
            _same_rights(old, build / name)
            old.rename(kept / name)
    sync_folder(kept)
    sync_folder(build.parent)


def _same_rights(old: Path, new: Path) -> None:
    """The new file gets the owner and the permissions of the one that it replaces, so that the hypervisor can open it."""
    with suppress(OSError):
        facts = old.stat()
        new.chmod(facts.st_mode & 0o7777)
        os.chown(new, facts.st_uid, facts.st_gid)


def _place(new: Path, final: Path) -> None:
    try:
        os.link(new, final)
    except FileExistsError as error:
        if not new.samefile(final):
            raise TargetExists(f"{shown(str(final))} is there already", action="Move it away, then discover the source again.") from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        new.rename(final)
        return
    new.unlink()
