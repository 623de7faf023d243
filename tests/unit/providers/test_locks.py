"""Writers are seen through their locks, and no lock is ever taken (A12)."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.providers.images.locks import writer

FLOCK = struct.Struct("@hhqqi4x")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(bytes(1000))
    return path


@pytest.fixture
def reader(image: Path) -> Iterator[int]:
    fd = os.open(image, os.O_RDONLY)
    yield fd
    os.close(fd)


@pytest.fixture
def other(image: Path) -> Iterator[int]:
    """Another program's open file: open-file locks belong to the description, so one process can play both."""
    fd = os.open(image, os.O_RDWR)
    yield fd
    os.close(fd)


def hold(fd: int, kind: int, start: int, length: int) -> None:
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, FLOCK.pack(kind, os.SEEK_SET, start, length, 0))


@pytest.mark.parametrize(("byte", "word"), [(101, "write"), (102, "block-job"), (103, "resize")])
def test_qemus_permission_bytes_say_that_it_writes(reader: int, other: int, byte: int, word: str) -> None:
    """A12: QEMU holds a read lock on the byte of each permission that it uses."""
    assert writer(reader) == ""
    hold(other, fcntl.F_RDLCK, byte, 1)
    assert "QEMU" in writer(reader)
    assert word in writer(reader)
    hold(other, fcntl.F_UNLCK, byte, 1)
    assert writer(reader) == ""


@pytest.mark.parametrize("byte", [100, 200, 201, 202, 203])
def test_a_qemu_that_only_reads_is_no_writer(reader: int, other: int, byte: int) -> None:
    """A12: reading, and forbidding things to others, writes nothing."""
    hold(other, fcntl.F_RDLCK, byte, 1)
    assert writer(reader) == ""


def test_an_ordinary_write_lock_is_seen_wherever_it_is(reader: int, other: int) -> None:
    """A12"""
    hold(other, fcntl.F_WRLCK, 1 << 40, 10)
    assert "write lock" in writer(reader)


def test_a_posix_lock_names_its_process(reader: int, image: Path) -> None:
    """A12: also locks of programs that know nothing of open-file locks."""
    told, tell = os.pipe()
    done, finish = os.pipe()
    child = os.fork()
    if child == 0:  # nothing of the test runner may run in here
        fd = os.open(image, os.O_RDWR)
        fcntl.lockf(fd, fcntl.LOCK_EX)
        os.write(tell, b"x")
        os.read(done, 1)
        os._exit(0)
    os.read(told, 1)
    seen = writer(reader)
    os.write(finish, b"x")
    os.waitpid(child, 0)
    for fd in (told, tell, done, finish):
        os.close(fd)
    assert f"process {child}" in seen


def test_looking_takes_and_breaks_no_lock(reader: int, other: int, image: Path) -> None:
    """A12: QEMU must never be disturbed: whoever wants an exclusive lock while we look gets it."""
    writer(reader)
    hold(other, fcntl.F_WRLCK, 0, 0)
    writer(reader)
    third = os.open(image, os.O_RDWR)
    with pytest.raises(BlockingIOError):
        hold(third, fcntl.F_WRLCK, 0, 0)
    os.close(third)
