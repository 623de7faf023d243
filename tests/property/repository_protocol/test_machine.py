"""Nothing that must live is ever lost, whoever does what when (invariant 7; the search behind B4)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.repository_protocol.machine import ProtocolMachine

_ANY_PACE = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


def test_no_interleaving_loses_a_live_chunk() -> None:
    """Invariant 7: the same few hundred histories every time."""
    run_state_machine_as_test(
        ProtocolMachine,
        settings=settings(
            max_examples=150, stateful_step_count=70, deadline=None, derandomize=True, database=None, suppress_health_check=_ANY_PACE
        ),
    )


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("search", range(6))
def test_no_interleaving_loses_a_live_chunk_in_a_long_search(search: int) -> None:
    """Invariant 7: new histories every time; in several searches, for each remembers all that it tried."""
    run_state_machine_as_test(
        ProtocolMachine,
        settings=settings(max_examples=400, stateful_step_count=120, deadline=None, database=None, suppress_health_check=_ANY_PACE),
    )
