"""An installation whose repository holds many recovery points, and its catalog made again."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from strongroom.bootstrap import open_context
from strongroom.domain.disk import Extent, ExtentKind
from strongroom.engine.backups import request_backup
from strongroom.engine.keyring import load_key, open_store
from strongroom.engine.rebuild import rebuild
from strongroom.repository.keys.keyring import read_key_file
from strongroom.repository.manifest import Manifest
from strongroom.repository.repository import Repository
from strongroom.repository.writing.writer import BackupWriter, Counters, DiskInput, Proof
from tests.scenario.engine.room import MIB, Room, make_room

MACHINES = 10


def make_points(folder: Path, points: int) -> dict[str, Any]:
    """``points`` recovery points of ten protected machines: the first of each by the engine itself, the rest through the writer with its facts."""
    room = make_room(folder)
    machines = min(MACHINES, points)
    for number in range(machines):
        room.image(f"m{number}", random.Random(number).randbytes(MIB))
    items = room.protected(*(f"m{number}" for number in range(machines)))
    room.done(request_backup(room.context, items))
    vault = room.vault()
    repository = Repository.open(open_store(vault.repository_path), load_key(room.context, vault))
    _repeat(repository, repository.manifests(), points)
    key_file = room.context.paths.key_file(vault.uid)
    _close(room)
    return {"repository": vault.repository_path, "key_file": str(key_file)}


def rebuild_catalog(home: Path, repository_path: str, key_file: Path) -> dict[str, Any]:
    """A catalog in the empty folder ``home`` from the repository alone (feature C4)."""
    context = open_context(home)
    try:
        rebuilt = rebuild(context, repository_path, read_key_file(key_file))
    finally:
        context.catalog.close()
    if rebuilt.warnings:
        raise SystemExit(f"the rebuild warned: {rebuilt.warnings}")
    return {"points": rebuilt.points, "items": rebuilt.items, "policies": rebuilt.policies}


def _repeat(repository: Repository, first: list[Manifest], points: int) -> None:
    """More points of the same machines, an hour apart, without a change."""
    for number in range(len(first), points):
        model = first[number % len(first)]
        taken_at = datetime.fromisoformat(model.taken_at).astimezone(UTC) + timedelta(hours=number // len(first))
        with BackupWriter.open(
            repository, model.machine_id, f"again{number}", parent="newest", counters=Counters(), check=lambda: None, threads=1
        ) as writer:
            for disk in model.disks:
                same = [Extent(0, disk.size_bytes, ExtentKind.UNCHANGED)]
                writer.write_disk(
                    DiskInput(
                        disk.id,
                        disk.size_bytes,
                        disk.format,
                        "unchanged",
                        "benchmark",
                        disk.tracking,
                        lambda same=same: iter(same),
                        lambda same=same: iter(same),
                        _unread,
                        Proof(sample=False),
                    )
                )
            writer.commit(taken_at.isoformat().replace("+00:00", "Z"), model.facts)


def _unread(offset: int, view: memoryview) -> None:
    raise OSError(f"nothing should be read at {offset}+{len(view)}")


def _close(room: Room) -> None:
    room.context.catalog.close()
