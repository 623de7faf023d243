"""The dozen system calls a local store is made of, in one place, so that a test can stand between it and the disk.

The order in which ``local`` makes these calls is the whole of its durability; ``strongroom.testing.stores`` replaces this class by one
that forgets whatever was not synced.
"""

from __future__ import annotations

import os
from pathlib import Path

from strongroom.repository.store.base import Buffer


class Files:
    """File system calls, unchanged; every error is the ``OSError`` of the call."""

    def create(self, path: Path) -> int:
        """A descriptor of a new file; ``FileExistsError`` if the name is taken."""
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def write(self, descriptor: int, data: Buffer) -> None:
        """All bytes of ``data`` at the descriptor's place."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            done += os.write(descriptor, view[done:])

    def sync(self, descriptor: int) -> None:
        """The file's bytes are on the medium when this returns."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def link(self, source: Path, target: Path) -> None:
        """A second name; ``FileExistsError`` if it is taken: this is what makes publishing atomic and never replacing."""
        os.link(source, target)

    def replace(self, source: Path, target: Path) -> None:
        source.replace(target)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def make_folder(self, path: Path) -> None:
        """One folder; ``FileExistsError`` if it is there."""
        path.mkdir(mode=0o700)

    def sync_folder(self, path: Path) -> None:
        """The folder's names are on the medium when this returns."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class UnsyncedFiles(Files):
    """The same without any sync: for tests and throw-away labs, where loss of power is of no interest."""

    def sync(self, descriptor: int) -> None:
        """Promise nothing."""

    def sync_folder(self, path: Path) -> None:
        """Promise nothing."""
