"""Damage is typed, named and listed by the recovery points that it affects; nothing is deleted by looking (B3, invariants 13, 16, 17)."""

from __future__ import annotations

import pytest

from strongroom.domain.errors import StrongroomError
from strongroom.repository.checking.check import ProblemKind, Tier, check, check_hashes
from strongroom.repository.counters import Counters
from strongroom.repository.errors import ObjectDamaged, SessionFenced
from strongroom.repository.format import pack_key
from strongroom.repository.manifest import Manifest
from strongroom.repository.protocol.collect import condemn, sweep
from strongroom.repository.protocol.quarantine import bad_packs, mark_bad
from strongroom.testing.stores import MemoryStore
from tests.scenario.repository.vault import TAKEN_AT, Source, flip, never
from tests.scenario.repository_protocol.lifetime import Lifetime, changed, content


@pytest.fixture
def life() -> Lifetime:
    return Lifetime.begin()


def _objects(life: Lifetime) -> dict[str, bytes]:
    assert isinstance(life.vault.store, MemoryStore)
    return life.vault.store.objects


def _own_pack(life: Lifetime, machine: str, number: int) -> str:
    """The largest pack that this backup wrote."""
    return max(life.vault.repository.manifests(machine)[number].packs, key=lambda pack: len(_objects(life)[pack_key(pack)]))


def _points(life: Lifetime, machine: str) -> list[str]:
    return [manifest.commit_key for manifest in life.vault.repository.manifests(machine)]


@pytest.mark.parametrize("tier", Tier)
def test_a_sound_repository_has_no_problems(life: Lifetime, tier: Tier) -> None:
    """B3."""
    counters = Counters()
    report = check(life.vault.repository, tier, counters, never)
    assert report.problems == []
    assert report.objects > 10
    assert counters.done_bytes == counters.total_bytes
    assert (counters.total_bytes > 1_000_000) == (tier is not Tier.LIST)


@pytest.mark.parametrize("tier", [Tier.HASH, Tier.DATA])
def test_one_wrong_bit_names_its_pack_and_exactly_the_points_that_need_it(life: Lifetime, tier: Tier) -> None:
    """B3: machine a's third point wrote this pack; nobody else uses it."""
    pack = _own_pack(life, "a", -1)
    before = dict(_objects(life))
    _objects(life)[pack_key(pack)] = flip(before[pack_key(pack)], 1000)
    report = check(life.vault.repository, tier, Counters(), never)
    assert [(problem.kind, problem.object, problem.points) for problem in report.problems] == [
        (ProblemKind.DAMAGED_PACK, pack_key(pack), tuple(_points(life, "a")[-1:]))
    ]
    assert bad_packs(life.vault.repository) == {pack}
    assert before.keys() <= _objects(life).keys(), "invariant 16: nothing is deleted"


def test_whatever_pack_is_damaged_the_points_named_are_those_that_cannot_be_restored(life: Lifetime) -> None:
    """B3: data or tree, shared by many points or not."""
    counts = set()
    for damaged in [key for key in _objects(life) if key.startswith("packs/")]:
        hurt = life.on(MemoryStore())
        for key, data in _objects(life).items():
            hurt.vault.store.put_new(key, flip(data, 50) if key == damaged else data)
        report = check(hurt.vault.repository, Tier.HASH, Counters(), never)
        assert [problem.object for problem in report.problems] == [damaged]
        broken = {manifest.commit_key for manifest in hurt.vault.repository.manifests() if not _restores(hurt, manifest)}
        assert set(report.affected_points) == broken
        counts.add(len(broken))
    assert {0, 1, 3} <= counts


def _restores(life: Lifetime, manifest: Manifest) -> bool:
    try:
        return life.vault.copy(manifest)[1].bad_ranges == ()
    except StrongroomError:
        return False


def test_hashes_are_checked_without_any_key(life: Lifetime) -> None:
    """B3: by whoever keeps the copy, who need not be able to read it."""
    assert check_hashes(life.vault.store, Counters(), never).problems == []
    pack = pack_key(_own_pack(life, "b", 0))
    for at in (0, 5000, len(_objects(life)[pack]) - 1):
        whole = _objects(life)[pack]
        _objects(life)[pack] = flip(whole, at)
        if at < len(whole) - 8:  # the magic itself is looked at by whoever opens the pack
            assert [problem.object for problem in check_hashes(life.vault.store, Counters(), never).problems] == [pack]
        _objects(life)[pack] = whole


@pytest.mark.parametrize("tier", Tier)
def test_a_missing_pack_is_named_with_its_points(life: Lifetime, tier: Tier) -> None:
    """B3."""
    pack = _own_pack(life, "b", 0)
    del _objects(life)[pack_key(pack)]
    report = check(life.vault.repository, tier, Counters(), never)
    assert [(problem.kind, problem.object, problem.points) for problem in report.problems] == [
        (ProblemKind.MISSING_PACK, pack_key(pack), tuple(_points(life, "b")))
    ]


def test_a_manifest_that_vanished_without_a_prune_record_is_missed(life: Lifetime) -> None:
    """Invariant 13."""
    victim = _points(life, "a")[0]
    del _objects(life)[victim]
    report = check(life.vault.repository, Tier.LIST, Counters(), never)
    assert [(problem.kind, problem.object) for problem in report.problems] == [(ProblemKind.MISSING_SEQUENCE, victim)]


def test_a_history_that_was_cut_short_is_missed_by_its_neighbours(life: Lifetime) -> None:
    """Invariant 13: machine b's manifest has seen machine a's newest point; taking the end of a's history away shows."""
    victims = _points(life, "a")[-2:]
    for victim in victims:
        del _objects(life)[victim]
    report = check(life.vault.repository, Tier.LIST, Counters(), never)
    assert {(problem.kind, problem.object) for problem in report.problems} == {(ProblemKind.MISSING_SEQUENCE, victim) for victim in victims}


def test_a_commit_key_taken_by_garbage_is_reported_and_passed_over(life: Lifetime) -> None:
    """Invariants 13 and 15."""
    writer = life.vault.open_writer("b")
    writer.write_disk(Source(content(4)).disk("compare"))
    life.vault.store.put_new(writer.commit_key, bytes(200))
    with pytest.raises(SessionFenced):
        writer.commit(TAKEN_AT, {})
    with pytest.raises(ObjectDamaged):
        writer.abort()
    assert [problem.object for problem in check(life.vault.repository, Tier.LIST, Counters(), never).problems] == [writer.commit_key]
    assert life.back_up("b", content(5)) > writer.commit_key


@pytest.mark.parametrize("prefix", ["snap/", "index/", "prune/"])
def test_a_small_object_with_a_wrong_bit_is_named(life: Lifetime, prefix: str) -> None:
    """Invariant 13."""
    victim = next(key for key in sorted(_objects(life)) if key.startswith(prefix))
    _objects(life)[victim] = flip(_objects(life)[victim], 60)
    if prefix == "prune/":
        report = check(life.vault.repository, Tier.LIST, Counters(), never)
        assert victim in [problem.object for problem in report.problems]
        return
    report = check(life.vault.repository, Tier.LIST, Counters(), never)
    assert [problem.object for problem in report.problems] == [victim]


def test_a_foreign_file_among_packs_is_named(life: Lifetime) -> None:
    life.vault.store.put_new("packs/00/notes.txt", b"?")
    report = check(life.vault.repository, Tier.LIST, Counters(), never)
    assert [(problem.kind, problem.object) for problem in report.problems] == [(ProblemKind.FOREIGN, "packs/00/notes.txt")]


def test_a_marked_pack_heals_with_the_next_backup_and_its_mark_goes_with_good_bytes(life: Lifetime) -> None:
    """Invariants 16 and 17, B3: a mark is no move; the next run stores again what was lost."""
    pack = _own_pack(life, "b", 0)
    whole = _objects(life)[pack_key(pack)]
    _objects(life)[pack_key(pack)] = flip(whole, 3000)
    check(life.vault.repository, Tier.HASH, Counters(), never)
    healed = life.back_up("b", changed(content(4), 30))
    assert life.vault.restore(life.vault.newest("b")) == life.expected[healed]
    _objects(life)[pack_key(pack)] = whole
    assert check(life.vault.repository, Tier.HASH, Counters(), never).problems == []
    assert bad_packs(life.vault.repository) == frozenset()
    life.assert_whole()


def test_collection_keeps_a_marked_pack_that_something_still_needs(life: Lifetime) -> None:
    """Invariant 16."""
    pack = _own_pack(life, "b", 0)
    mark_bad(life.vault.repository, pack, "test")
    condemn(life.vault.repository, threshold=2.0, check=never)
    sweep(life.vault.repository, check=never)
    assert pack_key(pack) in _objects(life)


def test_a_check_can_be_cancelled(life: Lifetime) -> None:
    """A18."""

    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        check(life.vault.repository, Tier.DATA, Counters(), stop)
