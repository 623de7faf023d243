"""A read that mixes moments is no recovery point (A12)."""

from __future__ import annotations

import fcntl
import mmap
import os
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.domain.plan import DiskPlan, MachinePlan
from strongroom.domain.states import PowerState, ReadMode
from strongroom.providers.errors import DiskUnreadable, MachineInUse, MachineVanished
from strongroom.providers.images import image_file
from strongroom.providers.images.provider import ImagesProvider
from strongroom.testing.provider_suite import read_whole
from tests.contract.providers.machines import MIB, patchwork, write_machine

FLOCK = struct.Struct("@hhqqi4x")
CONTENT = patchwork(2 * MIB, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_machine(tmp_path / "vm" / "m", {"disk.raw": CONTENT})
    return tmp_path / "vm" / "m"


@pytest.fixture
def provider(folder: Path) -> ImagesProvider:
    return ImagesProvider(folder.parent, "Frankfurt")


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"grown")


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"x")


def write_and_hide(path: Path) -> None:
    """A write whose mtime is set back: ctime tells."""
    facts = path.stat()
    rewrite(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def replace_file(path: Path) -> None:
    path.with_suffix(".new").write_bytes(path.read_bytes())
    path.with_suffix(".new").rename(path)


def write_through_memory(path: Path) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[100] = 7


@pytest.mark.parametrize("change", [append, rewrite, write_and_hide, replace_file, write_through_memory])
def test_a_change_during_the_read_is_refused_with_the_right_source(
    provider: ImagesProvider, folder: Path, change: Callable[[Path], None]
) -> None:
    """A12: growing, written, hidden, replaced, mapped."""
    with provider.begin(str(folder), MachinePlan({}), "j") as session:
        change(folder / "disk.raw")
        with pytest.raises(MachineInUse) as caught:
            session.confirm()
    assert "qemu:///system" in caught.value.action
    assert caught.value.retryable


def test_a_store_through_a_mapping_made_earlier_is_seen(provider: ImagesProvider, folder: Path) -> None:
    """A12: a mapped page that is dirty already would take further stores without a new time, were it not pushed out first."""
    with (folder / "disk.raw").open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[100] = 7
        with provider.begin(str(folder), MachinePlan({}), "j") as session:
            memory[101] = 8
            with pytest.raises(MachineInUse):
                session.confirm()


def test_an_image_that_vanishes_mid_read_has_vanished(provider: ImagesProvider, folder: Path) -> None:
    """A12, A19"""
    with provider.begin(str(folder), MachinePlan({}), "j") as session:
        shutil.rmtree(folder)
        assert read_whole(session.disks[0]) == CONTENT
        with pytest.raises(MachineVanished, match="disappeared"):
            session.confirm()


def test_an_image_that_shrinks_mid_read_is_in_use(provider: ImagesProvider, folder: Path) -> None:
    """A12: what is cut off may read as zeros, but it is never confirmed."""
    with provider.begin(str(folder), MachinePlan({}), "j") as session:
        os.truncate(folder / "disk.raw", MIB)
        read_whole(session.disks[0], tolerant=True)
        with pytest.raises(MachineInUse, match="being written"):
            session.confirm()
    file = image_file.ImageFile(folder / "disk.raw")
    os.truncate(folder / "disk.raw", 100)
    with pytest.raises(MachineInUse, match="shorter"):
        file.read_into(0, memoryview(bytearray(200)))
    file.close()


def test_a_writer_at_the_start_or_at_the_end_is_refused(provider: ImagesProvider, folder: Path) -> None:
    """A12: QEMU's lock is looked at before and after."""
    lock = FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 101, 1, 0)
    fd = os.open(folder / "disk.raw", os.O_RDWR)
    try:
        with provider.begin(str(folder), MachinePlan({}), "j") as session:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, lock)
            with pytest.raises(MachineInUse, match="being written"):
                session.confirm()
        with pytest.raises(MachineInUse, match="being written"), provider.begin(str(folder), MachinePlan({}), "j"):
            pass
        assert provider.describe(str(folder)).power is PowerState.RUNNING
    finally:
        os.close(fd)
    assert provider.describe(str(folder)).power is PowerState.OFF


def test_only_reading_it_disturbs_nobody(provider: ImagesProvider, folder: Path) -> None:
    """A12: another reader, and a changed access time, are no writers."""
    with provider.begin(str(folder), MachinePlan({}), "j") as session:
        (folder / "disk.raw").read_bytes()
        os.utime(folder, None)
        session.confirm()


def test_an_excluded_disk_may_be_written(provider: ImagesProvider, folder: Path) -> None:
    """B8: it is not part of the instant."""
    (folder / "swap.raw").write_bytes(b"swap")
    (folder / "strongroom.toml").write_text('disks = [{ file = "swap.raw", include = false }]')
    with provider.begin(str(folder), MachinePlan({}), "j") as session:
        append(folder / "swap.raw")
        assert [disk.description.id for disk in session.disks] == ["disk.raw"]
        session.confirm()


def test_a_copy_made_at_one_instant_outlives_later_writes(provider: ImagesProvider, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A12: reflinks, played here by a plain copy, count as one instant."""
    monkeypatch.setattr(image_file.fcntl, "ioctl", play_reflink)
    with provider.begin(str(folder), MachinePlan({}), "j") as session:
        rewrite(folder / "disk.raw")
        assert read_whole(session.disks[0]) == CONTENT
        session.confirm()
    assert sorted(path.name for path in folder.iterdir()) == ["disk.raw"]


def test_a_copy_made_beside_a_writer_is_no_instant(provider: ImagesProvider, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A12: reflinks count only if no writer was seen before and after."""

    def reflink_and_write(copy: int, request: int, original: int) -> int:
        play_reflink(copy, request, original)
        rewrite(folder / "disk.raw")
        return 0

    monkeypatch.setattr(image_file.fcntl, "ioctl", reflink_and_write)
    with pytest.raises(MachineInUse), provider.begin(str(folder), MachinePlan({}), "j"):
        pass


def test_one_disk_that_cannot_be_copied_leaves_all_to_plain_reading(
    provider: ImagesProvider, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A12: half a set of copies is no instant."""
    (folder / "second.raw").write_bytes(b"second")

    def fail_second(copy: int, request: int, original: int) -> int:
        if os.fstat(original).st_size == len(b"second"):
            raise OSError(95, "Operation not supported")
        return play_reflink(copy, request, original)

    monkeypatch.setattr(image_file.fcntl, "ioctl", fail_second)
    with provider.begin(str(folder), MachinePlan({}), "j") as session:
        rewrite(folder / "disk.raw")
        with pytest.raises(MachineInUse):
            session.confirm()


def test_a_read_error_of_the_medium_names_disk_and_place(provider: ImagesProvider, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A19, invariant 17: cannot read is not bad."""

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    with provider.begin(str(folder), MachinePlan({}), "j") as session:
        monkeypatch.setattr(image_file.os, "preadv", fail)
        with pytest.raises(DiskUnreadable, match=r"disk\.raw could not be read at byte 512") as caught:
            session.disks[0].read_into(512, memoryview(bytearray(10)))
    assert caught.value.cause == "Input/output error"


def test_no_file_stays_open(provider: ImagesProvider, folder: Path) -> None:
    """A18: whatever ends the session."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    with provider.begin(str(folder), MachinePlan({}), "j"):
        pass
    (folder / "z.qcow2").write_bytes(b"QFI\xfb")
    with pytest.raises(DiskUnreadable), provider.begin(str(folder), MachinePlan({}), "j"):
        pass
    provider.discover()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_unchanged_disk_is_one_extent_whatever_its_size(tmp_path: Path) -> None:
    """C2: and nothing of it is read."""
    write_machine(tmp_path / "vm" / "big", {"disk.raw": b""})
    os.truncate(tmp_path / "vm" / "big" / "disk.raw", 4 << 40)
    provider = ImagesProvider(tmp_path / "vm", "r")
    native_id = str(tmp_path / "vm" / "big")
    time.sleep(2.1)
    with provider.begin(native_id, MachinePlan({}), "j") as session:
        previous = {disk.description.id: disk.tracking for disk in session.disks}
    facts = provider.inspect(native_id, previous)["disk.raw"]
    assert facts.unchanged, facts.reason
    plan = MachinePlan({"disk.raw": DiskPlan("disk.raw", ReadMode.UNCHANGED, "", previous["disk.raw"])})
    with provider.begin(native_id, plan, "j") as session:
        assert [(extent.offset, extent.length) for extent in session.disks[0].extents()] == [(0, 4 << 40)]
        session.confirm()


def play_reflink(copy: int, _request: int, original: int) -> int:
    content = os.pread(original, os.fstat(original).st_size, 0)
    os.pwrite(copy, content, 0)
    return 0


def test_looking_at_a_machine_pushes_nothing_out_and_waits_for_nothing(
    provider: ImagesProvider, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3: a discovery must not slow down the machines that run; a snapshot of one in use must not either."""
    flushed: list[int] = []
    monkeypatch.setattr(image_file.os, "fdatasync", flushed.append)
    provider.discover()
    provider.describe(str(folder))
    provider.inspect(str(folder), {})
    assert flushed == []
    with provider.begin(str(folder), MachinePlan({}), "j"):
        assert len(flushed) == 1
    fd = os.open(folder / "disk.raw", os.O_RDWR)
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 101, 1, 0))
    with pytest.raises(MachineInUse), provider.begin(str(folder), MachinePlan({}), "j"):
        pass
    os.close(fd)
    assert len(flushed) == 1
