"""Policies in plain words, the same in lists, previews, logs and on the command line (feature A8)."""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.domain.retention import RetentionSpec
from strongroom.domain.schedule import (
    LAST_MINUTE,
    LONGEST_MONTH_DAYS,
    MIDNIGHT,
    Daily,
    Hourly,
    MonthlyByDay,
    MonthlyByWeekday,
    Schedule,
    Weekday,
    Weekly,
)

_SHORTEST_MONTH_DAYS = 28
_UNITS = ((24 * 3600, "d"), (3600, "h"), (60, "min"))


def schedule_in_words(schedule: Schedule) -> str:
    """«every Monday and Friday at 06:00 and 18:00 Europe/Berlin»."""
    return f"{_days(schedule)} {schedule.zone}"


def retention_in_words(retention: RetentionSpec) -> str:
    """«keep 30 days, 12 weeks, 12 months, at least the last 3 points»."""
    tiers = ((retention.days, "day"), (retention.weeks, "week"), (retention.months, "month"), (retention.years, "year"))
    parts = [counted(count, unit) for count, unit in tiers if count]
    if retention.keep_last:
        last = "the last point" if retention.keep_last == 1 else f"the last {retention.keep_last} points"
        parts.append(f"at least {last}" if parts else last)
    return f"keep {', '.join(parts)}"


def seconds_in_words(seconds: int) -> str:
    """A duration in its largest whole unit: «4 h», «90 min», «45 s»."""
    for size, unit in _UNITS:
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def counted(count: int, unit: str) -> str:
    """«1 day», «30 days»."""
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _days(schedule: Schedule) -> str:
    at = f"at {_list([f'{moment:%H:%M}' for moment in schedule.times])}"
    match schedule:
        case Hourly():
            return _hours(schedule)
        case Daily():
            return f"every day {at}"
        case Weekly():
            return f"every {_names(schedule.weekdays)} {at}"
        case MonthlyByDay():
            return f"on {_month_days(schedule.days)} of every month {at}"
        case MonthlyByWeekday():
            return f"on the {schedule.ordinal} {_names(schedule.weekdays)} of every month {at}"


def _hours(schedule: Hourly) -> str:
    every = "every hour" if schedule.every_hours == 1 else f"every {schedule.every_hours} h"
    if (schedule.starts, schedule.ends) == (MIDNIGHT, LAST_MINUTE):
        return every
    return f"{every} from {schedule.starts:%H:%M} to {schedule.ends:%H:%M}"


def _month_days(days: Sequence[int]) -> str:
    """Say what happens in shorter months wherever it matters."""
    names = [f"day {day}" for day in days if day < LONGEST_MONTH_DAYS]
    if days[-1] == LONGEST_MONTH_DAYS:
        return _list([*names, "the last day"])
    return _list(names) + (" (or the last day)" if days[-1] > _SHORTEST_MONTH_DAYS else "")


def _names(weekdays: Sequence[Weekday]) -> str:
    return _list([day.value.capitalize() for day in weekdays])


def _list(words: Sequence[str]) -> str:
    """«a», «a and b», «a, b and c»."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
