"""Change tracking is a hint with a proof (invariant 10), and state is per disk (invariant 12)."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from strongroom.domain.disk import BLOCK_BYTES, SLOT_BYTES, Extent, ExtentsBroken
from strongroom.repository.writing.change_proof import Proof, UnchangedSample
from tests.scenario.repository.vault import UNCHANGED, Source, Vault


def unchanged(content: bytes | bytearray) -> list[Extent]:
    return [Extent(0, len(content), UNCHANGED)]


def noise(seed: int, size_bytes: int) -> bytearray:
    return bytearray(random.Random(seed).randbytes(size_bytes))


def test_an_unchanged_disk_inherits_its_root_and_reads_only_the_proof() -> None:
    """Invariant 10, C2: at least ten blocks are read again, nothing is stored."""
    vault, content = Vault(), noise(1, 20 * SLOT_BYTES + 17)
    first = vault.backup(Source(content).disk()).disks[0]
    source = Source(content)
    second = vault.backup(source.disk("incremental", unchanged(content))).disks[0]
    assert (second.root, second.used_bytes, second.read_bytes) == (first.root, first.used_bytes, 0)
    assert len(source.reads) == 10
    assert vault.counters.proof_bytes == sum(length for _, length in source.reads)
    assert vault.restore() == content


def test_a_lie_of_change_tracking_is_caught_and_the_disk_read_whole() -> None:
    """Invariant 10: an offline write that the bitmap missed."""
    vault, content = Vault(), noise(2, 4 * SLOT_BYTES)
    vault.backup(Source(content).disk())
    for block in range(len(content) // BLOCK_BYTES):
        content[block * BLOCK_BYTES] ^= 1
    record = vault.backup(Source(content).disk("incremental", unchanged(content))).disks[0]
    assert record.mode == "compare"
    assert "change tracking missed a change" in record.reason
    assert vault.restore() == content
    assert vault.counters.done_bytes == len(content)


def test_a_source_with_its_own_proof_is_not_sampled() -> None:
    """Invariant 10: file stamps prove «unchanged» by themselves."""
    vault, content = Vault(), noise(3, 2 * SLOT_BYTES)
    vault.backup(Source(content).disk())
    source = Source(content)
    vault.backup(source.disk("unchanged", unchanged(content), proof=Proof(sample=False)))
    assert source.reads == []


def test_every_so_many_runs_the_whole_disk_is_proved() -> None:
    """Invariant 10: asked for a whole proof, everything is read and compared, whatever the tracking says."""
    vault, content = Vault(), noise(4, 3 * SLOT_BYTES)
    vault.backup(Source(content).disk())
    content[-1] ^= 1
    record = vault.backup(Source(content).disk("incremental", unchanged(content), proof=Proof(whole=True))).disks[0]
    assert (record.mode, record.read_bytes, record.new_bytes) == ("compare", len(content), BLOCK_BYTES)
    assert vault.restore() == content


@pytest.mark.parametrize(("change", "words"), [("size", "was resized"), ("format", "format changed"), ("id", "no parent")])
def test_tracking_of_another_disk_is_not_used(change: str, words: str) -> None:
    """Invariant 10: disk id, size and format must be the parent's."""
    vault, content = Vault(), noise(5, 2 * SLOT_BYTES)
    vault.backup(Source(content).disk())
    content = content + b"more" if change == "size" else noise(6, 2 * SLOT_BYTES)
    disk = Source(content).disk("incremental", unchanged(content), disk_id="vdb" if change == "id" else "vda")
    disk = replace(disk, format="qcow2") if change == "format" else disk
    record = vault.backup(disk).disks[0]
    assert record.mode in {"compare", "full"}
    assert words in record.reason
    assert vault.restore(disk_id=disk.id) == content


def test_one_disk_that_lost_its_tracking_costs_the_others_nothing() -> None:
    """Invariant 12: state is per disk."""
    vault = Vault()
    first, second = noise(7, 2 * SLOT_BYTES), noise(8, 2 * SLOT_BYTES)
    vault.backup(Source(first).disk(disk_id="a"), Source(second).disk(disk_id="b"))
    second = bytearray(bytes(byte ^ 1 for byte in second))
    good, lost = Source(first), Source(second)
    point = vault.backup(good.disk("incremental", unchanged(first), disk_id="a"), lost.disk("incremental", unchanged(second), disk_id="b"))
    assert [disk.mode for disk in point.disks] == ["incremental", "compare"]
    assert sum(length for _, length in good.reads) == 10 * BLOCK_BYTES
    assert vault.restore(disk_id="a") == first
    assert vault.restore(disk_id="b") == second


def test_a_full_disk_described_as_unchanged_is_refused() -> None:
    """Invariant 10: UNCHANGED without a parent is a fault of the source, never a hole in the backup."""
    vault, content = Vault(), noise(9, SLOT_BYTES)
    with pytest.raises(ExtentsBroken):
        vault.backup(Source(content).disk("full", unchanged(content)))
    assert vault.repository.manifests() == []


def test_samples_are_drawn_from_the_whole_disk() -> None:
    """Invariant 10: over many draws every run of the disk is looked at about as often as it is long."""
    hits = [0, 0, 0]
    for _ in range(60):
        sample = UnchangedSample(400 * SLOT_BYTES)
        sample.offer(0, 100)
        sample.offer(100, 200)
        sample.offer(300, 100)
        for block in sample.blocks():
            hits[0 if block < 1600 else 1 if block < 4800 else 2] += 1
    assert sum(hits) == 600
    assert 80 < hits[0] < 220
    assert 220 < hits[1] < 380


def test_the_number_of_samples_follows_the_disk() -> None:
    """Invariant 10: a thousandth, at least 10 and at most 64 blocks."""
    counts = []
    for slots in (1, 2000, 100_000):
        sample = UnchangedSample(slots * SLOT_BYTES)
        sample.offer(0, slots)
        counts.append(len(sample.blocks()))
    assert counts[0] <= 10
    assert 25 <= counts[1] <= 32
    assert 60 <= counts[2] <= 64
