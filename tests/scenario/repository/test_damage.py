"""Damage is detected, named, survived where another copy exists, and never handed to anybody."""

from __future__ import annotations

import random

import pytest
from blake3 import blake3

from strongroom.domain.disk import SLOT_BYTES, Extent
from strongroom.domain.errors import StrongroomError
from strongroom.repository.counters import Counters
from strongroom.repository.envelope import ObjectKind, kind_of
from strongroom.repository.errors import ManifestMissing, ObjectDamaged, ObjectMissing, StoreUnreachable
from strongroom.repository.format import pack_key
from strongroom.repository.index.index import Index
from strongroom.repository.journal import Journal, replay
from strongroom.repository.packs.pack import EntryKind, PackWriter, Trailer, open_payload, publish_pack, read_trailer
from strongroom.repository.packs.trailer import FOOTER_BYTES, Codec
from strongroom.repository.protocol.quarantine import mark_bad
from strongroom.repository.reading.reader import PointReader
from strongroom.repository.writing import chunk_sealer
from strongroom.testing.stores import FaultStore
from tests.scenario.repository.vault import UNCHANGED, Source, Vault, flip, never


def noise(seed: int, slots: int = 3) -> bytes:
    return random.Random(seed).randbytes(slots * SLOT_BYTES)


def trailers(vault: Vault) -> list[Trailer]:
    return [read_trailer(vault.repository, key.rsplit("/", 1)[1]) for key in vault.keys("packs/")]


def data_pack(vault: Vault) -> Trailer:
    return next(trailer for trailer in trailers(vault) if trailer.entries[0].kind is EntryKind.DATA)


@pytest.mark.parametrize("stage", ["compressed", "sealed"])
def test_a_bit_flipped_before_publishing_fails_the_backup(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 4: decrypt, decode and re-identify everything; a bit flips between compress and write."""
    vault = Vault()
    if stage == "compressed":
        packed = chunk_sealer.ChunkSealer._packed
        monkeypatch.setattr(chunk_sealer.ChunkSealer, "_packed", lambda self, plain: spoiled(*packed(self, plain)))
    else:
        add = chunk_sealer.PackWriter.add

        def spoiling_add(self: chunk_sealer.PackWriter, *arguments: object) -> object:
            entry = add(self, *arguments)  # type: ignore[arg-type]
            self._buffer[entry.offset] ^= 1
            return entry

        monkeypatch.setattr(chunk_sealer.PackWriter, "add", spoiling_add)
    with pytest.raises(ObjectDamaged):
        vault.backup_bytes(noise(1))
    assert vault.repository.manifests() == []


def spoiled(codec: Codec, payload: bytes) -> tuple[Codec, bytes]:
    return codec, flip(bytes(payload), len(payload) // 2)


@pytest.mark.parametrize("verify", [True, False])
def test_less_verification_still_checks_every_tag(verify: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 4: the setting lowers the check to the tag, not to nothing."""
    vault = Vault()
    asked: list[int] = []
    name = "read_back" if verify else "authenticate"
    check = getattr(chunk_sealer.PackWriter, name)
    monkeypatch.setattr(chunk_sealer.PackWriter, name, lambda self, entry: (asked.append(1), check(self, entry))[1])
    with vault.open_writer(verify=verify) as writer:
        writer.write_disk(Source(noise(2)).disk())
        writer.commit("2026-01-01T00:00:00Z", {})
    assert len(asked) == 4  # three chunks and a leaf


def test_a_flipped_bit_in_a_chunk_is_a_named_range_and_never_reaches_the_target() -> None:
    """Invariant 5: verify before use; the rest of the disk comes back."""
    vault, content = Vault(), noise(3)
    vault.backup_bytes(content)
    pack = data_pack(vault)
    entry = pack.entries[0]
    key = pack_key(pack.pack_id)
    vault.objects[key] = flip(vault.objects[key], entry.offset + entry.sealed_bytes // 2)
    restored, report = vault.copy()
    (bad,) = report.bad_ranges
    assert (bad.length, bad.damaged) == (SLOT_BYTES, True)
    assert "ObjectDamaged" in bad.reason
    assert restored == content[: bad.offset] + bytes(bad.length) + content[bad.offset + bad.length :]


def test_a_read_that_fails_once_is_tried_again() -> None:
    """Invariant 5: one retry before a range is bad."""
    vault, content = Vault(), noise(4)
    vault.backup_bytes(content)
    calls = restore_through(vault, FaultStore(vault.store), content)
    reads = [number for number, (operation, key) in enumerate(calls, 1) if operation == "get_range" and key.startswith("packs/")]
    assert reads
    for number in reads:
        restore_through(vault, FaultStore(vault.store, fail_at=number, error=StoreUnreachable("once")), content)


def restore_through(vault: Vault, store: FaultStore, content: bytes) -> list[tuple[str, str]]:
    inner, vault.store = vault.store, store
    try:
        assert vault.restore() == content
    finally:
        vault.store = inner
    return store.calls


def test_a_missing_pack_cannot_be_read_but_is_not_called_bad() -> None:
    """Invariant 17: «cannot read» is not «bad»."""
    vault, content = Vault(), noise(5)
    vault.backup_bytes(content)
    vault.store.delete(pack_key(data_pack(vault).pack_id))
    _, report = vault.copy()
    assert report.bad_ranges
    assert not any(bad.damaged for bad in report.bad_ranges)


@pytest.mark.parametrize("harm", ["marked", "deleted"])
def test_the_next_backup_heals_what_a_lost_pack_held(harm: str) -> None:
    """B3: chunks in packs that are bad or missing are unknown, and the slots that use them are dirty again, even if «unchanged»."""
    vault, content = Vault(), noise(6, 5) + bytes(SLOT_BYTES) + b"tail"
    vault.backup_bytes(content)
    pack = data_pack(vault)
    if harm == "marked":
        mark_bad(vault.repository, pack.pack_id, "a test")
        vault.objects[pack_key(pack.pack_id)] = flip(vault.objects[pack_key(pack.pack_id)], 100)
    else:
        vault.store.delete(pack_key(pack.pack_id))
    source = Source(content)
    record = vault.backup(source.disk("incremental", [Extent(0, len(content), UNCHANGED)])).disks[0]
    assert record.new_bytes == sum(entry.plain_bytes for entry in pack.entries)
    assert vault.restore() == content
    if harm == "marked":
        assert vault.store.stat(pack_key(pack.pack_id)) is not None  # invariant 16: repair never deletes


def test_a_lost_tree_is_built_again_from_a_full_read() -> None:
    """B3: a parent whose tree cannot be read is no parent, and the record says so."""
    vault, content = Vault(), noise(7)
    vault.backup_bytes(content)
    tree_pack = next(trailer for trailer in trailers(vault) if trailer.entries[0].kind is EntryKind.TREE)
    vault.store.delete(pack_key(tree_pack.pack_id))
    record = vault.backup(Source(content).disk("incremental", [Extent(0, len(content), UNCHANGED)])).disks[0]
    assert "the parent cannot be read" in record.reason
    assert record.new_bytes == 0
    assert vault.restore() == content


def test_every_byte_of_every_object_is_guarded() -> None:
    """Invariant 13: a bit flipped in any byte class of any object is detected by whoever reads that object."""
    vault, content = Vault(), noise(8, 1) + b"t" * 100
    vault.backup_bytes(content)
    Journal(vault.repository, "service").append("vault-created", {"name": "v"})
    mark_bad(vault.repository, "ab" * 32, "a test")
    pristine = dict(vault.objects)
    for key, data in pristine.items():
        if key.startswith("keys/"):
            continue
        for at in interesting_bytes(key, data):
            vault.objects[key] = flip(data, at, at % 8)
            assert detected(vault, key), f"byte {at} of {key} is not guarded"
        vault.objects[key] = data


def interesting_bytes(key: str, data: bytes) -> list[int]:
    """Every byte of small objects' heads and tails, and a sample of the middle."""
    if key == "sr1.json":
        return [data.index(word) + 1 for word in (b"SR1", b"repository", b"created_at", b"key_check")] + [len(data) // 2]
    edge = FOOTER_BYTES + 24
    middle = random.Random(len(data)).sample(range(len(data)), 12)
    return sorted({*range(min(44, len(data))), *range(max(0, len(data) - edge), len(data)), *middle})


def detected(vault: Vault, key: str) -> bool:
    """Read the one object as its readers do."""
    try:
        return READERS[key.split("/", maxsplit=1)[0]](vault, key)
    except StrongroomError:
        return True


def unseal_raises(vault: Vault, key: str) -> bool:
    vault.repository.unseal(kind_of(key, vault.objects[key]), key)
    return False


def pack_is_refused(vault: Vault, key: str) -> bool:
    """The tier «hash» needs no key; a chunk's reader has the tag and the id."""
    data = vault.objects[key]
    digested = blake3(data[:-40]).digest()
    return digested != data[-40:-8] or digested.hex() != key.rsplit("/", 1)[1] or read_trailer(vault.repository, key[-64:]) is None


READERS = {
    "sr1.json": lambda vault, _key: vault.repository is None,
    "snap": lambda vault, key: vault.repository.manifest(key) is None,
    "packs": pack_is_refused,
    "index": unseal_raises,
    "bad": unseal_raises,
    "prune": unseal_raises,
    "sess": unseal_raises,
    "event": lambda vault, _key: not list(replay(vault.repository)),
}


def test_objects_cannot_be_swapped_replayed_or_refiled() -> None:
    """Invariant 13: an object is bound to its repository, its kind and its full key."""
    vault, other = Vault(), Vault()
    for turn in range(2):
        vault.backup_bytes(noise(10 + turn, 1), "compare")
        other.backup_bytes(noise(20 + turn, 1), "compare")
    snaps, foreign = vault.keys("snap/"), other.keys("snap/")
    for taken, place in [(vault.objects[snaps[0]], snaps[1]), (other.objects[foreign[0]], snaps[0])]:
        good = vault.objects[place]
        vault.objects[place] = taken
        with pytest.raises(ObjectDamaged):
            vault.repository.manifest(place)
        vault.objects[place] = good
    packs = vault.keys("packs/")
    vault.objects[packs[0]], vault.objects[packs[1]] = vault.objects[packs[1]], vault.objects[packs[0]]
    with pytest.raises(ObjectDamaged):
        read_trailer(vault.repository, packs[0][-64:])


def test_a_truncated_pack_and_a_deleted_manifest_are_errors() -> None:
    """Invariant 13: truncation is detected, absence is said."""
    vault = Vault()
    vault.backup_bytes(noise(11, 1))
    key = pack_key(data_pack(vault).pack_id)
    vault.objects[key] = vault.objects[key][:-1]
    with pytest.raises(ObjectDamaged):
        read_trailer(vault.repository, key[-64:])
    snap = vault.keys("snap/")[0]
    vault.store.delete(snap)
    with pytest.raises(ManifestMissing):
        vault.repository.manifest(snap)


def test_an_object_of_another_kind_does_not_open() -> None:
    """Invariant 13: the kind is authenticated."""
    vault = Vault()
    vault.backup_bytes(b"x")
    key = vault.keys("snap/")[0]
    vault.objects[key] = vault.objects[key][:5] + bytes((ObjectKind.VOID,)) + vault.objects[key][6:]
    with pytest.raises(ObjectDamaged):
        vault.repository.manifest(key)


def test_the_index_is_only_a_hint() -> None:
    """Invariant 8: without any index object, or with wrong ones, every point restores and deduplication starts again."""
    vault, content = Vault(), noise(12)
    vault.backup_bytes(content)
    whole = dict(vault.objects)
    for key in vault.keys("index/"):
        vault.objects[key] = flip(vault.objects[key], 60)
    assert vault.restore() == content
    for key in vault.keys("index/"):
        vault.store.delete(key)
    assert vault.restore() == content
    with PointReader.open(vault.repository, vault.newest(), counters=Counters(), check=never) as reader:
        assert reader.read("vda", 5, 10) == content[5:15]
    vault.objects.update({key: data for key, data in whole.items() if key.startswith("index/")})
    vault.backup_bytes(content, "compare")
    assert vault.restore() == content


def test_a_chunk_that_moved_is_found_again() -> None:
    """Invariant 8: an index that names a deleted pack does not hide the copy that collection made."""
    vault, content = Vault(), noise(13)
    vault.backup_bytes(content)
    for key in vault.keys("packs/"):
        trailer = read_trailer(vault.repository, key[-64:])
        if trailer.entries[0].kind is EntryKind.DATA:
            reseal(vault, trailer)
            vault.store.delete(key)
    assert vault.restore() == content


def reseal(vault: Vault, trailer: Trailer) -> None:
    writer = PackWriter(vault.repository.key, vault.repository.id, "collector")
    data = vault.objects[pack_key(trailer.pack_id)]
    for entry in trailer.entries:
        sealed = data[entry.offset : entry.offset + entry.sealed_bytes]
        payload = open_payload(vault.repository, trailer.pack_id, trailer.salt, entry, sealed)
        writer.add(entry.kind, entry.codec, entry.id, entry.block_hashes, payload, entry.plain_bytes)
    publish_pack(vault.store, writer.finish())


def test_an_index_beyond_its_memory_lies_in_files_and_finds_the_same() -> None:
    """Memory: segments beyond the budget are mapped from nameless files."""
    vault, content = Vault(), noise(14)
    vault.backup_bytes(content)
    small, large = Index(vault.repository, memory_budget_bytes=0), Index.load(vault.repository)
    small.refresh()
    for trailer in trailers(vault):
        for entry in trailer.entries:
            assert small.find(entry.id) == large.find(entry.id) != []
    assert small.find(b"\0" * 32) == []


def test_a_pack_that_is_gone_says_so() -> None:
    """A19: the error names the object."""
    vault = Vault()
    with pytest.raises(ObjectMissing):
        read_trailer(vault.repository, "00" * 32)
