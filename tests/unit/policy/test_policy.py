"""Policies as records and in words (A8, A12)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.domain.errors import InvalidInput
from strongroom.domain.policy import ConsistencyWish, PolicySpec, RetrySpec, in_words
from strongroom.domain.states import Consistency
from tests.property.policy.walk import retentions, schedules

NIGHTLY: dict[str, Any] = {
    "schedule": {"kind": "daily", "zone": "Europe/Berlin", "times": ["22:00"]},
    "retention": {"days": 30, "weeks": 12, "months": 12},
}


def changed(path: str, value: object) -> dict[str, Any]:
    """The nightly policy with one field set, given as «schedule.zone»."""
    record: dict[str, Any] = json.loads(json.dumps(NIGHTLY))
    *outer, last = path.split(".")
    inner = record
    for name in outer:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return record


def test_the_nightly_policy_reads_as_operators_say_it() -> None:
    """A8"""
    assert in_words(PolicySpec.from_json(NIGHTLY)) == "every day at 22:00 Europe/Berlin, keep 30 days, 12 weeks, 12 months"


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"kind": "hourly", "every_hours": 1}, "every hour UTC"),
        ({"kind": "hourly", "every_hours": 4, "from": "08:00", "until": "20:00"}, "every 4 h from 08:00 to 20:00 UTC"),
        ({"kind": "daily", "times": ["22:00", "06:00", "12:30"]}, "every day at 06:00, 12:30 and 22:00 UTC"),
        ({"kind": "weekly", "weekdays": ["sunday", "monday"], "times": ["6:00"]}, "every Monday and Sunday at 06:00 UTC"),
        ({"kind": "monthly", "days": [1, 15], "times": ["01:00"]}, "on day 1 and day 15 of every month at 01:00 UTC"),
        ({"kind": "monthly", "days": [31], "times": ["01:00"]}, "on the last day of every month at 01:00 UTC"),
        ({"kind": "monthly", "days": [30], "times": ["01:00"]}, "on day 30 (or the last day) of every month at 01:00 UTC"),
        (
            {"kind": "monthly", "ordinal": "last", "weekdays": ["friday"], "times": ["23:59"]},
            "on the last Friday of every month at 23:59 UTC",
        ),
    ],
)
def test_every_schedule_has_its_words(schedule: dict[str, Any], words: str) -> None:
    """A8"""
    spec = PolicySpec.from_json({"schedule": {"zone": "UTC", **schedule}, "retention": {"days": 1, "keep_last": 3}})

    assert in_words(spec) == f"{words}, keep 1 day, at least the last 3 points"


def test_wishes_and_windows_are_said_too() -> None:
    """A12"""
    record = {**NIGHTLY, "retention": {"keep_last": 1}, "consistency": "at least file-system-consistent", "start_window_seconds": 5400}

    assert in_words(PolicySpec.from_json(record)) == (
        "every day at 22:00 Europe/Berlin, keep the last point, at least file-system-consistent, start within 90 min"
    )


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("schedule.kind", "yearly", "policy.schedule.kind"),
        ("schedule.zone", "Europe/Atlantis", "policy.schedule"),
        ("schedule.zone", None, "policy.schedule.zone"),
        ("schedule.times", ["22:00", "25:00"], "policy.schedule.times"),
        ("schedule.times", "22:00", "policy.schedule.times"),
        ("schedule.times", [], "policy.schedule"),
        ("schedule.every_hours", 2, "policy.schedule.every_hours"),
        ("schedule", "nightly", "policy.schedule"),
        ("retention.days", "30", "policy.retention.days"),
        ("retention.days", True, "policy.retention.days"),
        ("retention.days", -1, "policy.retention"),
        ("retention.decades", 1, "policy.retention.decades"),
        ("retention", {}, "policy.retention"),
        ("consistency", "best", "policy.consistency"),
        ("retries.attempts", 99, "policy.retries"),
        ("start_window_seconds", 0, "policy.start_window_seconds"),
        ("jitter", 5, "policy.jitter"),
    ],
)
def test_a_wrong_record_is_refused_with_the_field_that_is_wrong(path: str, value: object, named: str) -> None:
    """A8, A19"""
    with pytest.raises(InvalidInput) as refused:
        PolicySpec.from_json(changed(path, value))

    assert f"'{named}'" in refused.value.message


@given(
    schedule=schedules,
    retention=retentions,
    wish=st.sampled_from(ConsistencyWish),
    retries=st.builds(RetrySpec, st.none() | st.integers(1, 10), st.none() | st.integers(0, 3600)),
    window=st.none() | st.integers(1, 86_400),
)
def test_a_policy_survives_its_record(schedule: Any, retention: Any, wish: ConsistencyWish, retries: RetrySpec, window: int | None) -> None:
    """C4: what the repository keeps of a policy is the whole policy."""
    spec = PolicySpec(schedule, retention, wish, retries, window)

    assert PolicySpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert in_words(spec)


def test_a_wish_accepts_its_level_and_better() -> None:
    """A12"""
    accepted = {wish: [level for level in Consistency if wish.accepts(level)] for wish in ConsistencyWish}

    assert accepted == {
        ConsistencyWish.ANY: list(Consistency),
        ConsistencyWish.CRASH_ONLY: list(Consistency),
        ConsistencyWish.AT_LEAST_FILE_SYSTEM: [Consistency.FILE_SYSTEM, Consistency.APPLICATION],
        ConsistencyWish.AT_LEAST_APPLICATION: [Consistency.APPLICATION],
    }
    assert [wish for wish in ConsistencyWish if not wish.freezes] == [ConsistencyWish.CRASH_ONLY]
