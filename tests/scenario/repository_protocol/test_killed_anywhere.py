"""Kill the process after every single store call; whatever was committed is still there (invariant 1; A18)."""

from __future__ import annotations

import pytest

from strongroom.repository.protocol.collect import condemn, sweep
from strongroom.testing.stores import FaultStore, Killed, MemoryStore
from tests.scenario.repository.vault import Source, never
from tests.scenario.repository_protocol.lifetime import Deed, Lifetime, changed, content

_MOST_CALLS = 2000


def _back_up(life: Lifetime) -> object:
    return life.vault.backup(Source(changed(content(4), 5)).disk("compare"), machine_id="b")


def _back_up_a_new_machine(life: Lifetime) -> object:
    return life.vault.backup(Source(content(6)).disk("full"), machine_id="c")


def _prune(life: Lifetime) -> None:
    life.give_up(*[manifest.commit_key for manifest in life.vault.repository.manifests("a")])


def _condemn(life: Lifetime) -> object:
    return condemn(life.vault.repository, threshold=0.9, check=never)


def _sweep(life: Lifetime) -> object:
    return sweep(life.vault.repository, check=never)


def _copy(life: Lifetime) -> object:
    return life.vault.restore(life.vault.repository.manifests("b")[0])


DEEDS: dict[str, Deed] = {
    "backup": _back_up,
    "first backup": _back_up_a_new_machine,
    "prune": _prune,
    "condemn": _condemn,
    "sweep": _sweep,
    "restore": _copy,
}


@pytest.fixture(scope="module")
def past() -> Lifetime:
    life = Lifetime.begin()
    condemned = condemn(life.vault.repository, threshold=0.9, check=never)
    assert condemned.packs
    assert condemned.live_bytes > 0  # so that sweeping copies
    for machine, disk in (("b", changed(content(4), 5)), ("c", content(6))):  # what the deeds would commit
        tag = life.vault.repository.machine_tag(machine)
        life.expected[f"snap/{tag}/{2 if machine == 'b' else 1:010d}"] = disk
    return life


@pytest.mark.parametrize("deed", DEEDS)
def test_a_kill_after_any_store_call_loses_nothing(past: Lifetime, deed: str) -> None:
    """Invariant 1."""
    assert isinstance(past.vault.store, MemoryStore)
    for number in range(1, _MOST_CALLS):
        memory = MemoryStore()
        memory.objects.update(past.vault.store.objects)
        memory._modified_at.update(dict.fromkeys(memory.objects, 0.0))
        store = FaultStore(memory, kill_after=number)
        try:
            DEEDS[deed](past.on(store))
        except Killed:
            pass
        else:
            assert len(store.calls) < number or store.dead
            break
        survivor = past.on(memory)
        survivor.assert_whole()
        survivor.assert_goes_on()
    else:
        pytest.fail("the deed does not end")
    assert number > 3  # it was killed at several calls
