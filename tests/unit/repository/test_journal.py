"""The vault's journal (feature C4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from strongroom.domain.errors import InvalidInput
from strongroom.repository.errors import ObjectDamaged
from strongroom.repository.journal import Journal, replay
from tests.scenario.repository.vault import Vault


class Clock:
    """A clock that is set by the test."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 0.0


def kinds(vault: Vault) -> list[str]:
    return [event.kind for event in replay(vault.repository)]


def test_events_come_back_in_order_of_time_across_writers() -> None:
    """C4: what the catalog is folded from."""
    vault, clock = Vault(), Clock()
    first, second = Journal(vault.repository, "service", clock), Journal(vault.repository, "cli", clock)
    for number in range(6):
        clock.time += timedelta(seconds=1)
        (first if number % 2 else second).append(f"k{number}", {"n": number, "name": "東京 \udcff"})
    events = list(replay(vault.repository))
    assert [event.kind for event in events] == [f"k{number}" for number in range(6)]
    assert [event.seq for event in events if event.writer == "cli"] == [1, 2, 3]
    assert events[3].payload == {"n": 3, "name": "東京 \udcff"}


def test_a_clock_that_jumps_back_does_not_reorder_a_writer() -> None:
    """Invariant 7: no clock decides anything."""
    vault, clock = Vault(), Clock()
    journal = Journal(vault.repository, "service", clock)
    for number in range(4):
        journal.append(f"k{number}", {})
        clock.time -= timedelta(hours=48)
    assert kinds(vault) == ["k0", "k1", "k2", "k3"]


def test_two_processes_of_one_writer_share_its_chain() -> None:
    """Invariant 3: the store lets only one have the next place; nothing is lost."""
    vault = Vault()
    first, second = Journal(vault.repository, "cli"), Journal(vault.repository, "cli")
    for number in range(3):
        first.append(f"a{number}", {})
        second.append(f"b{number}", {})
    assert sorted(kinds(vault)) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert vault.keys("event/") == [f"event/cli/{number:010d}" for number in range(1, 7)]


@pytest.mark.parametrize("harm", ["middle gone", "first gone", "exchanged", "replayed", "foreign"])
def test_a_broken_chain_is_an_error(harm: str) -> None:
    """Invariant 13: nothing left out, exchanged or replayed is believed."""
    vault = Vault()
    journal = Journal(vault.repository, "cli")
    for number in range(4):
        journal.append(f"k{number}", {})
    keys = vault.keys("event/")
    if harm == "middle gone":
        vault.store.delete(keys[1])
    elif harm == "first gone":
        vault.store.delete(keys[0])
    elif harm == "exchanged":
        vault.objects[keys[1]], vault.objects[keys[2]] = vault.objects[keys[2]], vault.objects[keys[1]]
    elif harm == "replayed":
        vault.objects[keys[3]] = vault.objects[keys[2]]
    else:
        vault.store.put_new("event/cli/note.txt", b"?")
    with pytest.raises(ObjectDamaged):
        kinds(vault)


def test_an_event_of_another_history_does_not_fit() -> None:
    """Invariant 13: a sealed event from a copy of the repository that went its own way breaks the chain."""
    vault = Vault()
    Journal(vault.repository, "cli").append("common", {})
    before = dict(vault.objects)
    Journal(vault.repository, "cli").append("ours", {})
    Journal(vault.repository, "cli").append("ours too", {})
    ours = dict(vault.objects)
    vault.objects.clear()
    vault.objects.update(before)
    Journal(vault.repository, "cli").append("theirs", {})
    vault.objects["event/cli/0000000003"] = ours["event/cli/0000000003"]
    with pytest.raises(ObjectDamaged, match="broken before event 3"):
        kinds(vault)


@pytest.mark.parametrize("name", ["", "a/b", "a b", "ä", "x" * 65])
def test_a_writer_has_a_plain_name(name: str) -> None:
    """A19."""
    with pytest.raises(InvalidInput):
        Journal(Vault().repository, name)
