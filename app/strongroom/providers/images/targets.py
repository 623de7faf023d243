"""Disks being restored: raw files with holes, or qcow2 files that hold only what was written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from strongroom.providers.errors import TargetFull, TargetUnwritable
from strongroom.providers.images.names import shown

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Target(Protocol):
    """A disk target that knows how to end."""

    @property
    def path(self) -> Path: ...

    def write(self, offset: int, view: memoryview) -> None: ...

    def finish(self) -> None:
        """Write what is missing and make the file durable; nothing may be written after it."""
        ...

    def close(self) -> None:
        """Give the file up or, after ``finish``, back; harmless when repeated."""
        ...


class NewFile:
    """A file under construction. Writes are thread-safe for ranges that do not overlap; no room is ``TargetFull``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = self._guarded(lambda: os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def resize(self, size_bytes: int) -> None:
        self._guarded(lambda: os.ftruncate(self._fd, size_bytes))

    def write(self, offset: int, view: memoryview) -> None:
        """All of ``view``, straight from the caller's memory."""
        flat = view.cast("B")
        done = 0
        while done < len(flat):
            done += self._guarded(lambda: os.pwrite(self._fd, flat[done:], offset + done))  # noqa: B023  called at once

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, length, offset)

    def sync(self) -> None:
        self._guarded(lambda: os.fsync(self._fd))

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _guarded(self, call: Callable[[], int | None]) -> int:
        with writing(self.path):
            return call() or 0


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's errors while ``path`` is made into ``TargetFull`` or ``TargetUnwritable``."""
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        if error.errno in _FULL:
            action = "Free space there, or restore to another folder."
            raise TargetFull(f"There is no room for {shown(str(path))}", cause=cause, action=action) from error
        raise TargetUnwritable(f"{shown(str(path))} cannot be written", cause=cause) from error


class RawTarget:
    """A raw image; what is not written stays a hole."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self._file = NewFile(path)
        self._size_bytes = size_bytes
        self._file.resize(size_bytes)

    def write(self, offset: int, view: memoryview) -> None:
        check_range(offset, len(view), self._size_bytes)
        self._file.write(offset, view)

    def finish(self) -> None:
        self._file.sync()

    def close(self) -> None:
        self._file.close()


def check_range(offset: int, length: int, size_bytes: int) -> None:
    """A write outside of the disk is the caller's fault, and would silently grow a file."""
    if offset < 0 or offset + length > size_bytes:
        raise ValueError(f"write of {offset}+{length} outside of a disk of {size_bytes} bytes")
