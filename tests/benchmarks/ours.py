"""Strongroom's side of the benchmarks, each action in a process of its own: ``python -m tests.benchmarks.ours ACTION JSON``.

The data path is the one of a worker: provider, writer and reader, without a catalog. Imports are made by each action, as a worker makes them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

Spec = Mapping[str, Any]
REGION = "de-bench"
MACHINE = "bench"
TAKEN_AT = "2026-01-02T03:04:05Z"


def create(spec: Spec) -> dict[str, Any]:
    """A new repository with its key in a file."""
    from strongroom.repository.keys.keyring import create_repository, write_key_file
    from strongroom.repository.store.local import LocalStore

    created = create_repository(LocalStore.create(Path(spec["repository"])))
    write_key_file(Path(spec["key_file"]), created.key, created.repository_id)
    return {"repository_id": created.repository_id}


def start(spec: Spec) -> dict[str, Any]:
    """What every process pays before its first byte: the interpreter and the imports of the data path."""
    from strongroom.providers.registry import open_provider
    from strongroom.repository.reading.reader import PointReader
    from strongroom.repository.writing.writer import BackupWriter

    return {"loaded": [item.__name__ for item in (open_provider, PointReader, BackupWriter)], "for": spec.get("for", "")}


def backup(spec: Spec) -> dict[str, Any]:
    """A backup of the image folder's one machine through the provider, as the first of its kind."""
    from strongroom.domain.plan import MachinePlan
    from strongroom.providers.registry import open_provider
    from strongroom.repository.writing.writer import DiskInput, Proof

    provider = open_provider(f"images:{spec['source']}", REGION)
    (machine,) = provider.discover().machines
    with _writer(spec) as (writer, counters), provider.begin(machine.native_id, MachinePlan({}), "job") as session:
        for disk in session.disks:
            writer.write_disk(
                DiskInput(
                    id="disk",
                    size_bytes=disk.description.size_bytes,
                    format=disk.description.format,
                    mode=disk.plan.mode.value,
                    reason=disk.plan.reason,
                    tracking=disk.tracking,
                    extents=disk.extents,
                    all_extents=disk.all_extents,
                    read_into=disk.read_into,
                    proof=Proof(sample=False),
                )
            )
        session.confirm()
        writer.commit(TAKEN_AT, {"definition": session.machine.definition})
    return asdict(counters)


def incremental(spec: Spec) -> dict[str, Any]:
    """A backup of an image by its change map (``dirty_blocks``), with the proof of the unchanged."""
    import os

    from strongroom.domain.disk import Extent, ExtentKind
    from tests.benchmarks.disks import changed_extents

    image = Path(spec["image"])
    dirty = json.loads(Path(spec["dirty_blocks"]).read_text())
    size_bytes = image.stat().st_size
    descriptor = os.open(image, os.O_RDONLY)

    def read_into(offset: int, view: memoryview) -> None:
        if os.preadv(descriptor, [view], offset) != len(view):
            raise OSError(f"the image ends before {offset + len(view)}")

    def all_extents() -> Any:
        return iter([Extent(0, size_bytes, ExtentKind.DATA)])

    return _tracked(spec, size_bytes, lambda: changed_extents(dirty, size_bytes), all_extents, read_into)


def fill_ruled(spec: Spec) -> dict[str, Any]:
    """The parent of ``unchanged``: a disk with every slot filled, through the writer."""
    from strongroom.domain.disk import Extent, ExtentKind
    from tests.benchmarks.disks import RuledDisk

    disk = RuledDisk(spec["size_bytes"])
    with _writer(spec) as (writer, counters):
        every = [Extent(0, disk.size_bytes, ExtentKind.DATA)]
        writer.write_disk(_disk_input(disk.size_bytes, "full", lambda: iter(every), lambda: iter(every), disk.read_into))
        writer.commit(TAKEN_AT, {})
    return asdict(counters)


def unchanged(spec: Spec) -> dict[str, Any]:
    """An incremental run without changes: all UNCHANGED, and the proof that it is."""
    from strongroom.domain.disk import Extent, ExtentKind
    from tests.benchmarks.disks import RuledDisk

    disk = RuledDisk(spec["size_bytes"])
    size_bytes = disk.size_bytes

    def all_of(kind: ExtentKind) -> Any:
        return lambda: iter([Extent(0, size_bytes, kind)])

    return _tracked(spec, size_bytes, all_of(ExtentKind.UNCHANGED), all_of(ExtentKind.DATA), disk.read_into)


def restore(spec: Spec) -> dict[str, Any]:
    """The newest point as a disk in a folder, through the provider, durable at the end."""
    from strongroom.domain.disk import SLOT_BYTES
    from strongroom.providers.base import Placement, RestoreDisk, RestoreRequest
    from strongroom.providers.registry import open_provider
    from strongroom.repository.reading.reader import PointReader
    from strongroom.repository.writing.writer import Counters

    repository, manifest = _newest(spec)
    (disk,) = manifest.disks
    request = RestoreRequest(
        job_id="job",
        placement=Placement.DISKS,
        name="restored",
        cloud_service="",
        definition={},
        disks=(RestoreDisk(disk.id, disk.size_bytes, "raw"),),
        folder=spec["target"],
    )
    provider = open_provider(f"images:{spec['source']}", REGION)
    with (
        PointReader.open(repository, manifest, counters=Counters(), check=_go_on) as reader,
        provider.begin_restore(request) as session,
    ):
        report = reader.copy(disk.id, session.disks[disk.id].write)
        paths = session.publish().paths
    if report.bad_ranges:
        raise SystemExit(f"the restore had bad ranges: {report.bad_ranges[:3]}")
    return {
        "path": paths[disk.id],
        "bytes_written": report.bytes_written,
        "zero_bytes": report.zero_bytes,
        "pack_bytes_read": report.pack_bytes_read,
        "slots": -(-disk.size_bytes // SLOT_BYTES),
    }


def verify(spec: Spec) -> dict[str, Any]:
    """Everything that the newest point needs, authenticated, decoded and re-identified."""
    from strongroom.repository.reading.reader import PointReader
    from strongroom.repository.writing.writer import Counters

    repository, manifest = _newest(spec)
    (disk,) = manifest.disks
    with PointReader.open(repository, manifest, counters=Counters(), check=_go_on) as reader:
        report = reader.verify(disk.id)
    if report.bad:
        raise SystemExit(f"verification found damage: {report.bad[:3]}")
    return {"chunks": report.chunks, "plain_bytes": report.plain_bytes, "pack_bytes_read": report.pack_bytes_read}


def many_points(spec: Spec) -> dict[str, Any]:
    """An installation whose repository holds ``points`` recovery points."""
    from tests.benchmarks.installation import make_points

    return make_points(Path(spec["folder"]), spec["points"])


def rebuild(spec: Spec) -> dict[str, Any]:
    """A new catalog from that repository alone."""
    from tests.benchmarks.installation import rebuild_catalog

    return rebuild_catalog(Path(spec["home"]), spec["repository"], Path(spec["key_file"]))


ACTIONS: dict[str, Callable[[Spec], dict[str, Any]]] = {
    action.__name__: action for action in (create, start, backup, incremental, fill_ruled, unchanged, restore, verify, many_points, rebuild)
}


def _go_on() -> None:
    """Nobody cancels a benchmark."""


def _repository(spec: Spec) -> Any:
    from strongroom.repository.keys.keyring import read_key_file
    from strongroom.repository.repository import Repository
    from strongroom.repository.store.local import LocalStore

    return Repository.open(LocalStore(Path(spec["repository"])), read_key_file(Path(spec["key_file"])))


def _newest(spec: Spec) -> Any:
    repository = _repository(spec)
    manifest = repository.newest(MACHINE)
    if manifest is None:
        raise SystemExit("the repository holds no recovery point")
    return repository, manifest


class _Writing:
    """A writer with its counters; the session's number comes from the parent's."""

    def __init__(self, spec: Spec) -> None:
        from strongroom.repository.host import this_host
        from strongroom.repository.writing.writer import BackupWriter, Counters

        self.counters = Counters()
        self.writer = BackupWriter.open(
            _repository(spec),
            MACHINE,
            spec["session"],
            parent="newest",
            counters=self.counters,
            check=_go_on,
            verify=spec.get("verify", True),
            host=this_host(),
        )

    def __enter__(self) -> Any:
        return self.writer.__enter__(), self.counters

    def __exit__(self, *reason: object) -> None:
        self.writer.__exit__(*reason)


def _writer(spec: Spec) -> _Writing:
    return _Writing(spec)


def _disk_input(size_bytes: int, mode: str, extents: Any, all_extents: Any, read_into: Any) -> Any:
    from strongroom.repository.writing.writer import DiskInput

    return DiskInput("disk", size_bytes, "raw", mode, "benchmark", {}, extents, all_extents, read_into)


def _tracked(spec: Spec, size_bytes: int, extents: Any, all_extents: Any, read_into: Any) -> dict[str, Any]:
    with _writer(spec) as (writer, counters):
        record = writer.write_disk(_disk_input(size_bytes, "incremental", extents, all_extents, read_into))
        writer.commit(TAKEN_AT, {})
    if record.mode != "incremental":
        raise SystemExit(f"the run was not incremental: {record.reason}")
    return asdict(counters)


if __name__ == "__main__":
    print(json.dumps(ACTIONS[sys.argv[1]](json.loads(sys.argv[2]))))
