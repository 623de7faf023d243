"""What cannot be proved is not believed: forged chunks, unreadable trailers, a damaged parent."""

from __future__ import annotations

import random

import pytest

from strongroom.domain.disk import BLOCK_BYTES, SLOT_BYTES, Extent
from strongroom.repository.counters import Counters
from strongroom.repository.errors import ObjectDamaged, StoreUnreachable
from strongroom.repository.format import pack_key
from strongroom.repository.packs.pack import Codec, EntryKind, PackWriter, publish_pack, read_trailer
from strongroom.repository.protocol.quarantine import mark_bad
from strongroom.repository.reading.reader import PointReader
from strongroom.testing.stores import MemoryStore
from tests.scenario.repository.vault import UNCHANGED, Source, Vault, flip, never


def noise(seed: int, slots: int = 3) -> bytes:
    return random.Random(seed).randbytes(slots * SLOT_BYTES)


def unchanged(content: bytes) -> list[Extent]:
    return [Extent(0, len(content), UNCHANGED)]


def data_pack(vault: Vault) -> str:
    packs = (key[-64:] for key in vault.keys("packs/"))
    return next(pack for pack in packs if read_trailer(vault.repository, pack).entries[0].kind is EntryKind.DATA)


def test_a_chunk_under_another_chunks_name_is_bad_although_it_authenticates() -> None:
    """Invariant 5: the tag says who sealed it, only the id says that it is the right chunk."""
    vault, content = Vault(), noise(1, 1)
    vault.backup_bytes(content)
    pack_id = data_pack(vault)
    entry = read_trailer(vault.repository, pack_id).entries[0]
    vault.store.delete(pack_key(pack_id))
    forger = PackWriter(vault.repository.key, vault.repository.id, "forger")
    forger.add(EntryKind.DATA, Codec.RAW, entry.id, entry.block_hashes, noise(2, 1), SLOT_BYTES)
    publish_pack(vault.store, forger.finish())
    restored, report = vault.copy()
    assert restored == bytes(SLOT_BYTES)
    assert [(bad.offset, bad.length, bad.damaged) for bad in report.bad_ranges] == [(0, SLOT_BYTES, True)]


def test_a_block_that_cannot_be_compared_proves_nothing() -> None:
    """Invariant 10: with its parent's trailer unreadable a disk is read whole, and the backup succeeds."""
    vault, content = Vault(), noise(3)
    vault.backup_bytes(content)
    key = pack_key(data_pack(vault))
    vault.objects[key] = flip(vault.objects[key], len(vault.objects[key]) - 100)
    record = vault.backup(Source(content).disk("incremental", unchanged(content))).disks[0]
    assert "cannot be compared" in record.reason
    assert record.read_bytes == len(content)


def test_a_damaged_newest_point_is_no_parent_and_does_not_stop_backups() -> None:
    """Invariant 13: what does not authenticate is not inherited from; the writer says why it has no parent."""
    vault, content = Vault(), noise(4)
    vault.backup_bytes(content)
    (key,) = vault.keys("snap/")
    vault.objects[key] = flip(vault.objects[key], 60)
    with vault.open_writer() as writer:
        assert writer.parent is None
        assert "damaged" in writer.parent_reason
        record = writer.write_disk(Source(content).disk("incremental", unchanged(content)))
        point = writer.commit("2026-01-01T00:00:00Z", {})
    assert record.reason == "there is no parent to count from"
    assert record.new_bytes == 0
    assert vault.restore(point) == content


def test_a_backup_survives_a_heartbeat_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 7: a heartbeat is only ever a hint."""

    def unreachable(self: MemoryStore, key: str, data: object) -> None:
        raise StoreUnreachable("no heartbeat today")

    monkeypatch.setattr(MemoryStore, "touch", unreachable)
    monkeypatch.setattr("strongroom.repository.writing.writer.HEARTBEAT_SECONDS", -1.0)
    vault, content = Vault(), noise(5)
    vault.backup_bytes(content)
    assert vault.restore() == content


def test_tree_nodes_in_a_marked_pack_are_stored_again() -> None:
    """B3: nothing is taken over that lies only where it cannot be relied upon, tree nodes included."""
    vault, content = Vault(), noise(6)
    vault.backup_bytes(content)
    packs = (key[-64:] for key in vault.keys("packs/"))
    tree_pack = next(pack for pack in packs if read_trailer(vault.repository, pack).entries[0].kind is EntryKind.TREE)
    mark_bad(vault.repository, tree_pack, "a test")
    record = vault.backup(Source(content).disk("incremental", unchanged(content))).disks[0]
    assert (record.mode, record.read_bytes) == ("incremental", 0)
    vault.store.delete(pack_key(tree_pack))
    assert vault.restore() == content


def test_verification_proves_everything_once_and_writes_nothing() -> None:
    """B3: every chunk authenticated, decoded and re-identified; damage is named as the ranges of the disk that it costs."""
    vault, content = Vault(), noise(7) + bytes(SLOT_BYTES) + b"tail"
    point = vault.backup(Source(content).disk())
    counters = Counters()
    with PointReader.open(vault.repository, point, counters=counters, check=never) as reader:
        report = reader.verify("vda")
    assert (report.chunks, report.plain_bytes, report.bad) == (4, 3 * SLOT_BYTES + BLOCK_BYTES, ())
    assert counters.done_bytes == counters.total_bytes == len(content)
    assert counters.read_bytes == report.pack_bytes_read > 0
    key = pack_key(data_pack(vault))
    vault.objects[key] = flip(vault.objects[key], 200)
    with PointReader.open(vault.repository, point, counters=counters, check=never) as reader:
        report = reader.verify("vda")
        with pytest.raises(ObjectDamaged):
            reader.read("vda", report.bad[0].offset, 1)
    assert [bad.damaged for bad in report.bad] == [True]
    assert report.chunks == 3
    assert counters.done_bytes == counters.total_bytes
