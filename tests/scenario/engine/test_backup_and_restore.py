"""The product's main job on real images with real worker processes (A9, A10, A12, A16, B1, C2)."""

from __future__ import annotations

import hashlib
import os
import random
import time
from pathlib import Path

from strongroom.domain.states import Consistency, JobStatus, ProtectionStatus
from strongroom.engine.backups import request_backup
from strongroom.engine.restores import RestoreWish, newest_point, preview_restore, request_restore
from strongroom.engine.verification import request_verify
from strongroom.providers.base import Placement
from tests.scenario.engine.room import MIB, Room


def test_a_machine_goes_the_whole_way_from_discovery_to_a_restore_that_equals_it(room: Room) -> None:
    """A9 A10 A16 B1: pending, initial backup, incremental, both points restore byte for byte."""
    first = random.Random(1).randbytes(5 * MIB + 4321)
    image = room.image("alpha", first)
    (item,) = room.protected("alpha")
    assert room.item("alpha").protection is ProtectionStatus.PENDING

    (job,) = room.done(request_backup(room.context, [item]))
    assert room.item("alpha").protection is ProtectionStatus.PROTECTED
    (point,) = room.points("alpha")
    assert job.point_id == point.id
    assert point.consistency is Consistency.CRASH
    assert "no file system" in point.consistency_reason or "not proved" in point.consistency_reason

    second = first[:MIB] + random.Random(2).randbytes(65536) + first[MIB + 65536 :]
    image.write_bytes(second)
    (job,) = room.done(request_backup(room.context, [item]))
    old, new = room.points("alpha")
    assert new.disks[0]["mode"] == "compare"
    assert 65536 <= new.stored_bytes < 3 * 65536, "only what changed is stored"

    for point, content, name in ((old, first, "alpha-old"), (new, second, "alpha-new")):
        wish = RestoreWish(point.id or 0, Placement.NEW_MACHINE, name=name)
        assert preview_restore(room.context, wish).problems == ()
        (job,) = room.done(request_restore(room.context, wish))
        (path,) = job.result["paths"].values()
        assert Path(path).read_bytes() == content


def test_an_unchanged_image_is_not_read_again(room: Room) -> None:
    """C2: file stamps prove that nothing was written; the run reads nothing and stores next to nothing."""
    image = room.image("still", random.Random(3).randbytes(8 * MIB))
    settled = time.time() - 60
    os.utime(image, (settled, settled))
    (item,) = room.protected("still")
    time.sleep(2.1)  # the change time cannot be set back: it must be two seconds old before the first read
    room.done(request_backup(room.context, [item]))
    time.sleep(0.1)
    room.done(request_backup(room.context, [item]))
    point = room.points("still")[-1]
    assert point.disks[0]["mode"] == "unchanged"
    assert point.read_bytes == 0
    assert point.stored_bytes < 200 * 1024


def test_a_restore_to_the_original_place_keeps_the_old_disk_aside(room: Room) -> None:
    """A16: nothing is overwritten, the operator drops the old disks when they are sure."""
    before = random.Random(4).randbytes(2 * MIB)
    image = room.image("origin", before)
    (item,) = room.protected("origin")
    room.done(request_backup(room.context, [item]))
    after = random.Random(5).randbytes(2 * MIB)
    image.write_bytes(after)
    wish = RestoreWish(newest_point(room.context, item), Placement.ORIGINAL)
    (job,) = room.done(request_restore(room.context, wish))
    assert image.read_bytes() == before
    (aside,) = (Path(path) for path in job.result["kept_aside"])
    kept = aside if aside.is_file() else next(path for path in aside.rglob("*") if path.is_file())
    assert kept.read_bytes() == after


def test_disks_alone_are_restored_into_a_folder(room: Room, tmp_path: Path) -> None:
    """A16: disks only."""
    content = bytes(MIB) + random.Random(6).randbytes(MIB)
    room.image("disks", content)
    (item,) = room.protected("disks")
    room.done(request_backup(room.context, [item]))
    target = tmp_path / "out"
    target.mkdir()
    wish = RestoreWish(newest_point(room.context, item), Placement.DISKS, folder=str(target))
    (job,) = room.done(request_restore(room.context, wish))
    (path,) = job.result["paths"].values()
    assert Path(path).is_relative_to(target)
    assert hashlib.sha256(Path(path).read_bytes()).digest() == hashlib.sha256(content).digest()


def test_a_machine_that_is_gone_from_its_source_can_be_restored(room: Room) -> None:
    """A16: a deleted machine comes back from the repository alone."""
    content = random.Random(7).randbytes(MIB + 1)
    image = room.image("gone", content)
    (item,) = room.protected("gone")
    room.done(request_backup(room.context, [item]))
    image.unlink()
    assert room.failed(request_backup(room.context, [item])).error["code"] == "MachineVanished"
    wish = RestoreWish(newest_point(room.context, item), Placement.NEW_MACHINE, name="back")
    (job,) = room.done(request_restore(room.context, wish))
    (path,) = job.result["paths"].values()
    assert Path(path).read_bytes() == content


def test_two_failures_in_a_row_show_as_protection_error_and_a_success_clears_it(room: Room) -> None:
    """A9: Protection error is the last two backups failing."""
    image = room.image("flaky", bytes(MIB))
    (item,) = room.protected("flaky")
    away = image.rename(image.with_suffix(".away"))
    room.failed(request_backup(room.context, [item]))
    assert room.item("flaky").protection is ProtectionStatus.PENDING
    room.failed(request_backup(room.context, [item]))
    assert room.item("flaky").protection is ProtectionStatus.ERROR
    assert room.item("flaky").protection_error["code"] == "MachineVanished"
    away.rename(image)
    room.done(request_backup(room.context, [item]))
    assert room.item("flaky").protection is ProtectionStatus.PROTECTED


def test_verification_finds_a_flipped_bit_and_names_the_point(room: Room) -> None:
    """B3: damage is typed, named and listed; nothing is deleted by it."""
    room.image("damage", random.Random(8).randbytes(3 * MIB))
    (item,) = room.protected("damage")
    room.done(request_backup(room.context, [item]))
    (job,) = room.done(request_verify(room.context, room.vault_id))
    assert job.result == {"points": 1, "sound": 1, "damaged": []}
    assert room.points("damage")[0].verified_at is not None

    pack = max((Path(room.vault().repository_path) / "packs").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else -1)
    pack.chmod(0o600)
    content = bytearray(pack.read_bytes())
    content[1000] ^= 4
    pack.write_bytes(content)
    (job,) = room.done(request_verify(room.context, room.vault_id))
    assert job.status is JobStatus.WARNINGS
    (point,) = room.points("damage")
    assert point.damaged
    assert job.result["damaged"] == [point.manifest_key]
    assert pack.exists()


def test_several_disks_of_one_machine_make_one_point(room: Room) -> None:
    """A10: one machine, one recovery point, every disk in it."""
    folder = room.images / "multi"
    folder.mkdir()
    contents = {"a.raw": random.Random(9).randbytes(MIB), "b.raw": random.Random(10).randbytes(2 * MIB + 77)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (item,) = room.protected("multi")
    room.done(request_backup(room.context, [item]))
    (point,) = room.points("multi")
    assert len(point.disks) == 2
    (job,) = room.done(request_restore(room.context, RestoreWish(point.id or 0, Placement.NEW_MACHINE, name="twin")))
    restored = {Path(path).name: Path(path).read_bytes() for path in job.result["paths"].values()}
    assert restored == contents
