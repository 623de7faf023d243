"""What a policy will do, before it is saved (feature A7): its next runs, and how many points it holds once nothing grows any more.

The count supposes that every run succeeds at its due time, which is what the policy promises. It walks only the slots that can still be held:
all of the daily tier, and the first slot of each week, month and year; so a century of years costs a hundred look-ups, not a million slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from strongroom.domain.policy import PolicySpec
from strongroom.domain.retention import Tag, end_of_tier, period_of
from strongroom.domain.schedule import SlotKey, next_slots, slots_between
from strongroom.domain.zone import instant_of, wall_of, zone_named

NEXT_RUNS = 5

_MOMENT = timedelta(microseconds=1)
_MARGIN_DAYS = 3
"""Clock changes and month ends move an expiry by at most this much against plain counting of days."""

_LONGEST_DAYS = {Tag.DAILY: 1, Tag.WEEKLY: 7, Tag.MONTHLY: 31, Tag.YEARLY: 366}


@dataclass(frozen=True, slots=True)
class Preview:
    """The next runs; and how many points are held at ``full_at``, when the longest tier is full for the first time."""

    next_runs: tuple[SlotKey, ...]
    points_when_full: int
    full_at: datetime


def preview(spec: PolicySpec, now: datetime, *, runs: int = NEXT_RUNS) -> Preview:
    """Simulate the policy from ``now`` (UTC)."""
    upcoming = next_slots(spec.schedule, now, max(1, runs))
    first_at = upcoming[0].due_at
    full_at = max(end_of_tier(first_at, tag, spec) for tag in Tag)
    last_needed = next_slots(spec.schedule, first_at - _MOMENT, spec.retention.keep_last)
    full_at = max(full_at, *(slot.due_at for slot in last_needed[-1:]), first_at)
    return Preview(upcoming[:runs], points_held(spec, first_at, full_at), full_at)


def points_held(spec: PolicySpec, first_at: datetime, at: datetime) -> int:
    """How many points exist at ``at`` if every slot from ``first_at`` on made one: the unexpired, the last n, the newest."""
    if at < first_at:
        return 0
    held = {taken_at for tag in Tag for taken_at in _tagged(spec, tag, first_at, at) if end_of_tier(taken_at, tag, spec) > at}
    held.update(_newest(spec, first_at, at, max(1, spec.retention.keep_last)))
    return len(held)


def _tagged(spec: PolicySpec, tag: Tag, first_at: datetime, at: datetime) -> Iterator[datetime]:
    """The times of the points that carry a tag and are young enough to be held by it, oldest first."""
    units = spec.retention.units(tag)
    if not units:
        return
    zone = zone_named(spec.zone)
    since = max(first_at, at - timedelta(days=units * _LONGEST_DAYS[tag] + _MARGIN_DAYS))
    if tag is Tag.DAILY:
        yield from (slot.due_at for slot in slots_between(spec.schedule, since - _MOMENT, at))
        return
    period = period_of(tag, since, zone)
    while (starts_at := _period_start(tag, period, zone)) <= at:
        first = next_slots(spec.schedule, max(starts_at, first_at) - _MOMENT, 1)[0].due_at
        if first <= at:
            yield first
        period = period_of(tag, instant_of(_next_period(tag, wall_of(starts_at, zone)), zone), zone)


def _newest(spec: PolicySpec, first_at: datetime, at: datetime, count: int) -> list[datetime]:
    """The ``count`` newest points at ``at``; looks back twice as far until there are enough."""
    span = timedelta(days=count)
    while True:
        since = max(first_at, at - span)
        found = sorted({slot.due_at for slot in slots_between(spec.schedule, since - _MOMENT, at)})
        if len(found) >= count or since == first_at:
            return found[-count:]
        span *= 2


def _period_start(tag: Tag, period: tuple[int, ...], zone: ZoneInfo) -> datetime:
    if tag is Tag.WEEKLY:
        return instant_of(datetime.fromisocalendar(period[0], period[1], 1), zone)
    year, month = (*period, 1)[:2]
    return instant_of(datetime(year, month, 1), zone)  # noqa: DTZ001  # a wall-clock time, made an instant here


def _next_period(tag: Tag, start: datetime) -> datetime:
    """Some wall-clock time inside the period after the one that starts at ``start``."""
    return start + timedelta(days={Tag.WEEKLY: 8, Tag.MONTHLY: 35, Tag.YEARLY: 370}[tag])
