"""A repository in memory and disks that are byte strings: what the tests of the data path back up and restore."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from strongroom.domain.disk import Extent, ExtentKind
from strongroom.repository.keys.keyring import CreatedRepository, create_repository
from strongroom.repository.manifest import DiskRecord, Manifest
from strongroom.repository.reading.reader import CopyReport, PointReader
from strongroom.repository.repository import Repository
from strongroom.repository.store.base import Store
from strongroom.repository.writing.writer import BackupWriter, Counters, DiskInput, Proof
from strongroom.testing.stores import MemoryStore

DATA, ZERO, UNCHANGED = ExtentKind.DATA, ExtentKind.ZERO, ExtentKind.UNCHANGED
TAKEN_AT = "2026-01-02T03:04:05Z"


def never() -> None:
    """A check that never stops anything."""


@dataclass
class Source:
    """A disk to back up; every read of it is noted."""

    content: bytes | bytearray
    reads: list[tuple[int, int]] = field(default_factory=list)
    before_read: Callable[[int], None] = lambda _offset: None

    def read_into(self, offset: int, view: memoryview) -> None:
        self.before_read(offset)
        assert offset + len(view) <= len(self.content)
        self.reads.append((offset, len(view)))
        view[:] = self.content[offset : offset + len(view)]

    def all_extents(self) -> Iterator[Extent]:
        if self.content:
            yield Extent(0, len(self.content), DATA)

    def disk(
        self,
        mode: str = "full",
        extents: Iterable[Extent] | None = None,
        *,
        disk_id: str = "vda",
        proof: Proof | None = None,
    ) -> DiskInput:
        given = None if extents is None else list(extents)
        return DiskInput(
            disk_id,
            len(self.content),
            "raw",
            mode,
            "as the test says",
            {},
            self.all_extents if given is None else lambda: iter(given),
            self.all_extents,
            self.read_into,
            proof or Proof(),
        )


class Vault:
    """One repository and the few things done to it."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or MemoryStore()
        self.created: CreatedRepository = create_repository(self.store)
        self.numbers = itertools.count(1)
        self.counters = Counters()

    @property
    def repository(self) -> Repository:
        return Repository.open(self.store, self.created.key)

    @property
    def objects(self) -> dict[str, bytes]:
        assert isinstance(self.store, MemoryStore)
        return self.store.objects

    def open_writer(self, machine_id: str = "m", *, check: Callable[[], None] = never, verify: bool = True) -> BackupWriter:
        self.counters = Counters()
        session_id = f"job{next(self.numbers)}"
        return BackupWriter.open(
            self.repository, machine_id, session_id, parent="newest", counters=self.counters, check=check, verify=verify
        )

    def backup(self, *disks: DiskInput, machine_id: str = "m", check: Callable[[], None] = never) -> Manifest:
        with self.open_writer(machine_id, check=check) as writer:
            for disk in disks:
                writer.write_disk(disk)
            return writer.commit(TAKEN_AT, {"by": "test"})

    def backup_bytes(self, content: bytes, mode: str = "full", extents: Iterable[Extent] | None = None) -> DiskRecord:
        return self.backup(Source(content).disk(mode, extents)).disks[0]

    def restore(self, manifest: Manifest | None = None, disk_id: str = "vda") -> bytes:
        content, report = self.copy(manifest, disk_id)
        assert report.bad_ranges == ()
        return content

    def copy(self, manifest: Manifest | None = None, disk_id: str = "vda") -> tuple[bytes, CopyReport]:
        point = manifest or self.newest()
        record = point.disk(disk_id)
        assert record is not None
        target = bytearray(record.size_bytes)

        def write(offset: int, view: memoryview) -> None:
            target[offset : offset + len(view)] = view

        with PointReader.open(self.repository, point, counters=Counters(), check=never) as reader:
            report = reader.copy(disk_id, write)
        return bytes(target), report

    def newest(self, machine_id: str = "m") -> Manifest:
        point = self.repository.newest(machine_id)
        assert point is not None
        return point

    def keys(self, prefix: str) -> list[str]:
        return sorted(info.key for info in self.store.list(prefix))


def flip(data: bytes, at: int, bit: int = 0) -> bytes:
    """``data`` with one bit wrong."""
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    return bytes(changed)
