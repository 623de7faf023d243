"""Remembers, in the source's folder, builds that lie elsewhere, so that ``tidy`` finds them after a crash."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from strongroom.providers.images.names import BUILD_PREFIX, job_id_of

_SUFFIX = ".away"


@contextmanager
def noted(source: Path, build: Path) -> Iterator[None]:
    """Keep a note of ``build`` while the block runs, if it lies outside of ``source``.

    A source that cannot be written to (read-only media) keeps no note: then a crash leaves the hidden folder to the operator.
    """
    if build.is_relative_to(source):
        yield
        return
    note = source / f"{build.name}{_SUFFIX}"
    with suppress(OSError):
        note.write_bytes(os.fsencode(build))
    try:
        yield
    finally:
        with suppress(OSError):
            note.unlink()


def builds_elsewhere(source: Path) -> Iterator[tuple[Path, Path]]:
    """Every note in ``source`` with the build folder that it names; a note that names anything else is passed by."""
    for note in sorted(source.glob(f"{BUILD_PREFIX}*{_SUFFIX}")):
        with suppress(OSError, ValueError):
            build = Path(os.fsdecode(note.read_bytes()))
            if build.is_absolute() and f"{build.name}{_SUFFIX}" == note.name and job_id_of(build.name):
                yield note, build
