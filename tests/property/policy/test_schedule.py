"""Slots against a walk of the wall clock, over clock changes, leap days, month ends and zones (A8)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.domain.schedule import Daily, Hourly, MonthlyByDay, Schedule, next_slots, slots_between
from tests.property.policy.walk import ZONES, schedules, walked_slots

CLOCK_CHANGES = [
    datetime(2026, 3, 29, tzinfo=UTC),  # Europe, spring
    datetime(2026, 10, 25, tzinfo=UTC),  # Europe, autumn
    datetime(2026, 3, 8, tzinfo=UTC),  # America, spring
    datetime(2026, 11, 1, tzinfo=UTC),  # America, autumn
    datetime(2026, 9, 6, tzinfo=UTC),  # Santiago, spring, at midnight
    datetime(2026, 4, 5, tzinfo=UTC),  # Santiago and Lord Howe, autumn
    datetime(2026, 10, 4, tzinfo=UTC),  # Lord Howe, spring, by half an hour
    datetime(2026, 4, 24, tzinfo=UTC),  # Cairo, spring, at midnight
    datetime(2011, 12, 30, tzinfo=UTC),  # Apia loses a day
    datetime(2028, 2, 29, tzinfo=UTC),  # leap day
    datetime(2026, 12, 31, tzinfo=UTC),
]
starts = st.one_of(
    st.sampled_from(CLOCK_CHANGES),
    st.datetimes(datetime(2011, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)


def keys(schedule: Schedule, after: datetime, until: datetime) -> list[tuple[datetime, object, object]]:
    return [(slot.due_at, slot.local_date, slot.local_time) for slot in slots_between(schedule, after, until)]


@settings(max_examples=120)
@given(schedule=schedules, start=starts, before_hours=st.integers(1, 40), hours=st.integers(1, 72))
def test_slots_are_those_of_a_clock_watched_minute_by_minute(schedule: Schedule, start: datetime, before_hours: int, hours: int) -> None:
    """A8: no slot is lost or repeated, whatever the clock does."""
    after = start - timedelta(hours=before_hours)
    until = start + timedelta(hours=hours)

    assert keys(schedule, after, until) == walked_slots(schedule, after, until)


@pytest.mark.parametrize("zone", ZONES)
def test_every_local_day_of_a_year_has_its_slot_exactly_once(zone: str) -> None:
    """A8: one slot per local date, in order, also across leap day and clock changes."""
    schedule = Daily((time(2, 30), time(0, 0)), zone)
    start = datetime(2028, 1, 1, tzinfo=ZoneInfo(zone))
    slots = list(slots_between(schedule, start - timedelta(seconds=1), start.replace(year=2029) - timedelta(seconds=1)))

    assert len({(slot.local_date, slot.local_time) for slot in slots}) == len(slots) == 2 * 366
    assert slots == sorted(slots)


@settings(max_examples=60)
@given(schedule=schedules, start=starts, cuts=st.lists(st.integers(0, 200), max_size=6))
def test_slots_do_not_depend_on_where_the_time_is_cut(schedule: Schedule, start: datetime, cuts: list[int]) -> None:
    """B12: however often the scheduler looks, also at the very moment of a slot, adjoining looks see each slot once."""
    until = start + timedelta(hours=200)
    whole = keys(schedule, start, until)
    at_slots = {due_at for due_at, _, _ in whole[:5]}
    edges = sorted({start, *at_slots, *(start + timedelta(hours=cut) for cut in cuts), until})
    pieces = [key for early, late in pairwise(edges) for key in keys(schedule, early, late)]

    assert pieces == whole


@settings(max_examples=60)
@given(schedule=schedules, start=starts, count=st.integers(1, 12))
def test_next_slots_are_the_beginning_of_all_slots(schedule: Schedule, start: datetime, count: int) -> None:
    """A7: the preview shows what will run."""
    upcoming = next_slots(schedule, start, count)

    assert len(upcoming) == count
    assert list(upcoming) == list(slots_between(schedule, start, upcoming[-1].due_at))[:count]


@given(year=st.integers(2001, 2099), zone=st.sampled_from(ZONES[:8]))
@settings(max_examples=40)
def test_a_monthly_schedule_runs_in_every_month(year: int, zone: str) -> None:
    """A8: the 31st exists in every month, as its last day."""
    slots = next_slots(MonthlyByDay((31,), (time(12, 0),), zone), datetime(year, 1, 1, tzinfo=ZoneInfo(zone)), 12)

    assert [slot.local_date.month for slot in slots] == list(range(1, 13))
    assert all((slot.local_date + timedelta(days=1)).day == 1 for slot in slots)


@given(step=st.sampled_from([1, 2, 4, 6, 8, 12]), first=st.integers(0, 1439), last=st.integers(0, 1439))
def test_an_hourly_window_is_stepped_through_from_its_start(step: int, first: int, last: int) -> None:
    """A8: every n hours in a window, also one past midnight."""
    schedule = Hourly(step, "UTC", time(first // 60, first % 60), time(last // 60, last % 60))
    length = (last - first) % 1440
    expected = {(first + minutes) % 1440 for minutes in range(0, length + 1, step * 60)}

    assert {at.hour * 60 + at.minute for at in schedule.times} == expected
