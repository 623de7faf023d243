"""Removes what crashed restores left, by name; a swap that was decided is brought to its end instead."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from strongroom.domain.errors import StrongroomError
from strongroom.providers.images import swap
from strongroom.providers.images.away import builds_elsewhere
from strongroom.providers.images.names import BUILD_PREFIX, job_id_of, shown

_DEPTH = 3  # the source, its cloud services, their machines


def tidy(source: Path, is_live: Callable[[str], bool]) -> list[str]:
    """Settle every build folder whose job is not live; what was done, or could not be, in words. Files kept aside are never touched."""
    done = [_settled(build) for build in _builds(source, _DEPTH) if not _belongs_to_live(build, is_live)]
    for note, build in builds_elsewhere(source):
        if not _belongs_to_live(build, is_live):
            if build.is_dir():
                done.append(_settled(build))
            note.unlink(missing_ok=True)
    return done


def _belongs_to_live(build: Path, is_live: Callable[[str], bool]) -> bool:
    job_id = job_id_of(build.name)
    return job_id is None or is_live(job_id)


def _settled(build: Path) -> str:
    try:
        if swap.is_decided(build):
            swap.carry_out(build)
            return f"finished the restore in {shown(str(build.parent))} that was interrupted ({build.name})"
        shutil.rmtree(build)
    except (OSError, StrongroomError) as error:
        return f"could not remove {shown(str(build))}: {error}"
    return f"removed {shown(str(build))}"


def _builds(folder: Path, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as found:
            names = sorted(entry.name for entry in found if entry.is_dir(follow_symlinks=False))
    except OSError:
        return  # nothing of ours can be in a folder that we cannot list
    for name in names:
        if name.startswith(BUILD_PREFIX):
            yield folder / name
        elif depth > 1:
            yield from _builds(folder / name, depth - 1)
