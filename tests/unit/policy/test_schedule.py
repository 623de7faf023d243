"""The cases of a schedule that can be read off a calendar (A8)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from strongroom.domain.errors import InvalidInput
from strongroom.domain.schedule import (
    Daily,
    Hourly,
    MonthlyByDay,
    MonthlyByWeekday,
    Ordinal,
    Schedule,
    Weekday,
    Weekly,
    next_slots,
    slots_between,
)

BERLIN = "Europe/Berlin"


def due(schedule: Schedule, after: datetime, count: int) -> list[str]:
    return [f"{slot} = {slot.due_at:%d %H:%M}Z" for slot in next_slots(schedule, after, count)]


def test_a_time_that_the_clocks_skip_is_due_when_they_land() -> None:
    """A8: 02:30 does not exist on 29 March 2026 in Berlin; the clocks jump from 02:00 to 03:00, which is 01:00 UTC."""
    assert due(Daily((time(2, 30),), BERLIN), datetime(2026, 3, 28, 12, tzinfo=UTC), 2) == [
        "2026-03-29 02:30 = 29 01:00Z",
        "2026-03-30 02:30 = 30 00:30Z",
    ]


def test_a_time_that_occurs_twice_is_due_once_at_its_first_occurrence() -> None:
    """A8: 02:30 occurs at 00:30 and at 01:30 UTC on 25 October 2026 in Berlin."""
    assert due(Daily((time(2, 30),), BERLIN), datetime(2026, 10, 24, 12, tzinfo=UTC), 2) == [
        "2026-10-25 02:30 = 25 00:30Z",
        "2026-10-26 02:30 = 26 01:30Z",
    ]


def test_hourly_slots_inside_a_gap_are_due_together_when_the_clocks_land() -> None:
    """A8: 02:00 and 03:00 are one instant on that day, and two slots: catch-up makes one run of them."""
    slots = list(slots_between(Hourly(1, BERLIN), datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)))

    assert [str(slot) for slot in slots] == ["2026-03-29 02:00", "2026-03-29 03:00"]
    assert {slot.due_at for slot in slots} == {datetime(2026, 3, 29, 1, tzinfo=UTC)}


def test_a_day_that_a_zone_leaves_out_is_due_at_the_next_midnight() -> None:
    """A8: Samoa went from 29 to 31 December 2011."""
    slot = next_slots(Daily((time(12),), "Pacific/Apia"), datetime(2011, 12, 30, 6, tzinfo=UTC), 1)[0]

    assert (slot.local_date, slot.due_at) == (date(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC))


def test_a_window_may_reach_past_midnight() -> None:
    """A8: every 4 h from 20:00 to 04:00 is 20:00, midnight and 04:00."""
    assert due(Hourly(4, "UTC", time(20), time(4)), datetime(2026, 5, 1, 12, tzinfo=UTC), 4) == [
        "2026-05-01 20:00 = 01 20:00Z",
        "2026-05-02 00:00 = 02 00:00Z",
        "2026-05-02 04:00 = 02 04:00Z",
        "2026-05-02 20:00 = 02 20:00Z",
    ]


def test_a_weekly_schedule_runs_on_its_weekdays() -> None:
    """A8: 1 November 2026 is a Sunday."""
    weekly = Weekly((Weekday.WEDNESDAY, Weekday.SUNDAY), (time(6), time(18)), "UTC")

    assert [str(slot) for slot in next_slots(weekly, datetime(2026, 11, 1, 7, tzinfo=UTC), 4)] == [
        "2026-11-01 18:00",
        "2026-11-04 06:00",
        "2026-11-04 18:00",
        "2026-11-08 06:00",
    ]


def test_a_day_past_the_end_of_a_month_is_its_last_day_once() -> None:
    """A8: the 30th and the 31st are the same day in February and two days in March."""
    monthly = MonthlyByDay((30, 31), (time(1),), "UTC")

    assert [slot.local_date for slot in next_slots(monthly, datetime(2028, 2, 1, tzinfo=UTC), 4)] == [
        date(2028, 2, 29),
        date(2028, 3, 30),
        date(2028, 3, 31),
        date(2028, 4, 30),
    ]


@pytest.mark.parametrize(
    ("ordinal", "expected"),
    [(Ordinal.FIRST, [1, 6]), (Ordinal.SECOND, [8, 13]), (Ordinal.FOURTH, [22, 27]), (Ordinal.LAST, [29, 27])],
)
def test_a_month_knows_its_first_to_last_weekday(ordinal: Ordinal, expected: list[int]) -> None:
    """A8: the Sundays of November 2026 are 1, 8, 15, 22, 29; those of December 6, 13, 20, 27."""
    monthly = MonthlyByWeekday(ordinal, (Weekday.SUNDAY,), (time(3),), "UTC")

    assert [slot.local_date.day for slot in next_slots(monthly, datetime(2026, 11, 1, tzinfo=UTC), 2)] == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda: Daily((), BERLIN),
        lambda: Daily((time(22, 0, 5),), BERLIN),
        lambda: Daily((time(22),), "Europe/Atlantis"),
        lambda: Daily((time(22),), "localtime"),
        lambda: Daily((time(22),), "../../etc/passwd"),
        lambda: Daily((time(22),), ""),
        lambda: Hourly(5, BERLIN),
        lambda: Weekly((), (time(1),), BERLIN),
        lambda: MonthlyByDay((0,), (time(1),), BERLIN),
        lambda: MonthlyByDay((32,), (time(1),), BERLIN),
        lambda: MonthlyByDay((), (time(1),), BERLIN),
    ],
)
def test_a_schedule_that_could_never_run_cannot_be_made(make: object) -> None:
    """A8: what is refused says what to give instead."""
    with pytest.raises(InvalidInput) as refused:
        make()  # type: ignore[operator]

    assert refused.value.action
