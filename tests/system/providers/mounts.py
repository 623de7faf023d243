"""Small real file systems for tests, made in a file and mounted as root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.parts import require, require_part


def run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


@contextmanager
def mounted(place: Path, *words: object) -> Iterator[Path]:
    """``mount WORDS place`` for a while."""
    require_part("root")
    place.mkdir(exist_ok=True)
    run("mount", *words, place)
    try:
        yield place
    finally:
        run("umount", place)


@cache
def can_loop_mount() -> bool:
    return Path("/dev/loop-control").exists() and subprocess.run(["losetup", "-f"], capture_output=True, check=False).returncode == 0


@contextmanager
def loop_mounted(image: Path, place: Path, *options: str) -> Iterator[Path]:
    require(can_loop_mount, "loop devices cannot be made here")
    with mounted(place, "-o", ",".join(("loop", *options)), image) as folder:
        yield folder
