"""When a policy's backups are due (feature A8).

Every schedule is a set of times of day and a rule that says on which days they count, in an IANA zone. Its runs are *slots*: a local date and a
local time, which name the run for ever, and the instant at which it is due. Because a slot is named by its wall time, a clock change can neither
repeat nor lose it: a time that the clocks skip is due when they land, a time that occurs twice is due at its first occurrence.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice, takewhile
from typing import TypeAlias

from strongroom.domain.errors import InvalidInput
from strongroom.domain.zone import instant_of, zone_named

HOURLY_STEPS = (1, 2, 4, 6, 8, 12)
"""The steps of an hourly schedule, in hours: the divisors of a day that leave a useful window."""

MIDNIGHT = time(0, 0)
LAST_MINUTE = time(23, 59)
DAYS_IN_A_WEEK = 7
LONGEST_MONTH_DAYS = 31

_ONE_DAY = timedelta(days=1)


class Weekday(StrEnum):
    """A day of the week; its place in this list is its number in ``date.weekday()``."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"

    @classmethod
    def of(cls, day: date) -> Weekday:
        """The weekday of a date."""
        return _WEEKDAYS[day.weekday()]


_WEEKDAYS = tuple(Weekday)


class Ordinal(StrEnum):
    """Which of a month's weekdays is meant."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    FOURTH = "fourth"
    LAST = "last"


_ORDINALS = tuple(Ordinal)


@dataclass(frozen=True, slots=True, order=True)
class SlotKey:
    """One due run. ``local_date`` and ``local_time`` identify it within its policy and item; ``due_at`` is UTC; sorts by when it is due."""

    due_at: datetime
    local_date: date
    local_time: time

    def __str__(self) -> str:
        return f"{self.local_date.isoformat()} {self.local_time:%H:%M}"


@dataclass(frozen=True, slots=True)
class Hourly:
    """Every ``every_hours`` hours from ``starts`` to ``ends`` (both included) on each day; a window may reach past midnight."""

    every_hours: int
    zone: str
    starts: time = MIDNIGHT
    ends: time = LAST_MINUTE
    times: tuple[time, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self.zone, (self.starts, self.ends))
        if self.every_hours not in HOURLY_STEPS:
            steps = ", ".join(str(step) for step in HOURLY_STEPS)
            raise InvalidInput(f"A schedule cannot run every {self.every_hours} hours", action=f"Choose one of {steps} hours.")
        object.__setattr__(self, "times", self._times())

    def _times(self) -> tuple[time, ...]:
        first, last = _minute_of_day(self.starts), _minute_of_day(self.ends)
        last += 24 * 60 if last < first else 0
        minutes = range(first, last + 1, self.every_hours * 60)
        return tuple(sorted(time(minute // 60 % 24, minute % 60) for minute in minutes))

    def runs_on(self, day: date) -> bool:  # noqa: ARG002  # every schedule answers this question; here it is always yes
        """Whether the schedule's times count on that local date."""
        return True


@dataclass(frozen=True, slots=True)
class Daily:
    """Every day at each of ``times``."""

    times: tuple[time, ...]
    zone: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", _check(self.zone, self.times))

    def runs_on(self, day: date) -> bool:  # noqa: ARG002  # every schedule answers this question; here it is always yes
        """Whether the schedule's times count on that local date."""
        return True


@dataclass(frozen=True, slots=True)
class Weekly:
    """On each of ``weekdays`` at each of ``times``."""

    weekdays: tuple[Weekday, ...]
    times: tuple[time, ...]
    zone: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", _check(self.zone, self.times))
        object.__setattr__(self, "weekdays", _check_weekdays(self.weekdays))

    def runs_on(self, day: date) -> bool:
        """Whether the schedule's times count on that local date."""
        return Weekday.of(day) in self.weekdays


@dataclass(frozen=True, slots=True)
class MonthlyByDay:
    """On each of ``days`` (1-31) of every month; a day that a month does not have is its last day, so that no month goes without."""

    days: tuple[int, ...]
    times: tuple[time, ...]
    zone: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", _check(self.zone, self.times))
        if not self.days or not all(1 <= day <= LONGEST_MONTH_DAYS for day in self.days):
            raise InvalidInput(
                "A monthly schedule needs days from 1 to 31", action="Give at least one, for example 1; 31 is always the last day."
            )
        object.__setattr__(self, "days", tuple(sorted(set(self.days))))

    def runs_on(self, day: date) -> bool:
        """Whether the schedule's times count on that local date."""
        if day.day in self.days:
            return True
        return day.day == monthrange(day.year, day.month)[1] and self.days[-1] > day.day


@dataclass(frozen=True, slots=True)
class MonthlyByWeekday:
    """On the first, second, third, fourth or last of some weekdays of every month (the first Monday *and* the first Tuesday, not the earlier)."""

    ordinal: Ordinal
    weekdays: tuple[Weekday, ...]
    times: tuple[time, ...]
    zone: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", _check(self.zone, self.times))
        object.__setattr__(self, "weekdays", _check_weekdays(self.weekdays))

    def runs_on(self, day: date) -> bool:
        """Whether the schedule's times count on that local date."""
        if Weekday.of(day) not in self.weekdays:
            return False
        if self.ordinal is Ordinal.LAST:
            return day.day + DAYS_IN_A_WEEK > monthrange(day.year, day.month)[1]
        return (day.day - 1) // DAYS_IN_A_WEEK == _ORDINALS.index(self.ordinal)


Schedule: TypeAlias = Hourly | Daily | Weekly | MonthlyByDay | MonthlyByWeekday


def slots_between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[SlotKey]:
    """The slots due later than ``after`` and not later than ``until`` (both aware), in order."""
    return takewhile(lambda slot: slot.due_at <= until, _slots_after(schedule, after))


def next_slots(schedule: Schedule, after: datetime, count: int) -> tuple[SlotKey, ...]:
    """The first ``count`` slots due later than ``after`` (aware)."""
    return tuple(islice(_slots_after(schedule, after), count))


def _slots_after(schedule: Schedule, after: datetime) -> Iterator[SlotKey]:
    """All slots due later than ``after``, sorted, because wall times in order are instants in order.

    A slot is due when the clock first reads its time or later; so at any earlier instant the clock reads less, and no slot that is still to come has a
    date before today's.
    """
    zone = zone_named(schedule.zone)
    day = after.astimezone(zone).date()
    while day < date.max:
        if schedule.runs_on(day):
            for at in schedule.times:
                slot = SlotKey(instant_of(datetime.combine(day, at), zone), day, at)
                if slot.due_at > after:
                    yield slot
        day += _ONE_DAY


def _minute_of_day(at: time) -> int:
    return at.hour * 60 + at.minute


def _check(zone: str, times: tuple[time, ...]) -> tuple[time, ...]:
    """The times in order, each once; ``InvalidInput`` for none at all, for seconds, and for an unknown zone."""
    zone_named(zone)
    if not times:
        raise InvalidInput("A schedule needs at least one time of day", action="Give times as HH:MM, for example 22:00.")
    odd = next((at for at in times if at.second or at.microsecond or at.tzinfo is not None), None)
    if odd is not None:
        raise InvalidInput(
            f"A schedule cannot run at {odd}", cause="Times of day are whole minutes", action="Give times as HH:MM, for example 22:00."
        )
    return tuple(sorted(set(times)))


def _check_weekdays(weekdays: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    """The weekdays from Monday on, each once; ``InvalidInput`` for none at all."""
    if not weekdays:
        raise InvalidInput("A schedule by weekday needs at least one weekday", action="Give weekdays by name, for example sunday.")
    return tuple(sorted(set(weekdays), key=_WEEKDAYS.index))
