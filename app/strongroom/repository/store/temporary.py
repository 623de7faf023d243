"""Files under construction: written and synced under a name that nobody reads, held by ``flock`` as long as their writer lives."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from strongroom.repository.store.base import Buffer
from strongroom.repository.store.files import Files


@contextmanager
def temporary_file(files: Files, folder: Path, buffers: Sequence[Buffer]) -> Iterator[Path]:
    """A synced file with these bytes in ``folder``; the name is gone afterwards whatever happens."""
    path = folder / f"{os.getpid()}-{secrets.token_hex(8)}"
    descriptor = files.create(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for buffer in buffers:
            files.write(descriptor, buffer)
        files.sync(descriptor)
        yield path
    finally:
        with suppress(OSError):
            files.unlink(path)
        files.close(descriptor)


def remove_if_stale(path: Path) -> bool:
    """Remove a temporary file whose writer is dead: whoever can lock it is alone with it. No clock is asked."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
