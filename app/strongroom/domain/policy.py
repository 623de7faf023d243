"""A policy's rules as one value: schedule, retention, consistency wish, retries, start window (features A8, A12, A18).

``to_json`` and ``from_json`` are its only form outside of memory: catalog rows, repository events, files and the command line all hold the same record
(``docs/design/scheduling.md`` shows it). Times of day are ``HH:MM``, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from strongroom.domain.errors import InvalidInput
from strongroom.domain.fields import Fields, within
from strongroom.domain.retention import RetentionSpec
from strongroom.domain.schedule import (
    LAST_MINUTE,
    MIDNIGHT,
    Daily,
    Hourly,
    MonthlyByDay,
    MonthlyByWeekday,
    Ordinal,
    Schedule,
    Weekday,
    Weekly,
)
from strongroom.domain.states import Consistency
from strongroom.domain.wording import retention_in_words, schedule_in_words, seconds_in_words

MOST_ATTEMPTS = 10
LONGEST_START_WINDOW_SECONDS = 31 * 24 * 3600


class ConsistencyWish(StrEnum):
    """What a policy asks of its recovery points (feature A12)."""

    ANY = "any"
    CRASH_ONLY = "crash-only"  # never freeze the guest
    AT_LEAST_FILE_SYSTEM = "at least file-system-consistent"
    AT_LEAST_APPLICATION = "at least application-consistent"

    def accepts(self, level: Consistency) -> bool:
        """Whether a point of that level may be committed."""
        least = {
            ConsistencyWish.AT_LEAST_FILE_SYSTEM: Consistency.FILE_SYSTEM,
            ConsistencyWish.AT_LEAST_APPLICATION: Consistency.APPLICATION,
        }
        ranks = list(Consistency)
        return ranks.index(level) >= ranks.index(least.get(self, Consistency.CRASH))

    @property
    def freezes(self) -> bool:
        """Whether the guest may be frozen at all."""
        return self is not ConsistencyWish.CRASH_ONLY


class ScheduleKind(StrEnum):
    """The ``kind`` of a schedule's record."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class RetrySpec:
    """How a backup that failed for a passing reason is tried again; None leaves it to the installation's settings."""

    attempts: int | None = None
    first_delay_seconds: int | None = None

    def __post_init__(self) -> None:
        if self.attempts is not None and not 1 <= self.attempts <= MOST_ATTEMPTS:
            raise InvalidInput(
                f"A backup cannot be tried {self.attempts} times", action=f"Give 1 to {MOST_ATTEMPTS} attempts; 1 means no retry."
            )
        if self.first_delay_seconds is not None and self.first_delay_seconds < 0:
            raise InvalidInput(f"A retry cannot wait {self.first_delay_seconds} seconds", action="Give 0 or more seconds.")


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """The rules of one policy. ``start_window_seconds`` bounds how late a run may start (None: however late, it is caught up)."""

    schedule: Schedule
    retention: RetentionSpec
    consistency: ConsistencyWish = ConsistencyWish.ANY
    retries: RetrySpec = field(default_factory=RetrySpec)
    start_window_seconds: int | None = None

    def __post_init__(self) -> None:
        window = self.start_window_seconds
        if window is not None and not 1 <= window <= LONGEST_START_WINDOW_SECONDS:
            action = f"Give 1 to {LONGEST_START_WINDOW_SECONDS} seconds, or nothing for no limit."
            raise InvalidInput(f"A start window cannot be {window} seconds", action=action)

    @property
    def zone(self) -> str:
        """The IANA zone in which schedule and retention count."""
        return self.schedule.zone

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> PolicySpec:
        """The policy in a record; raises ``InvalidInput`` naming the field that is missing, wrong or unknown."""
        fields = Fields(record, "policy")
        schedule = _schedule(fields.inner("schedule"))
        retention = _retention(fields.inner("retention"))
        wish = fields.choice("consistency", ConsistencyWish, ConsistencyWish.ANY)
        retries = _retries(fields.inner("retries", optional=True))
        window = _optional(fields, "start_window_seconds")
        fields.finish()
        return within(fields.path("start_window_seconds"), lambda: cls(schedule, retention, wish, retries, window))

    def to_json(self) -> dict[str, Any]:
        """The policy as a record of plain JSON values, every field given."""
        kept = self.retention
        return {
            "schedule": _schedule_record(self.schedule),
            "retention": {"days": kept.days, "weeks": kept.weeks, "months": kept.months, "years": kept.years, "keep_last": kept.keep_last},
            "consistency": self.consistency.value,
            "retries": {"attempts": self.retries.attempts, "first_delay_seconds": self.retries.first_delay_seconds},
            "start_window_seconds": self.start_window_seconds,
        }


def in_words(spec: PolicySpec) -> str:
    """The whole policy as one line: «every day at 22:00 Europe/Berlin, keep 30 days, 12 weeks, 12 months»."""
    parts = [schedule_in_words(spec.schedule), retention_in_words(spec.retention)]
    if spec.consistency is not ConsistencyWish.ANY:
        parts.append(spec.consistency.value)
    if spec.start_window_seconds is not None:
        parts.append(f"start within {seconds_in_words(spec.start_window_seconds)}")
    return ", ".join(parts)


def _schedule(fields: Fields) -> Schedule:
    kind = fields.choice("kind", ScheduleKind)
    zone = fields.text("zone")
    makers = {ScheduleKind.HOURLY: _hourly, ScheduleKind.DAILY: _daily, ScheduleKind.WEEKLY: _weekly, ScheduleKind.MONTHLY: _monthly}
    schedule = within("policy.schedule", lambda: makers[kind](fields, zone))
    fields.finish()
    return schedule


def _hourly(fields: Fields, zone: str) -> Schedule:
    return Hourly(fields.integer("every_hours"), zone, fields.time_of_day("from", MIDNIGHT), fields.time_of_day("until", LAST_MINUTE))


def _daily(fields: Fields, zone: str) -> Schedule:
    return Daily(fields.times_of_day("times"), zone)


def _weekly(fields: Fields, zone: str) -> Schedule:
    return Weekly(fields.choices("weekdays", Weekday), fields.times_of_day("times"), zone)


def _monthly(fields: Fields, zone: str) -> Schedule:
    if fields.has("days"):
        return MonthlyByDay(fields.integers("days"), fields.times_of_day("times"), zone)
    ordinal = fields.choice("ordinal", Ordinal)
    return MonthlyByWeekday(ordinal, fields.choices("weekdays", Weekday), fields.times_of_day("times"), zone)


def _retention(fields: Fields) -> RetentionSpec:
    counts = {name: fields.integer(name, 0) for name in ("days", "weeks", "months", "years", "keep_last")}
    fields.finish()
    return within("policy.retention", lambda: RetentionSpec(**counts))


def _retries(fields: Fields) -> RetrySpec:
    attempts, delay = _optional(fields, "attempts"), _optional(fields, "first_delay_seconds")
    fields.finish()
    return within("policy.retries", lambda: RetrySpec(attempts, delay))


def _optional(fields: Fields, name: str) -> int | None:
    value = fields.integer(name, 0)
    return value if fields.has(name) else None


def _schedule_record(schedule: Schedule) -> dict[str, Any]:
    times = [f"{at:%H:%M}" for at in schedule.times]
    match schedule:
        case Hourly():
            window = {"from": f"{schedule.starts:%H:%M}", "until": f"{schedule.ends:%H:%M}"}
            return {"kind": "hourly", "zone": schedule.zone, "every_hours": schedule.every_hours, **window}
        case Daily():
            return {"kind": "daily", "zone": schedule.zone, "times": times}
        case Weekly():
            return {"kind": "weekly", "zone": schedule.zone, "weekdays": [str(day) for day in schedule.weekdays], "times": times}
        case MonthlyByDay():
            return {"kind": "monthly", "zone": schedule.zone, "days": list(schedule.days), "times": times}
        case MonthlyByWeekday():
            weekdays = [str(day) for day in schedule.weekdays]
            return {"kind": "monthly", "zone": schedule.zone, "ordinal": str(schedule.ordinal), "weekdays": weekdays, "times": times}
