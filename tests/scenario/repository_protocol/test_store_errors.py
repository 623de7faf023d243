"""«Cannot read» is not «bad», and a listing that fails is not an empty one (invariants 6, 16, 17 and 19)."""

from __future__ import annotations

import pytest

from strongroom.domain.errors import StrongroomError
from strongroom.repository.checking.check import ProblemKind, Tier, check
from strongroom.repository.counters import Counters
from strongroom.repository.errors import StoreFull, StoreUnreachable
from strongroom.repository.protocol.collect import condemn, sweep
from strongroom.repository.protocol.quarantine import bad_packs
from strongroom.repository.protocol.session import open_session
from strongroom.testing.stores import FaultStore, MemoryStore
from tests.scenario.repository.vault import never
from tests.scenario.repository_protocol.lifetime import Lifetime, changed, collect_all, content

_MOST_CALLS = 500


@pytest.fixture(scope="module")
def past() -> Lifetime:
    return Lifetime.begin()


def _again(past: Lifetime) -> tuple[Lifetime, MemoryStore]:
    assert isinstance(past.vault.store, MemoryStore)
    memory = MemoryStore()
    for key, data in past.vault.store.objects.items():
        memory.put_new(key, data)
    return past.on(memory), memory


def test_a_store_that_fails_at_any_call_of_a_collection_makes_it_stop_not_guess(past: Lifetime) -> None:
    """Invariants 6, 16 and 17: whatever call fails, no pack is marked bad and nothing that lives is deleted."""
    unnoticed = []
    for number in range(1, _MOST_CALLS, 2):
        life, memory = _again(past)
        store = FaultStore(memory, fail_at=number, error=StoreUnreachable("no answer"))
        try:
            collect_all(life.on(store).vault.repository)
        except StoreUnreachable:
            pass
        else:
            if len(store.calls) < number:
                break
            unnoticed.append(store.calls[number - 1][0])
        assert bad_packs(life.vault.repository) == frozenset()
        life.assert_whole()
    else:
        pytest.fail("the collection does not end")
    assert number > 50
    assert set(unnoticed) <= {"get_range"}, "only reads of tree nodes are tried twice"


def test_a_pack_that_cannot_be_read_today_is_reported_and_not_marked(past: Lifetime) -> None:
    """Invariant 17."""
    life, memory = _again(past)
    pack = next(key for key in memory.objects if key.startswith("packs/"))

    class Sulking(MemoryStore):
        def get_range(self, key: str, offset: int, length: int) -> bytes:
            if key == pack and offset == 0:
                raise StoreUnreachable(f"Cannot read {key}")
            return super().get_range(key, offset, length)

    store = Sulking()
    for key, data in memory.objects.items():
        store.put_new(key, data)
    report = check(life.on(store).vault.repository, Tier.HASH, Counters(), never)
    assert [(problem.kind, problem.object) for problem in report.problems] == [(ProblemKind.UNREADABLE, pack)]
    assert bad_packs(life.on(store).vault.repository) == frozenset()


def test_a_full_store_leaves_the_repository_readable_and_collection_frees_room(past: Lifetime) -> None:
    """Invariant 19."""
    life, memory = _again(past)
    memory.capacity_bytes = memory.space().used_bytes + 100_000
    with pytest.raises(StoreFull):
        life.back_up("d", content(20))
    life.assert_whole()
    life.give_up(*[manifest.commit_key for manifest in life.vault.repository.manifests("a")])
    condemn(life.vault.repository, threshold=0.0, check=never)
    assert sweep(life.vault.repository, check=never).deleted_bytes > 0
    life.assert_whole()
    life.back_up("b", changed(content(4), 21))
    life.assert_whole()


def test_a_store_without_a_byte_left_can_be_restored_from(past: Lifetime) -> None:
    """Invariant 19, A16."""
    life, memory = _again(past)
    memory.capacity_bytes = memory.space().used_bytes
    life.assert_whole()


def test_dead_packs_go_though_there_is_no_room_to_copy_what_lives_in_others(past: Lifetime) -> None:
    """Invariant 19: the sweep frees what it can and says that it wants room for the rest."""
    life, memory = _again(past)
    life.give_up(*[manifest.commit_key for manifest in life.vault.repository.manifests("a")])
    condemned = condemn(life.vault.repository, threshold=0.9, check=never)
    assert len(condemned.gc_ids) == 2
    before = memory.space().used_bytes
    memory.capacity_bytes = before + 4096
    with pytest.raises(StoreFull):
        sweep(life.vault.repository, check=never)
    assert memory.space().used_bytes < before - 500_000
    life.assert_whole()
    memory.capacity_bytes = before + 700_000
    assert sweep(life.vault.repository, check=never).copied_chunks > 0
    life.assert_whole()


@pytest.mark.parametrize("prefix", ["snap/", "sess/", "trash/", "prune/"])
def test_an_object_that_does_not_open_stops_collection(past: Lifetime, prefix: str) -> None:
    """Invariants 6 and 13: what cannot be understood may be what keeps a chunk alive."""
    life, memory = _again(past)
    condemn(life.vault.repository, threshold=0.9, check=never)
    open_session(life.vault.repository, "b", "open", {}, None)
    packs = {key for key in memory.objects if key.startswith("packs/")}
    victim = next(key for key in memory.objects if key.startswith(prefix))
    memory.objects[victim] = memory.objects[victim][:-1] + bytes([memory.objects[victim][-1] ^ 1])
    with pytest.raises(StrongroomError):
        sweep(life.vault.repository, check=never)
    assert packs <= memory.objects.keys()
