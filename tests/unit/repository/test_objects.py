"""Manifests, index segments, pack trailers, the envelope: what they give back and what they refuse."""

from __future__ import annotations

import random

import pytest

from strongroom.repository.envelope import ObjectKind, kind_of, seal, unseal
from strongroom.repository.errors import KeyWrong, ManifestMissing, ObjectDamaged, ObjectTruncated
from strongroom.repository.format import is_hex_id, pack_key, pack_of_key, parse_snap_key, snap_key
from strongroom.repository.index.segment import Segment
from strongroom.repository.keys.master import MasterKey
from strongroom.repository.manifest import DiskRecord, Manifest
from strongroom.repository.packs.cipher import confirm_id
from strongroom.repository.packs.pack import PackWriter, open_chunk, publish_pack, read_trailer
from strongroom.repository.packs.trailer import Codec, Entry, EntryKind, Footer, Trailer, decode_trailer, encode_trailer
from strongroom.repository.protocol.session import void
from strongroom.testing.stores import MemoryStore
from tests.scenario.repository.vault import Source, Vault

KEY = MasterKey(1, b"k" * 32)
SALT = b"s" * 32


def entry(number: int, ordinal: int = 0) -> Entry:
    return Entry(number.to_bytes(32), EntryKind.DATA, Codec.ZSTD, ordinal, 8 + number, 100, 65536, bytes(16))


def trailer(pack: int, numbers: list[int]) -> Trailer:
    return Trailer(f"{pack:064x}", SALT, "job", tuple(entry(number, ordinal) for ordinal, number in enumerate(numbers)))


def test_the_envelope_opens_what_it_sealed_and_nothing_else() -> None:
    """Invariant 13: bound to key, epoch, repository, kind and place."""
    sealed = seal(KEY, "r" * 32, ObjectKind.EVENT, "event/a/1", b"payload")
    assert kind_of("event/a/1", sealed) is ObjectKind.EVENT
    assert unseal(KEY, "r" * 32, ObjectKind.EVENT, "event/a/1", sealed) == b"payload"
    attempts = [
        (KEY, "q" * 32, ObjectKind.EVENT, "event/a/1", ObjectDamaged),
        (KEY, "r" * 32, ObjectKind.PRUNE, "event/a/1", ObjectDamaged),
        (KEY, "r" * 32, ObjectKind.EVENT, "event/a/2", ObjectDamaged),
        (MasterKey(1, b"x" * 32), "r" * 32, ObjectKind.EVENT, "event/a/1", ObjectDamaged),
        (MasterKey(2, b"k" * 32), "r" * 32, ObjectKind.EVENT, "event/a/1", KeyWrong),
    ]
    for key, repository, kind, place, error in attempts:
        with pytest.raises(error):
            unseal(key, repository, kind, place, sealed)
    for length in (0, 10, 40, len(sealed) - 1):
        with pytest.raises(ObjectDamaged):
            unseal(KEY, "r" * 32, ObjectKind.EVENT, "event/a/1", sealed[:length])


def test_a_manifest_gives_back_what_it_was_given() -> None:
    """C4: the engine's facts verbatim, names of any bytes."""
    disk = DiskRecord("vda", 5, "raw", "ab" * 32, {"mtime": 1}, "full", "first backup", 5, 5, 5, 5)
    facts = {"name": "db[prod] \udcff 東京\n", "list": [1, None, {"x": True}]}
    manifest = Manifest("snap/x/1", "uuid", 1, "job", "t", "u", (disk,), ("p",), {"tag": 3}, facts)
    assert Manifest.decode("snap/x/1", manifest.encode()) == manifest
    assert manifest.disk("vda") == disk
    assert manifest.disk("vdb") is None
    for wrong_key, payload in (("snap/x/2", manifest.encode()), ("snap/x/1", b"{}"), ("snap/x/1", manifest.encode()[:-3])):
        with pytest.raises(ObjectDamaged):
            Manifest.decode(wrong_key, payload)


def test_points_are_listed_oldest_first_and_voids_left_out() -> None:
    """A14: what a vault holds; the newest is the parent of the next."""
    vault = Vault()
    points = [vault.backup(Source(bytes([turn])).disk()) for turn in range(3)]
    vault.backup(Source(b"other").disk(), machine_id="other")
    with vault.open_writer():
        pass
    repository = vault.repository
    assert [point.seq for point in repository.manifests("m")] == [1, 2, 3]
    assert len(repository.manifests()) == 4
    assert repository.newest("m") == points[-1]
    assert repository.newest("unknown") is None
    assert repository.tips() == {repository.machine_tag("m"): 4, repository.machine_tag("other"): 1}
    assert repository.manifests("m")[-1].facts == {"by": "test"}
    assert vault.newest("other").tips == {repository.machine_tag("m"): 3}
    with pytest.raises(ManifestMissing, match="declared dead"):
        repository.manifest(snap_key(repository.machine_tag("m"), 4))
    assert void(repository, points[0].commit_key).value == "committed"


def test_a_foreign_name_among_the_points_is_an_error() -> None:
    """Invariant 6: a listing is believed or refused, never thinned."""
    vault = Vault()
    vault.store.put_new("snap/readme.txt", b"?")
    with pytest.raises(ObjectDamaged):
        vault.repository.manifests()


def test_names_are_read_as_they_are_written() -> None:
    """C4: keys are names with a meaning."""
    assert parse_snap_key(snap_key("ab" * 16, 7)) == ("ab" * 16, 7)
    assert parse_snap_key("snap/x/1") is None
    assert pack_of_key(pack_key("cd" * 32)) == "cd" * 32
    assert pack_of_key("packs/00/" + "cd" * 32) is None
    assert is_hex_id("0" * 64)
    assert not is_hex_id("0" * 63 + "G")


def test_a_segment_finds_every_copy() -> None:
    """Invariant 8: one id in several packs, among many others."""
    numbers = random.Random(1).sample(range(1 << 20), 3000)
    segment = Segment.of_trailers([trailer(1, numbers[:2000]), trailer(2, numbers[1000:])])
    assert len(segment) == 4000
    for number in numbers:
        packs = {location.pack_id for location in segment.find(number.to_bytes(32))}
        expected = ({f"{1:064x}"} if number in numbers[:2000] else set()) | ({f"{2:064x}"} if number in numbers[1000:] else set())
        assert packs == expected
        assert segment.find(number.to_bytes(32))[0].entry._replace(block_hashes=bytes(16), ordinal=0) == entry(number)
    assert segment.find((1 << 30).to_bytes(32)) == []
    assert len(list(segment.ids_in(frozenset({f"{2:064x}"})))) == 2000


def test_merging_segments_keeps_every_live_record_once() -> None:
    """Invariant 8: compaction output ⊇ live input."""
    parts = [Segment.of_trailers([trailer(1, [5, 3, 9]), trailer(2, [3])]), Segment.of_trailers([trailer(2, [3]), trailer(3, [1, 9])])]
    merged = Segment.merged(parts, frozenset({f"{1:064x}", f"{2:064x}"}))
    found = {number: sorted(int(location.pack_id, 16) for location in merged.find(number.to_bytes(32))) for number in (1, 3, 5, 9)}
    assert found == {1: [], 3: [1, 2], 5: [1], 9: [1]}
    assert len(merged) == 4


@pytest.mark.parametrize("cut", [0, 7, 8, 60, -1])
def test_a_malformed_segment_is_refused(cut: int) -> None:
    """Invariant 13."""
    with pytest.raises(ObjectDamaged):
        Segment(bytes(Segment.of_trailers([trailer(1, [1])]).data)[:cut])


def test_a_trailer_gives_back_its_entries() -> None:
    """Invariant 8: the packs themselves tell what they hold."""
    made = trailer(7, list(range(300)))
    plain = encode_trailer(made.session_id, list(made.entries))
    assert decode_trailer(made.pack_id, SALT, plain) == made
    for wrong in (plain[:-1], plain + b"\0", b"", plain[:3]):
        with pytest.raises(ObjectDamaged):
            decode_trailer(made.pack_id, SALT, wrong)


def test_a_pack_gives_back_what_was_put_in() -> None:
    """Invariants 4 and 5: chunks in memory and from the store."""
    vault = Vault(MemoryStore())
    repository, plain = vault.repository, bytes(random.Random(3).randbytes(65536 * 2))
    hashes = repository.ids.block_hashes(plain)
    writer = PackWriter(repository.key, repository.id, "job", bytearray(1 << 18))
    assert writer.empty
    made = writer.add(
        EntryKind.DATA, Codec.RAW, repository.ids.chunk_id(hashes), b"".join(value[:16] for value in hashes), plain, len(plain)
    )
    assert writer.read_back(made) == plain
    assert not writer.has_room(1 << 18)
    pack = writer.finish()
    publish_pack(vault.store, pack)
    publish_pack(vault.store, pack)  # a retry sends the same bytes
    read = read_trailer(repository, pack.id)
    assert read == pack.trailer
    assert read.entries[0].block_hash(1) == hashes[1][:16]
    sealed = vault.store.get_range(pack_key(pack.id), made.offset, made.sealed_bytes)
    assert open_chunk(repository, pack.id, read.salt, read.entries[0], sealed) == plain
    with pytest.raises(ObjectDamaged):
        confirm_id(repository.ids, pack.id, made, plain[:-1] + b"\0")
    vault.objects[pack_key(pack.id)] = b"short"
    with pytest.raises(ObjectTruncated):
        read_trailer(repository, pack.id)


def test_a_footer_must_be_its_packs() -> None:
    """Invariant 13: a pack under another's name is refused before anything else is read."""
    footer = Footer(SALT, 1, 8, 40, bytes(32)).encode()
    assert Footer.decode("00" * 32, footer).trailer_bytes == 40
    with pytest.raises(ObjectDamaged, match="holds pack"):
        Footer.decode("11" * 32, footer)
    with pytest.raises(ObjectDamaged, match="no footer"):
        Footer.decode("00" * 32, footer[:-1] + b"\0")
