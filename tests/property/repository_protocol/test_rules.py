"""Each rule of section «Protocol» in ``docs/design/ordering.md`` is needed, and each is noticed when it is gone (invariants 7 and 15)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.property.repository_protocol import schedules
from tests.property.repository_protocol.director import Director, Violation, counted_names
from tests.property.repository_protocol.rules import RULES


@pytest.fixture
def director() -> Iterator[Director]:
    with counted_names():
        director = Director()
        yield director
        director.close()


def test_every_rule_has_its_schedule() -> None:
    """Invariant 7."""
    assert RULES.keys() == schedules.SCHEDULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_lost_in_the_schedule_that_needs_the_rule(director: Director, rule: str) -> None:
    """Invariant 7: the protocol as it is survives its own worst cases."""
    schedules.SCHEDULES[rule](director)
    assert director.world.violation() is None


@pytest.mark.parametrize("rule", RULES)
def test_leaving_the_rule_out_loses_a_chunk(director: Director, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 7: mutation test."""
    RULES[rule](monkeypatch)
    with pytest.raises(Violation):
        schedules.SCHEDULES[rule](director)


def test_a_reader_keeps_the_point_it_pinned(director: Director) -> None:
    """Invariant 7, A16: a restore that runs while its point is pruned and its packs are collected."""
    schedules.pin_of_a_reader(director)
    assert director.actors["reader"].error is None
