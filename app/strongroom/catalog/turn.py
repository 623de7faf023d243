"""Writers take turns: whoever waits longest in SQLite is not overtaken by a process that writes without a pause.

SQLite's own waiting is a poll with growing sleeps, so that a busy writer could starve the others until their timeout. Here a writer
holds a small lock file only while it waits for SQLite's write lock; the one that has just written must pass the same gate again.
The system drops the lock with its process. It is no part of the data's safety: a program that ignores it is merely rude.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.catalog.errors import CatalogBusy, CatalogUnreadable

FIRST_PAUSE_SECONDS = 0.0005
LONGEST_PAUSE_SECONDS = 0.005


def gate_of(path: Path) -> Path:
    """The lock file beside the catalog at ``path``."""
    return path.with_name(f"{path.name}-turn")


@contextmanager
def turn(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Be the only one that waits for the write lock of the catalog at ``path``; threads count as strangers to each other.

    Raises ``CatalogBusy`` when it is not our turn within the timeout, ``CatalogUnreadable`` where the folder cannot be written.
    """
    try:
        descriptor = os.open(gate_of(path), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CatalogUnreadable(f"The catalog {path} cannot be written", cause=str(error)) from error
    try:
        _wait(path, descriptor, timeout_seconds)
        yield
    finally:
        os.close(descriptor)


def _wait(path: Path, descriptor: int, timeout_seconds: float) -> None:
    deadline, pause_seconds = time.monotonic() + timeout_seconds, FIRST_PAUSE_SECONDS
    while not _passed(descriptor):
        if time.monotonic() > deadline:
            raise CatalogBusy(f"The catalog {path} is locked", cause=f"other writers kept it for {timeout_seconds:g} s")
        time.sleep(pause_seconds)
        pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)


def _passed(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
