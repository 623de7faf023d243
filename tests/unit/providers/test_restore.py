"""Restores appear whole or not at all, and replace nothing that is not kept aside (A16, A18)."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.domain.errors import InvalidInput, StrongroomError
from strongroom.domain.plan import MachinePlan
from strongroom.providers.base import Placement, Restored, RestoreDisk, RestoreRequest, RestoreSession
from strongroom.providers.errors import DiskFormatUnsupported, MachineInUse, SourceInvalid, TargetExists, TargetFull, TargetUnwritable
from strongroom.providers.images import swap, targets
from strongroom.providers.images.provider import ImagesProvider
from strongroom.testing.provider_suite import read_whole, restore_all
from tests.contract.providers.machines import MIB, patchwork, write_image, write_machine
from tests.contract.providers.qcow2_files import Qcow2File

OLD = {"a.raw": patchwork(MIB + 1, 1), "b.qcow2": patchwork(MIB, 2)}
NEW = {"a.raw": patchwork(2 * MIB + 5, 3), "b.qcow2": patchwork(MIB, 4)}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_machine(tmp_path / "vm" / "hall" / "m", OLD, 'name = "m"\n')
    return tmp_path / "vm"


@pytest.fixture
def provider(source: Path) -> ImagesProvider:
    return ImagesProvider(source, "Frankfurt")


def request(placement: Placement, **changes: Any) -> RestoreRequest:
    values: dict[str, Any] = {
        "job_id": "job-1",
        "placement": placement,
        "name": "copy",
        "cloud_service": "hall",
        "definition": {"disks": [{"id": "b.qcow2"}, {"id": "a.raw"}], "region": "Dublin", "operating_system": "Debian"},
        "disks": tuple(RestoreDisk(name, len(content), name.partition(".")[2]) for name, content in NEW.items()),
    }
    return RestoreRequest(**{**values, **changes})


def original(source: Path, **changes: Any) -> RestoreRequest:
    return request(Placement.ORIGINAL, native_id=str(source / "hall" / "m"), name="m", **changes)


def contents(source: Path, native_id: str) -> dict[str, bytes]:
    with ImagesProvider(source, "r").begin(native_id, MachinePlan({}), "read") as session:
        return {disk.description.id: read_whole(disk) for disk in session.disks}


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def test_a_new_machine_says_who_it_is(provider: ImagesProvider, source: Path) -> None:
    """A16: strongroom.toml is made again from the definition, order included."""
    restored = restore_all(provider, request(Placement.NEW_MACHINE, cloud_service="new hall"), NEW)
    machine = provider.describe(restored.native_id)
    assert (machine.name, machine.cloud_service, machine.region, machine.operating_system) == ("copy", "new hall", "Dublin", "Debian")
    assert [disk.id for disk in machine.disks] == ["b.qcow2", "a.raw"]
    assert contents(source, restored.native_id) == NEW
    assert restored.paths["a.raw"] == str(source / "new hall" / "copy" / "a.raw")


def test_what_is_not_written_stays_a_hole(provider: ImagesProvider, tmp_path: Path) -> None:
    """A16: a sparse disk of 4 TiB is restored in no time and no space."""
    disks = (RestoreDisk("big.raw", 4 << 40, "raw"), RestoreDisk("big.qcow2", 4 << 40, "qcow2"))
    with provider.begin_restore(request(Placement.DISKS, folder=str(tmp_path / "out"), disks=disks)) as session:
        for disk in session.disks.values():
            disk.write((4 << 40) - 5, memoryview(b"there"))
        restored = session.publish()
    for path in restored.paths.values():
        assert Path(path).stat().st_blocks * 512 < 2 * MIB
    assert Path(restored.paths["big.raw"]).stat().st_size == 4 << 40


def test_disks_of_another_provider_get_names_that_tell_their_format(provider: ImagesProvider, tmp_path: Path) -> None:
    """A16: vda becomes vda.qcow2, and an image's name never contradicts its format."""
    disks = (RestoreDisk("vda", 512, "qcow2"), RestoreDisk("old.raw", 512, "qcow2"), RestoreDisk("x.img", 512, "raw"))
    restored = restore_all(provider, request(Placement.DISKS, folder=str(tmp_path / "out"), disks=disks), {})
    assert sorted(Path(path).name for path in restored.paths.values()) == ["old.raw.qcow2", "vda.qcow2", "x.img"]
    assert restored.native_id == ""


def test_disks_go_beside_what_is_there_and_replace_nothing(provider: ImagesProvider, tmp_path: Path) -> None:
    """A16: DISKS into a folder that stands already."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    restore_all(provider, request(Placement.DISKS, folder=str(out)), NEW)
    assert sorted(path.name for path in out.iterdir()) == ["a.raw", "b.qcow2", "notes.txt"]
    before = tree(out)
    with pytest.raises(TargetExists, match=r"a\.raw"), provider.begin_restore(request(Placement.DISKS, folder=str(out), job_id="j2")):
        pass
    assert tree(out) == before


def test_a_name_taken_during_the_restore_is_respected(provider: ImagesProvider, source: Path, tmp_path: Path) -> None:
    """A16: checked again at the last moment, for a file as for a folder."""
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(TargetExists), provider.begin_restore(request(Placement.DISKS, folder=str(out))) as session:
        write_then_publish(session, out / "a.raw")
    assert tree(out) == {"a.raw": b"somebody else's"}
    with pytest.raises(TargetExists), provider.begin_restore(request(Placement.NEW_MACHINE)) as session:
        write_then_publish(session, source / "hall" / "copy" / "x.raw")
    assert tree(source / "hall" / "copy") == {"x.raw": b"somebody else's"}


def write_then_publish(session: RestoreSession, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("somebody else's")
    session.publish()


def test_the_original_place_gets_the_new_disks_and_keeps_the_old(provider: ImagesProvider, source: Path) -> None:
    """A16: kept aside in a folder named after the job; other files stay."""
    folder = source / "hall" / "m"
    (folder / "notes.txt").write_text("mine")
    (folder / "a.raw").chmod(0o640)
    restored = restore_all(provider, original(source), NEW)
    assert contents(source, restored.native_id) == NEW
    kept = folder / "strongroom-kept-job-1"
    assert restored.kept_aside == (str(kept / "a.raw"), str(kept / "b.qcow2"))
    assert (kept / "a.raw").read_bytes() == OLD["a.raw"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.raw", "b.qcow2", "notes.txt", "strongroom-kept-job-1", "strongroom.toml"]
    assert (folder / "a.raw").stat().st_mode & 0o777 == 0o640
    assert provider.tidy(lambda _: False) == []
    assert kept.is_dir()


def test_the_base_of_replaced_disks_goes_aside_with_them(provider: ImagesProvider, source: Path) -> None:
    """A16: left behind it would look like a disk; one that another disk stands on stays."""
    folder = source / "hall" / "m"
    write_image(folder / "base.raw", bytes(MIB))
    write_image(folder / "shared.raw", bytes(MIB))
    (folder / "b.qcow2").unlink()
    Qcow2File(size_bytes=MIB, backing=b"base.raw", backing_format=b"raw").write(folder / "b.qcow2")
    (folder / "a.raw").unlink()
    Qcow2File(size_bytes=MIB, backing=b"shared.raw", backing_format=b"raw").write(folder / "c.qcow2")
    disks = (RestoreDisk("b.qcow2", MIB, "qcow2"),)
    preview = provider.preview_restore(original(source, disks=disks))
    assert any("c.qcow2" in line for line in preview.will_not_return)
    restored = restore_all(provider, original(source, disks=disks), {"b.qcow2": NEW["b.qcow2"]})
    assert [Path(path).name for path in restored.kept_aside] == ["b.qcow2", "base.raw"]
    assert contents(source, restored.native_id) == {"b.qcow2": NEW["b.qcow2"], "c.qcow2": bytes(MIB)}


def test_a_restore_tells_the_machines_own_name(provider: ImagesProvider, source: Path) -> None:
    """A16: not that of its folder."""
    (source / "hall" / "m" / "strongroom.toml").write_text('name = "ledger"')
    wanted = request(Placement.ORIGINAL, native_id=str(source / "hall" / "m"), name="ledger")
    assert restore_all(provider, wanted, NEW).name == provider.describe(wanted.native_id).name == "ledger"


def test_a_damaged_original_can_be_replaced(provider: ImagesProvider, source: Path) -> None:
    """A16: that is what restores are for."""
    (source / "hall" / "m" / "b.qcow2").write_bytes(b"QFI\xfb and nothing else")
    restored = restore_all(provider, original(source), NEW)
    assert contents(source, restored.native_id) == NEW


def test_a_single_image_returns_to_its_place(provider: ImagesProvider, source: Path) -> None:
    """A16: present or deleted."""
    path = source / "kiosk.raw"
    path.write_bytes(b"old")
    disks = (RestoreDisk("kiosk.raw", 3, "raw"),)
    wanted = request(Placement.ORIGINAL, native_id=str(path), disks=disks, definition={})
    restored = restore_all(provider, wanted, {"kiosk.raw": b"new"})
    assert (path.read_bytes(), restored.kept_aside) == (b"new", (str(source / "strongroom-kept-job-1" / "kiosk.raw"),))
    path.unlink()
    restored = restore_all(provider, wanted, {"kiosk.raw": b"two"})
    assert (path.read_bytes(), restored.kept_aside) == (b"two", ())
    assert {machine.name for machine in provider.discover().machines} == {"kiosk", "m"}


def test_a_running_machine_is_not_replaced(provider: ImagesProvider, source: Path) -> None:
    """A16: before, and again just before the swap."""
    before = tree(source)
    fd = os.open(source / "hall" / "m" / "b.qcow2", os.O_RDWR)
    try:
        with pytest.raises(MachineInUse, match="in use"), provider.begin_restore(original(source)) as session:
            start_then_publish(session, fd)
        assert "in use" in provider.preview_restore(original(source)).problems[0]
        with pytest.raises(MachineInUse), provider.begin_restore(original(source)):
            pass
    finally:
        os.close(fd)
    assert tree(source) == before


def start_then_publish(session: RestoreSession, fd: int) -> None:
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.Struct("@hhqqi4x").pack(fcntl.F_RDLCK, os.SEEK_SET, 101, 1, 0))
    session.publish()


class Crash(BaseException):
    """Ends a restore as a kill would: nothing of ours may run after it."""


CALLS: list[tuple[Any, str]] = [(Path, "rename"), (Path, "mkdir"), (Path, "unlink"), (os, "link"), (os, "fsync"), (shutil, "rmtree")]


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], list[int]]]:
    """Let the n-th call that changes the folder be the last thing that happens; the count of calls seen is returned in a list."""

    def arm(last: int) -> list[int]:
        seen = [0]
        for owner, name in CALLS:
            real = getattr(owner, name)

            def call(*args: Any, real: Any = real, **kwargs: Any) -> Any:
                if seen[0] >= last:
                    raise Crash
                seen[0] += 1
                return real(*args, **kwargs)

            monkeypatch.setattr(owner, name, call)
        return seen

    yield arm
    monkeypatch.undo()


def test_a_crash_at_any_step_leaves_all_old_or_becomes_all_new(tmp_path: Path, crash_at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A18: the process ends after every single step in turn; tidy settles what it left, and never mixes old and new."""
    outcomes = []
    for last in range(200):
        source = tmp_path / str(last) / "vm"
        write_machine(source / "hall" / "m", OLD)
        provider = ImagesProvider(source, "r")
        finished = False
        seen = crash_at(last)
        try:
            restore_all(provider, original(source), NEW)
            finished = True
        except Crash:
            pass
        monkeypatch.undo()
        assert finished or seen[0] == last
        provider.tidy(lambda _: False)
        found = contents(source, str(source / "hall" / "m"))
        assert found in (OLD, NEW)
        outcomes.append(found == NEW)
        kept = source / "hall" / "m" / "strongroom-kept-job-1"
        assert {path.name for path in kept.iterdir()} == set(OLD) if found == NEW else not kept.exists() or not list(kept.iterdir())
        assert not list(source.rglob(".strongroom-*"))
        if finished:
            break
        restore_all(provider, original(source, job_id="job-2"), NEW)
        assert contents(source, str(source / "hall" / "m")) == NEW
    assert finished
    assert outcomes == sorted(outcomes)
    assert outcomes.count(False) > 3
    assert outcomes.count(True) > 3


def test_the_same_job_may_try_again_after_a_crash(provider: ImagesProvider, source: Path) -> None:
    """A18: its own leftovers do not stand in its way, a decided swap is finished first, and nothing kept aside is mixed or lost."""
    folder = source / "hall" / "m"
    build = folder / ".strongroom-job-1"
    write_machine(build, {"a.raw": b"half"})
    assert contents(source, restore_all(provider, original(source), NEW).native_id) == NEW
    write_machine(build, {"b.qcow2": patchwork(MIB, 9)})
    swap.write_journal(build, place=["b.qcow2"], keep=["b.qcow2"], kept_name="strongroom-kept-job-1-2")
    newest = {"a.raw": patchwork(2 * MIB + 5, 7), "b.qcow2": patchwork(MIB, 8)}
    restore_all(provider, original(source), newest)
    assert contents(source, str(folder)) == newest
    assert (folder / "strongroom-kept-job-1" / "a.raw").read_bytes() == OLD["a.raw"]
    assert (folder / "strongroom-kept-job-1-3" / "a.raw").read_bytes() == NEW["a.raw"]
    assert not build.exists()


def test_a_machine_between_two_moments_is_not_backed_up(provider: ImagesProvider, source: Path) -> None:
    """A12, A18: after a crash in the middle of a swap there is no recovery point until tidy has ended it."""
    folder = source / "hall" / "m"
    build = folder / ".strongroom-dead"
    write_machine(build, NEW)
    swap.write_journal(build, place=list(NEW), keep=list(NEW), kept_name="strongroom-kept-dead")
    with pytest.raises(MachineInUse, match="being restored"), provider.begin(str(folder), MachinePlan({}), "j"):
        pass
    assert "finished the restore" in provider.tidy(lambda _: False)[0]
    assert contents(source, str(folder)) == NEW


def test_tidy_removes_what_crashed_restores_left_wherever_it_is(provider: ImagesProvider, source: Path, tmp_path: Path) -> None:
    """A18: in the source, its services, its machines, and in a folder elsewhere."""
    for place in (source, source / "hall", source / "hall" / "m"):
        write_machine(place / ".strongroom-dead", {"x.raw": b"x"})
        write_machine(place / ".strongroom-live", {"x.raw": b"x"})
    (source / ".strongroom-unlike a job").mkdir()
    elsewhere = tmp_path / ".strongroom-dead"
    write_machine(elsewhere, {"x.raw": b"x"})
    (source / ".strongroom-dead.away").write_bytes(os.fsencode(elsewhere))
    (source / ".strongroom-dea2.away").write_bytes(b"/etc")
    done = provider.tidy(lambda job_id: job_id == "live")
    assert len(done) == 4
    assert sorted(path.name for path in source.rglob(".strongroom-dead")) == []
    assert len(list(source.rglob(".strongroom-live"))) == 3
    assert not elsewhere.exists()
    assert Path("/etc").is_dir()


def test_a_build_elsewhere_is_noted_while_it_runs(provider: ImagesProvider, source: Path, tmp_path: Path) -> None:
    """A18: and the note goes with it."""
    with provider.begin_restore(request(Placement.DISKS, folder=str(tmp_path / "out"))) as session:
        assert (source / ".strongroom-job-1.away").read_bytes() == os.fsencode(tmp_path / ".strongroom-job-1")
        session.publish()
    assert not list(source.glob(".strongroom-*"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_target_leaves_nothing(provider: ImagesProvider, source: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """A16: TargetFull, and the folders made on the way are gone."""
    before = tree(source)
    real = os.pwrite

    def pwrite(fd: int, data: Any, offset: int) -> int:
        if offset > MIB // 2:
            raise OSError(code, os.strerror(code))
        return real(fd, data, offset)

    monkeypatch.setattr(targets.os, "pwrite", pwrite)
    with pytest.raises(TargetFull):
        restore_all(provider, request(Placement.NEW_MACHINE, cloud_service="fresh"), NEW)
    assert tree(source) == before


def test_an_unwritable_target_says_why(provider: ImagesProvider, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A19: a read-only file system, for one."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(TargetUnwritable) as caught:
        restore_all(provider, request(Placement.NEW_MACHINE), NEW)
    assert caught.value.cause == "Read-only file system"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": ""}, InvalidInput),
        ({"name": "a/b"}, InvalidInput),
        ({"name": ".."}, InvalidInput),
        ({"name": ".hidden"}, InvalidInput),
        ({"name": "n" * 256}, InvalidInput),
        ({"name": "名" * 86}, InvalidInput),
        ({"name": "m"}, TargetExists),
        ({"cloud_service": "../x"}, InvalidInput),
        ({"job_id": "../../x"}, InvalidInput),
        ({"start": True}, InvalidInput),
        ({"disks": ()}, InvalidInput),
        ({"folder": "/elsewhere"}, InvalidInput),
        ({"disks": (RestoreDisk("a", 1, "vmdk"),)}, DiskFormatUnsupported),
        ({"disks": (RestoreDisk("a", 1, "raw"), RestoreDisk("a.raw", 1, "raw"))}, InvalidInput),
        ({"placement": Placement.DISKS, "folder": "relative"}, InvalidInput),
        ({"placement": Placement.DISKS, "folder": "/etc/passwd"}, TargetExists),
        ({"placement": Placement.ORIGINAL, "native_id": "/etc"}, SourceInvalid),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_made(
    provider: ImagesProvider, source: Path, changes: dict[str, Any], expected: type[StrongroomError]
) -> None:
    """A16: the preview says the same, in words."""
    before = tree(source)
    wanted = request(**{"placement": Placement.NEW_MACHINE, **changes})
    with pytest.raises(expected), provider.begin_restore(wanted):
        pass
    assert len(provider.preview_restore(wanted).problems) == 1
    assert tree(source) == before


def test_a_machine_cannot_become_a_cloud_service(provider: ImagesProvider, source: Path) -> None:
    """A16: the new machine would never be found below it."""
    write_machine(source / "alone", {"x.raw": b"x"})
    with (
        pytest.raises(TargetExists, match="cannot be a cloud service"),
        provider.begin_restore(request(Placement.NEW_MACHINE, cloud_service="alone")),
    ):
        pass


def test_a_write_outside_of_the_disk_is_refused(provider: ImagesProvider, tmp_path: Path) -> None:
    """A16: a target never grows beyond its disk."""
    with provider.begin_restore(request(Placement.DISKS, folder=str(tmp_path / "out"))) as session:
        for name, disk in session.disks.items():
            with pytest.raises(ValueError, match="outside"):
                disk.write(len(NEW[name]) - 1, memoryview(b"xy"))


def test_restored_is_told_completely(provider: ImagesProvider, source: Path) -> None:
    """A16: what was made, by disk id."""
    restored = restore_all(provider, request(Placement.NEW_MACHINE), NEW)
    folder = source / "hall" / "copy"
    assert restored == Restored(str(folder), "copy", {name: str(folder / name) for name in NEW}, ())
