"""Zero is data, changed blocks cost what changed, and scattered slots are gathered again."""

from __future__ import annotations

import random

import pytest

from strongroom.domain.disk import BLOCK_BYTES, SLOT_BYTES, Extent
from strongroom.repository.errors import StoreUnreachable
from strongroom.repository.index.index import Index
from strongroom.repository.reading.chunks import ChunkSource
from strongroom.repository.tree.node import ZERO_ID, ZERO_SLOT, Slot, decode_leaf
from strongroom.repository.writing.change_proof import Proof
from tests.scenario.repository.vault import DATA, UNCHANGED, ZERO, Source, Vault


def slots_of(vault: Vault) -> list[Slot]:
    root = bytes.fromhex(vault.newest().disks[0].root)
    return decode_leaf(ChunkSource(vault.repository, Index.load(vault.repository)).node(root))


def written(content: bytearray, block: int, filling: bytes) -> list[Extent]:
    """Write whole blocks and say exactly that."""
    start, end = block * BLOCK_BYTES, block * BLOCK_BYTES + len(filling)
    content[start:end] = filling
    extents = [Extent(0, start, UNCHANGED), Extent(start, end - start, DATA), Extent(end, len(content) - end, UNCHANGED)]
    return [extent for extent in extents if extent.length]


@pytest.mark.parametrize("kind", [DATA, ZERO], ids=["zeros that are read", "zeros that the source proves"])
def test_a_discarded_range_restores_as_zero(kind: object) -> None:
    """Invariant 9: write, full, discard, incremental, restore equals the source."""
    vault, content = Vault(), bytearray(random.Random(9).randbytes(3 * SLOT_BYTES))
    vault.backup(Source(content).disk())
    content[SLOT_BYTES + BLOCK_BYTES : 2 * SLOT_BYTES] = bytes(15 * BLOCK_BYTES)
    extents = [
        Extent(0, SLOT_BYTES + BLOCK_BYTES, UNCHANGED),
        Extent(SLOT_BYTES + BLOCK_BYTES, 15 * BLOCK_BYTES, ZERO if kind is ZERO else DATA),
        Extent(2 * SLOT_BYTES, SLOT_BYTES, UNCHANGED),
    ]
    vault.backup(Source(content).disk("incremental", extents))
    assert vault.restore() == content
    assert slots_of(vault)[1][-1].chunk == b""


def test_a_changed_block_costs_a_block() -> None:
    """C2: one block of 64 KiB in a slot of 1 MiB reads and stores 64 KiB."""
    vault, content = Vault(), bytearray(random.Random(1).randbytes(4 * SLOT_BYTES))
    vault.backup(Source(content).disk())
    source = Source(content)
    record = vault.backup(source.disk("incremental", written(content, 21, b"x" * BLOCK_BYTES))).disks[0]
    assert (record.read_bytes, record.new_bytes) == (BLOCK_BYTES, BLOCK_BYTES)
    assert record.stored_bytes < BLOCK_BYTES
    assert vault.restore() == content


def test_a_slot_is_rewritten_whole_once_its_pieces_need_more_than_two_mebibytes() -> None:
    """C2: restore amplification stays within 2, and the whole slot is read from the source."""
    vault, content = Vault(), bytearray(random.Random(2).randbytes(SLOT_BYTES))
    vault.backup(Source(content).disk())
    rewritten = 0
    for turn in range(20):
        extents = written(content, turn % 13, random.Random(turn).randbytes(4 * BLOCK_BYTES))
        vault.backup(Source(content).disk("incremental", extents))
        chunks = {piece.chunk: piece.chunk_blocks for piece in slots_of(vault)[0]}
        assert sum(chunks.values()) * BLOCK_BYTES <= 2 * SLOT_BYTES
        rewritten += vault.counters.rewritten_bytes
        assert vault.restore() == content
    assert rewritten >= SLOT_BYTES
    assert rewritten % SLOT_BYTES == 0


def test_a_slot_that_cannot_be_gathered_keeps_its_pieces() -> None:
    """C2: a block that the source cannot give costs the rewrite, not the backup."""
    vault, content = Vault(), bytearray(random.Random(3).randbytes(SLOT_BYTES))
    vault.backup(Source(content).disk())
    for turn in range(12):
        extents = written(content, turn % 13, random.Random(turn).randbytes(4 * BLOCK_BYTES))
        source = Source(content)
        source.before_read = lambda offset, start=turn % 13 * BLOCK_BYTES: fail_unless(offset == start)
        vault.backup(source.disk("incremental", extents, proof=Proof(sample=False)))
        assert vault.restore() == content
    pieces = slots_of(vault)[0]
    assert sum({piece.chunk: piece.chunk_blocks for piece in pieces}.values()) * BLOCK_BYTES > 2 * SLOT_BYTES
    assert len(pieces) <= 16


def fail_unless(readable: bool) -> None:
    if not readable:
        raise StoreUnreachable("that block cannot be read")


def test_a_disk_of_zeros_has_no_node_and_no_chunk() -> None:
    """C2: whole-zero subtrees cost nothing."""
    vault = Vault()
    record = vault.backup_bytes(bytes(5 * SLOT_BYTES + 3))
    assert bytes.fromhex(record.root) == ZERO_ID
    assert vault.keys("packs/") == []
    assert record.used_bytes == 0
    assert vault.restore() == bytes(5 * SLOT_BYTES + 3)


def test_a_disk_without_bytes_is_a_disk() -> None:
    """B8: 0 bytes have no root."""
    vault = Vault()
    assert vault.backup_bytes(b"").root == ""
    assert vault.restore() == b""


def test_the_same_content_is_stored_once_within_and_across_disks_and_machines() -> None:
    """B2: deduplication across the whole vault."""
    vault, content = Vault(), random.Random(4).randbytes(SLOT_BYTES)
    with vault.open_writer() as writer:
        writer.write_disk(Source(content * 3).disk())
        second = writer.write_disk(Source(content * 2).disk(disk_id="vdb"))
        writer.commit("2026-01-01T00:00:00Z", {})
    assert vault.counters.new_bytes == SLOT_BYTES
    assert second.new_bytes == 0
    other = vault.backup(Source(content).disk(), machine_id="other").disks[0]
    assert other.new_bytes == 0
    assert vault.restore(vault.newest("other")) == content


def test_a_compared_disk_stores_only_what_differs() -> None:
    """B1: without change tracking a full read is no full store; blocks are told apart by the hashes in pack trailers."""
    vault, content = Vault(), bytearray(random.Random(5).randbytes(8 * SLOT_BYTES + 100))
    vault.backup(Source(content).disk())
    content[3 * SLOT_BYTES + 5] ^= 1
    content[-1] ^= 1
    record = vault.backup(Source(content).disk("compare")).disks[0]
    assert record.read_bytes == len(content)
    assert record.new_bytes == 2 * BLOCK_BYTES
    assert vault.restore() == content


def test_an_unchanged_slot_of_zeros_stays_one_piece() -> None:
    """Invariant 9: one spelling of zero, so that equal trees have equal roots."""
    vault, content = Vault(), bytearray(2 * SLOT_BYTES)
    content[0] = 1
    first = vault.backup(Source(content).disk()).disks[0]
    second = vault.backup(Source(content).disk("compare")).disks[0]
    assert first.root == second.root
    assert slots_of(vault)[1] == ZERO_SLOT


def test_a_tail_is_padded_with_zeros_whatever_was_read_before() -> None:
    """B2: the last block's id depends on its own bytes only."""
    vault, tail = Vault(), b"the end of the disk"
    for seed in (6, 7, 8):
        vault.backup(Source(random.Random(seed).randbytes(6 * SLOT_BYTES) + tail).disk(), machine_id=f"m{seed}")
        stored_anew = 6 * SLOT_BYTES + (BLOCK_BYTES if seed == 6 else 0)
        assert vault.counters.new_bytes == stored_anew
        assert vault.restore(vault.newest(f"m{seed}"))[-len(tail) :] == tail
