"""The calendar walked by brute force, as a second opinion: minute by minute and point by point, sharing no code with the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from strongroom.domain.policy import PolicySpec
from strongroom.domain.retention import RetentionSpec
from strongroom.domain.schedule import (
    HOURLY_STEPS,
    Daily,
    Hourly,
    MonthlyByDay,
    MonthlyByWeekday,
    Ordinal,
    Schedule,
    Weekday,
    Weekly,
)

MINUTE = timedelta(minutes=1)

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",  # its winter is the saving time
    "America/New_York",
    "America/St_Johns",  # half hours
    "America/Santiago",  # changes at midnight
    "Africa/Cairo",  # changes at midnight
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Apia",  # skipped 30 December 2011 altogether
    "Pacific/Kiritimati",
    "Africa/Casablanca",  # saves all year except for Ramadan
)


def walked_slots(schedule: Schedule, after: datetime, until: datetime) -> list[tuple[datetime, date, time]]:
    """Every slot due in (after, until], found by watching the wall clock minute by minute.

    A slot is due at the first minute at which the clock reads its time or later; so the walk keeps the latest reading so far, and each time the
    clock passes beyond it, everything in between has just become due.
    """
    zone = ZoneInfo(schedule.zone)
    found = []
    at = after.replace(second=0, microsecond=0) - timedelta(days=3)
    latest = at.astimezone(zone).replace(tzinfo=None)
    while at <= until:
        reading = at.astimezone(zone).replace(tzinfo=None)
        while latest < reading:
            latest += MINUTE
            if latest.time() in schedule.times and counts(schedule, latest.date()) and at > after:
                found.append((at, latest.date(), latest.time()))
        at += MINUTE
    return found


def counts(schedule: Schedule, day: date) -> bool:
    """Whether a schedule runs on a day, from a list of that month's days."""
    month = [day.replace(day=1) + timedelta(days=n) for n in range(31)]
    month = [other for other in month if other.month == day.month]
    match schedule:
        case Weekly():
            return day.strftime("%A").lower() in schedule.weekdays
        case MonthlyByDay():
            return day in {month[min(number, len(month)) - 1] for number in schedule.days}
        case MonthlyByWeekday():
            index = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}[schedule.ordinal]
            return any(day == [other for other in month if other.strftime("%A").lower() == name][index] for name in schedule.weekdays)
        case _:
            return True


def walked_held(spec: PolicySpec, taken: Sequence[datetime], at: datetime) -> int:
    """How many of the points taken at those times exist at ``at``, each looked at by itself."""
    zone = ZoneInfo(spec.zone)
    kept, weeks, months, years = set(), set(), set(), set()
    for point in sorted({moment for moment in taken if moment <= at}):
        local = point.astimezone(zone)
        ends = [shifted(local, zone, days=spec.retention.days)]
        if (week := local.strftime("%G-%V")) not in weeks:
            weeks.add(week)
            ends.append(shifted(local, zone, days=7 * spec.retention.weeks))
        if (month := local.strftime("%Y-%m")) not in months:
            months.add(month)
            ends.append(shifted(local, zone, months=spec.retention.months))
        if (year := local.strftime("%Y")) not in years:
            years.add(year)
            ends.append(shifted(local, zone, months=12 * spec.retention.years))
        if max(ends) > at:
            kept.add(point)
    newest = sorted({moment for moment in taken if moment <= at})[-max(1, spec.retention.keep_last) :]
    return len(kept | set(newest))


@lru_cache(maxsize=100_000)
def shifted(local: datetime, zone: ZoneInfo, *, days: int = 0, months: int = 0) -> datetime:
    """Calendar arithmetic the slow way: step month by month and day by day, then look for the first instant that reads so late."""
    year, month, day = local.year, local.month, local.day
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    while months and not _exists(year, month, day):
        day -= 1
    wall = datetime.combine(date(year, month, day), local.time().replace(fold=0))
    for _ in range(days):
        wall += timedelta(days=1)
    at = wall.replace(tzinfo=UTC) - timedelta(hours=27)
    candidates = (at + timedelta(minutes=n) for n in range(54 * 60 + 1))
    return next(moment for moment in candidates if moment.astimezone(zone).replace(tzinfo=None, fold=0) >= wall)


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def days_of(start: datetime, count: int) -> Iterator[datetime]:
    """``count`` midnights (UTC) from ``start`` on."""
    return (start + timedelta(days=n) for n in range(count))


times_of_day = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 45, 59]))
many_times = st.lists(times_of_day, min_size=1, max_size=4).map(tuple)
weekdays = st.lists(st.sampled_from(Weekday), min_size=1, max_size=4).map(tuple)
zones = st.sampled_from(ZONES)

schedules: st.SearchStrategy[Schedule] = st.one_of(
    st.builds(Hourly, st.sampled_from(HOURLY_STEPS), zones, times_of_day, times_of_day),
    st.builds(Daily, many_times, zones),
    st.builds(Weekly, weekdays, many_times, zones),
    st.builds(MonthlyByDay, st.lists(st.integers(1, 31), min_size=1, max_size=3).map(tuple), many_times, zones),
    st.builds(MonthlyByWeekday, st.sampled_from(Ordinal), weekdays, many_times, zones),
)

retentions = st.tuples(st.integers(0, 40), st.integers(0, 20), st.integers(0, 14), st.integers(0, 3), st.integers(0, 9)).filter(any)
retentions = retentions.map(lambda counts: RetentionSpec(*counts))
