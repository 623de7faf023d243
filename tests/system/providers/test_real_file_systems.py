"""Full, read-only and block-sharing file systems, for real (A12, A16)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strongroom.domain.plan import MachinePlan
from strongroom.providers.base import Placement, RestoreDisk, RestoreRequest
from strongroom.providers.errors import TargetFull, TargetUnwritable
from strongroom.providers.images.provider import ImagesProvider
from strongroom.testing.provider_suite import read_whole, restore_all
from tests.contract.providers.machines import MIB, patchwork, write_machine
from tests.parts import require_part
from tests.system.providers.mounts import loop_mounted, mounted, run

pytestmark = pytest.mark.system
CONTENT = patchwork(4 * MIB, 1)
DENSE = {"a.raw": os.urandom(6 * MIB), "b.qcow2": os.urandom(6 * MIB)}


def request(placement: Placement, **changes: str) -> RestoreRequest:
    disks = tuple(RestoreDisk(name, len(content), name.partition(".")[2]) for name, content in DENSE.items())
    return RestoreRequest("job-1", placement, "copy", "hall", {}, disks, **changes)


@pytest.mark.parametrize("size", ["5m", "7m", "12m"])
def test_a_disk_that_fills_up_is_left_as_it_was(tmp_path: Path, size: str) -> None:
    """A16: wherever in the restore the room ends."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", f"size={size}", "tmpfs") as folder:
        write_machine(folder / "hall" / "m", {"x.raw": b"x"})
        provider = ImagesProvider(folder, "r")
        free_before = os.statvfs(folder).f_bavail
        with pytest.raises(TargetFull):
            restore_all(provider, request(Placement.NEW_MACHINE), DENSE)
        with pytest.raises(TargetFull):
            restore_all(provider, request(Placement.DISKS, folder=str(folder / "out")), DENSE)
        assert sorted(path.name for path in folder.rglob("*")) == ["hall", "m", "x.raw"]
        assert os.statvfs(folder).f_bavail == free_before


def test_read_only_media_are_read_and_not_written(tmp_path: Path) -> None:
    """A10, A16"""
    with mounted(tmp_path / "media", "-t", "tmpfs", "tmpfs") as folder:
        write_machine(folder / "m", {"a.qcow2": CONTENT})
        run("mount", "-o", "remount,ro", folder)
        provider = ImagesProvider(folder, "r")
        with provider.begin(str(folder / "m"), MachinePlan({}), "j") as session:
            assert read_whole(session.disks[0]) == CONTENT
            session.confirm()
        with pytest.raises(TargetUnwritable):
            restore_all(provider, request(Placement.NEW_MACHINE), DENSE)
        restored = restore_all(provider, request(Placement.DISKS, folder=str(tmp_path / "out")), DENSE)
        assert Path(restored.paths["a.raw"]).read_bytes() == DENSE["a.raw"]
        run("mount", "-o", "remount,rw", folder)


def test_copies_that_share_blocks_are_one_instant(tmp_path: Path) -> None:
    """A12: on XFS with reflinks a machine may start right after the snapshot; nothing is left behind."""
    mkfs = require_part("mkfs.xfs")
    image = tmp_path / "xfs.img"
    image.touch()
    os.truncate(image, 320 * MIB)
    run(mkfs, "-q", "-m", "reflink=1", image)
    with loop_mounted(image, tmp_path / "xfs") as folder:
        contents = {"a.qcow2": CONTENT, "b.raw": patchwork(3 * MIB, 2)}
        write_machine(folder / "m", contents)
        provider = ImagesProvider(folder, "r")
        with provider.begin(str(folder / "m"), MachinePlan({}), "j") as session:
            for name in contents:
                with (folder / "m" / name).open("r+b") as file:
                    file.seek(MIB)
                    file.write(b"written right after the snapshot" * 1000)
            assert {disk.description.id: read_whole(disk) for disk in session.disks} == contents
            session.confirm()
        assert sorted(path.name for path in (folder / "m").iterdir()) == sorted(contents)
