"""Sizes that must not matter: sparse terabytes, full terabytes without a change, many small backups."""

from __future__ import annotations

import random
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

from strongroom.domain.disk import SLOT_BYTES, Extent
from strongroom.repository.counters import Counters
from strongroom.repository.ids import Ids
from strongroom.repository.index.index import Index
from strongroom.repository.index.store import MERGE_COUNT
from strongroom.repository.packs.pack import read_trailer
from strongroom.repository.reading.reader import PointReader
from strongroom.repository.tree.builder import TreeBuilder
from strongroom.repository.tree.node import Piece
from strongroom.repository.writing.change_proof import Proof
from strongroom.repository.writing.disk_input import DiskInput
from tests.scenario.repository.vault import DATA, UNCHANGED, ZERO, Source, Vault, never

TIB = 1 << 40


class Pattern:
    """A disk of any size whose slots are a few contents in random order; a slot is computed when it is read."""

    def __init__(self, size_bytes: int, contents: list[bytes]) -> None:
        self.size_bytes = size_bytes
        self.contents = contents

    def which(self, slot: int) -> int:
        return (slot * 2654435761 >> 7) % len(self.contents)

    def read_into(self, offset: int, view: memoryview) -> None:
        slot, at = divmod(offset, SLOT_BYTES)
        assert at + len(view) <= SLOT_BYTES
        view[:] = self.contents[self.which(slot)][at : at + len(view)]

    def disk(self, mode: str, extents: list[Extent]) -> DiskInput:
        return DiskInput("vda", self.size_bytes, "raw", mode, "", {}, lambda: iter(extents), lambda: iter(extents), self.read_into)


def test_a_terabyte_that_did_not_change_costs_kilobytes() -> None:
    """C2: 1,048,576 filled slots inherited by their root, with the proof of invariant 10."""
    vault, contents = Vault(), [random.Random(number).randbytes(SLOT_BYTES) for number in range(8)]
    pattern = Pattern(TIB, contents)
    fill(vault, pattern)
    before = sum(map(len, vault.objects.values()))
    record = vault.backup(pattern.disk("incremental", [Extent(0, TIB, UNCHANGED)])).disks[0]
    assert record.mode == "incremental"
    assert (record.read_bytes, vault.counters.done_bytes) == (0, TIB)
    assert vault.counters.proof_bytes == 64 * 65536
    assert sum(map(len, vault.objects.values())) - before < 200 * 1024


def fill(vault: Vault, pattern: Pattern) -> None:
    """Commit a point of the whole pattern without reading a terabyte: its chunks once, its tree in full."""
    with vault.open_writer() as writer:
        record = writer.write_disk(Source(b"".join(pattern.contents)).disk())
        ids: Ids = vault.repository.ids
        slots = [(Piece(ids.chunk_id(ids.block_hashes(content)), 0, 16, 16),) for content in pattern.contents]
        builder = TreeBuilder(ids, pattern.size_bytes, None, writer._line.emit_node)
        for number in range(pattern.size_bytes // SLOT_BYTES):
            builder.put(slots[pattern.which(number)])
        size_bytes = pattern.size_bytes
        writer._disks[0] = replace(record, size_bytes=size_bytes, used_bytes=size_bytes, root=builder.finish().hex())
        writer.commit("2026-01-01T00:00:00Z", {})


def sparse(size_bytes: int, step: int) -> Iterator[Extent]:
    """One MiB of data at every ``step`` bytes, zeros between."""
    for at in range(0, size_bytes, step):
        yield Extent(at, SLOT_BYTES, DATA)
        yield Extent(at + SLOT_BYTES, step - SLOT_BYTES, ZERO)


def test_four_sparse_terabytes_are_backed_up_and_restored_by_what_they_hold() -> None:
    """Memory and time follow the content, not the size."""
    vault, size_bytes = Vault(), 4 * TIB
    pattern = Pattern(size_bytes, [random.Random(1).randbytes(SLOT_BYTES)])
    tracemalloc.start()
    point = vault.backup(pattern.disk("full", list(sparse(size_bytes, 1 << 35))))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 256 * 1024 * 1024
    written: list[tuple[int, int]] = []
    with PointReader.open(vault.repository, point, counters=Counters(), check=never) as reader:
        report = reader.copy("vda", lambda offset, view: written.append((offset, len(view))))
        assert list(reader.extents("vda")) == list(sparse(size_bytes, 1 << 35))
    assert sorted(written) == [(at, SLOT_BYTES) for at in range(0, size_bytes, 1 << 35)]
    assert report.bytes_written + report.zero_bytes == size_bytes


def test_a_discarded_terabyte_is_counted_down() -> None:
    """A15: what a disk uses follows a discard that covers whole subtrees."""
    vault, size_bytes = Vault(), 4 * TIB
    pattern = Pattern(size_bytes, [random.Random(1).randbytes(SLOT_BYTES)])
    vault.backup(pattern.disk("full", list(sparse(size_bytes, 1 << 35))))
    extents = [Extent(0, 2 * TIB, ZERO), Extent(2 * TIB, 2 * TIB, UNCHANGED)]
    disk = replace(pattern.disk("incremental", extents), proof=Proof(sample=False))
    record = vault.backup(disk).disks[0]
    assert record.used_bytes == 64 * SLOT_BYTES


def test_many_small_backups_do_not_leave_many_index_objects() -> None:
    """Invariant 8: segments of like size are merged, and every record survives it."""
    vault = Vault()
    points = [(vault.backup(Source(bytes([turn + 1]) * SLOT_BYTES).disk()), turn + 1) for turn in range(3 * MERGE_COUNT)]
    assert len(vault.keys("index/")) < MERGE_COUNT + 4
    index = Index.load(vault.repository)
    for key in vault.keys("packs/"):
        for entry in read_trailer(vault.repository, key[-64:]).entries:
            assert key[-64:] in {location.pack_id for location in index.find(entry.id)}
    for point, filling in points:
        assert vault.restore(point) == bytes([filling]) * SLOT_BYTES


def test_the_hot_path_starts_quickly_and_without_an_orm() -> None:
    """The worker's import: no ORM, no pydantic, no Argon2, no Textual."""
    code = (
        "import sys, strongroom.repository.writing.writer; "
        "print([name for name in ('sqlmodel', 'sqlalchemy', 'pydantic', 'textual', 'cryptography.hazmat.primitives.kdf.argon2') "
        "if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert shown.stdout.strip() == "[]"
