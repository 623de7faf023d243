"""Images of every awkward size, content and name, through the whole product: handled, or refused with a clear error (A3, A10, A16)."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import select

from strongroom.catalog.entities import Item, Machine
from strongroom.domain.states import JobStatus
from strongroom.engine.backups import request_backup
from strongroom.engine.discovery import request_discovery
from strongroom.engine.policies import create_policy
from strongroom.engine.protection import request_protect
from strongroom.engine.registration import request_register
from strongroom.engine.restores import RestoreWish, newest_point, request_restore
from strongroom.providers.base import Placement
from tests.scenario.engine.room import MIB, Room, nightly

CONTENTS = {
    "empty": b"",
    "one-byte": b"\x01",
    "just-under": random.Random(1).randbytes(MIB - 1),
    "exactly": random.Random(2).randbytes(MIB),
    "just-over": random.Random(3).randbytes(MIB + 1),
    "all-zero": bytes(3 * MIB),
    "all-random": random.Random(4).randbytes(3 * MIB),
    "brackets [bold] [red] db[prod]": random.Random(5).randbytes(70_000),
    "数据库-服务器": random.Random(6).randbytes(70_001),
    "n" * 251: random.Random(7).randbytes(70_002),  # with .raw the longest name that a file system takes
    "quote ' \" and $(reboot) ;": random.Random(8).randbytes(70_003),
}


def everything(room: Room) -> list[int]:
    """Discover, register and protect all there is; returns the items."""
    room.done(request_discovery(room.context))
    with room.context.catalog.read() as session:
        machines = [machine.id or 0 for machine in session.exec(select(Machine))]
    room.done(request_register(room.context, room.vault_id, machines))
    with room.context.catalog.read() as session:
        items = [item.id or 0 for item in session.exec(select(Item))]
    policy = create_policy(room.context, room.vault_id, "all", nightly())
    room.done(request_protect(room.context, items, policy))
    return items


def test_every_size_content_and_name_comes_back_byte_for_byte(room: Room, tmp_path: Path) -> None:
    """A10 A16."""
    for name, content in CONTENTS.items():
        room.image(name, content)
    items = everything(room)
    assert len(items) == len(CONTENTS)
    room.done(request_backup(room.context, items))
    for number, name in enumerate(CONTENTS):
        target = tmp_path / f"out-{number}"
        target.mkdir()
        wish = RestoreWish(newest_point(room.context, room.item(name).id or 0), Placement.DISKS, folder=str(target))
        (job,) = room.done(request_restore(room.context, wish))
        (path,) = job.result["paths"].values()
        assert Path(path).read_bytes() == CONTENTS[name], name


def test_a_name_with_a_newline_is_handled_or_named_in_a_warning(room: Room) -> None:
    """A3: one hostile name never costs the others."""
    room.image("good", bytes(4096))
    (room.images / "bad\nname.raw").write_bytes(bytes(4096))
    (room.images / os.fsdecode(b"not-utf8-\xff.raw")).write_bytes(bytes(4096))
    (job,) = request_discovery(room.context).job_ids
    room.work()
    found = room.job(job)
    assert found.status in {JobStatus.COMPLETED, JobStatus.WARNINGS}
    with room.context.catalog.read() as session:
        names = {machine.name for machine in session.exec(select(Machine))}
    assert "good" in names
    assert len(names) + len(found.warnings) >= 3


def test_a_sparse_image_of_four_tebibytes_is_backed_up_in_seconds_and_little_memory(room: Room, tmp_path: Path) -> None:
    """B1 C2: cost follows the data, not the size."""
    size = 4 * 1024 * 1024 * MIB
    image = room.images / "huge.raw"
    with image.open("wb") as file:
        for offset, content in _islands(size):
            file.seek(offset)
            file.write(content)
        file.truncate(size)
    (item,) = room.protected("huge")
    (job,) = room.done(request_backup(room.context, [item]))
    assert job.ended_at is not None
    assert job.started_at is not None
    assert (job.ended_at - job.started_at).total_seconds() < 30
    (point,) = room.points("huge")
    assert point.read_bytes < 64 * MIB
    target = tmp_path / "out"
    target.mkdir()
    (job,) = room.done(request_restore(room.context, RestoreWish(point.id or 0, Placement.DISKS, folder=str(target))))
    (path,) = (Path(path) for path in job.result["paths"].values())
    assert path.stat().st_size == size
    assert path.stat().st_blocks * 512 < 64 * MIB
    with path.open("rb") as file:
        for offset, content in _islands(size):
            file.seek(offset)
            assert file.read(len(content)) == content


def _islands(size: int) -> list[tuple[int, bytes]]:
    chance = random.Random(9)
    places = [0, 3 * MIB + 17, size // 3 // 65536 * 65536, size - 4096]
    return [(offset, chance.randbytes(4096)) for offset in places]


def test_an_image_that_may_only_be_read_is_backed_up(room: Room) -> None:
    """A10: nothing is ever written to a source."""
    content = random.Random(10).randbytes(2 * MIB)
    image = room.image("readonly", content)
    image.chmod(0o400)
    before = image.stat()
    (item,) = room.protected("readonly")
    room.done(request_backup(room.context, [item]))
    after = image.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ctime_ns, before.st_ino)
    assert hashlib.sha256(image.read_bytes()).digest() == hashlib.sha256(content).digest()


LOCKS = "import fcntl, sys, time; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print('ready', flush=True); time.sleep(600)"
GROWS = """
import sys, time
with open(sys.argv[1], 'ab', buffering=0) as f:
    print('ready', flush=True)
    while True:
        f.write(b'more')
        time.sleep(0.0005)
"""


@pytest.mark.parametrize("writer", [LOCKS, GROWS], ids=["locks", "grows"])
def test_an_image_that_is_being_written_makes_no_point(room: Room, writer: str) -> None:
    """A12: a read that mixes moments is no recovery point; the error names the right source."""
    image = room.image("busy", random.Random(11).randbytes(96 * MIB))
    (item,) = room.protected("busy")
    with subprocess.Popen([sys.executable, "-c", writer, str(image)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            job = room.failed(request_backup(room.context, [item]))
        finally:
            process.kill()
    assert job.error["code"] == "MachineInUse"
    assert "qemu:///system" in job.error["action"] + job.error["cause"]
    assert room.points("busy") == []
    room.done(request_backup(room.context, [item]))
