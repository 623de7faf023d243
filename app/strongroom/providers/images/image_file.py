"""One open file of an image: exact reads, its stamp, and its copy at one instant where the file system can make one."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from strongroom.domain.errors import StrongroomError
from strongroom.providers.errors import DiskUnreadable, MachineInUse, MachineVanished
from strongroom.providers.images import locks
from strongroom.providers.images.filesystem import is_local
from strongroom.providers.images.names import shown
from strongroom.providers.images.stamps import FileStamp

_FICLONE = 0x40049409
# The kernel steps file times by up to 10 ms: a second write in the step of the stamp would leave no trace, so the stamp waits for it to pass.
_TICK_NS = 20_000_000
_TICK_WAITS = 3
_ZEROS = memoryview(bytes(1 << 20))


class ImageFile:
    """A regular file open for reading; never written to, never locked.

    ``stamp`` is taken before the first byte is read, so that everything read later belongs to it as long as ``moved`` says nothing. For that
    to hold against every kind of writer the file must ``settle`` first, which may push pages out and wait; only looking needs no such thing.
    Reads are thread-safe. ``path`` is absolute and not resolved.
    """

    def __init__(self, path: Path, *, settle: bool = False) -> None:
        self.path = path
        self._fd = _open(path)
        self._origin_fd = self._fd
        try:
            facts = os.fstat(self._fd)
            _check_regular(path, facts)
            self.allocated_bytes = facts.st_blocks * 512
            if settle and not self.writer():
                self._settle()
            self.stamp = self._stamp_now()
            self.local = is_local(self._fd)
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def size_bytes(self) -> int:
        return self.stamp.size_bytes

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode: the same for every name and link of the file."""
        return self.stamp.device, self.stamp.inode

    @property
    def name(self) -> str:
        return shown(self.path.name)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from ``offset`` of the file; ``DiskUnreadable`` or, if the file became shorter, ``MachineInUse``."""
        done = self.read_some(offset, view)
        if done < len(view):
            raise self._short(offset + done)

    def read_some(self, offset: int, view: memoryview) -> int:
        """Fill as much of ``view`` as the file has from ``offset``; the number of bytes read."""
        done = 0
        try:
            while done < len(view):
                count = os.preadv(self._fd, [view[done:]], offset + done)
                if count == 0:
                    break
                done += count
        except OSError as error:
            raise DiskUnreadable(f"{self.name} could not be read at byte {offset + done}", cause=error.strerror or str(error)) from error
        return done

    def read_zero_padded(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from ``offset``; what lies beyond the file's end reads as zero, as QEMU reads it."""
        done = self.read_some(offset, view)
        if done < len(view):
            if offset + done < self.size_bytes:
                raise self._short(offset + done)
            fill_zero(view[done:])

    def read(self, offset: int, length: int) -> bytes:
        """At most ``length`` bytes from ``offset``."""
        data = bytearray(length)
        return bytes(data[: self.read_some(offset, memoryview(data))])

    def seek(self, offset: int, whence: int) -> int | None:
        """``lseek`` with SEEK_DATA or SEEK_HOLE; None beyond the last data. Uses no file position, so threads may share it."""
        try:
            return os.lseek(self._fd, offset, whence)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return None
            raise DiskUnreadable(f"The holes of {self.name} could not be found", cause=error.strerror or str(error)) from error

    def writer(self) -> str:
        """Who holds the file for writing, in words; empty if nobody says so."""
        return locks.writer(self._origin_fd)

    def moved(self) -> str:
        """How the file differs from its stamp by now, in words; empty if it does not. ``MachineVanished`` when its name is gone."""
        held = self._stamp_now()
        try:
            named = FileStamp.of(str(self.path), self.path.stat())
        except OSError as error:
            raise MachineVanished(f"{self.name} disappeared while it was read", cause=error.strerror or str(error)) from error
        return self.stamp.difference(named) or self.stamp.difference(held)

    def clone(self) -> bool:
        """Read from a nameless copy that shares the file's blocks from now on, if the file system can make one (reflink)."""
        with suppress(OSError):
            copy = os.open(self.path.parent, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.ioctl(copy, _FICLONE, self._origin_fd)
            except OSError:
                os.close(copy)
                return False
            self._fd = copy
            return True
        return False

    def unclone(self) -> None:
        """Read from the file itself again."""
        if self._fd != self._origin_fd:
            os.close(self._fd)
            self._fd = self._origin_fd

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        if self._origin_fd >= 0:
            self.unclone()
            os.close(self._origin_fd)
            self._fd = self._origin_fd = -1

    def _settle(self) -> None:
        # A program that writes through a memory map changes the file's times only at its first store after the kernel cleaned the page:
        # pushing dirty pages out makes every later store visible in the stamp. Read-only media may refuse, and need not care.
        with suppress(OSError):
            os.fdatasync(self._fd)
        for _ in range(_TICK_WAITS):
            young_ns = time.time_ns() - self._stamp_now().newest_ns
            if not 0 <= young_ns < _TICK_NS:
                break
            time.sleep((_TICK_NS - young_ns) / 1e9)

    def _stamp_now(self) -> FileStamp:
        return FileStamp.of(str(self.path), os.fstat(self._origin_fd))

    def _short(self, offset: int) -> StrongroomError:
        if os.fstat(self._fd).st_size < self.size_bytes:
            return MachineInUse(f"{self.name} became shorter while it was read")
        return DiskUnreadable(f"{self.name} ends before byte {offset}, where data should be", cause="the image is cut off or damaged")


def _check_regular(path: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise DiskUnreadable(f"{shown(str(path))} is not a regular file", action="Put image files, or links to them, in the folder.")


def fill_zero(view: memoryview) -> None:
    """Fill ``view`` with zeros."""
    for start in range(0, len(view), len(_ZEROS)):
        part = view[start : start + len(_ZEROS)]
        part[:] = _ZEROS[: len(part)]


def _open(path: Path) -> int:
    try:
        # O_NONBLOCK: a pipe under an image's name must not hold the job for ever.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise MachineVanished(f"{shown(str(path))} is not there", cause="no such file") from error
    except OSError as error:
        action = "Give the user that runs strongroom permission to read it." if error.errno in (errno.EACCES, errno.EPERM) else ""
        raise DiskUnreadable(f"{shown(str(path))} cannot be opened", cause=error.strerror or str(error), action=action) from error
