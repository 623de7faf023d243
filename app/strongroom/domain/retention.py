"""How long recovery points are kept (feature A8, invariant 18).

A point gets its tags once, when it is committed. Its expiry follows from its time, its tags and the policy alone, so it can be stored with its
reason and checked by hand (``docs/design/retention.md``). What may really be removed is decided later, by ``plan_expiry``, which can only postpone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from strongroom.domain.errors import InvalidInput
from strongroom.domain.zone import add_days, add_months, wall_of, zone_named

MOST_UNITS = {"days": 9_999, "weeks": 5_200, "months": 1_200, "years": 100, "keep_last": 9_999}
"""The largest numbers a policy takes: about a century, so that calendar arithmetic never leaves the calendar."""


class Tag(StrEnum):
    """What a point stands for; in order of rank, the last one naming the expiry when several agree."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


_FIRST_OF_PERIOD = (Tag.WEEKLY, Tag.MONTHLY, Tag.YEARLY)
_UNIT = {Tag.DAILY: "day", Tag.WEEKLY: "week", Tag.MONTHLY: "month", Tag.YEARLY: "year"}


@dataclass(frozen=True, slots=True)
class RetentionSpec:
    """How many calendar units each tier keeps (0: that tier keeps nothing) and how many newest points are kept in any case."""

    days: int = 0
    weeks: int = 0
    months: int = 0
    years: int = 0
    keep_last: int = 0

    def __post_init__(self) -> None:
        for name, most in MOST_UNITS.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise InvalidInput(f"Retention cannot have {name} = {value}", action=f"Give a number from 0 to {most}.")
        if not any(getattr(self, name) for name in MOST_UNITS):
            raise InvalidInput(
                "A retention that keeps nothing is no retention", action="Give at least one of days, weeks, months, years, keep_last."
            )

    def units(self, tag: Tag) -> int:
        """How many of its own calendar units a tag keeps a point."""
        return {Tag.DAILY: self.days, Tag.WEEKLY: self.weeks, Tag.MONTHLY: self.months, Tag.YEARLY: self.years}[tag]


class RetentionRules(Protocol):
    """What retention needs to know of a policy."""

    @property
    def retention(self) -> RetentionSpec: ...

    @property
    def zone(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a point expires (UTC; None: never) and why, in words."""

    at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class RetainedPoint:
    """A recovery point as retention sees it. ``seq`` is its place in its machine's history, which no clock can change; times are UTC."""

    key: str
    seq: int
    taken_at: datetime
    expires_at: datetime | None
    expiry_reason: str = ""
    tags: tuple[Tag, ...] = ()
    keep_until: datetime | None = None
    held_until: datetime | None = None
    verified_at: datetime | None = None
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one point, and why, in words."""

    point: RetainedPoint
    reason: str


@dataclass(frozen=True, slots=True)
class ExpiryPlan:
    """What would stay and what would go, oldest first; the plan that is shown is the plan that is executed."""

    keep: tuple[Decision, ...]
    remove: tuple[Decision, ...]


def tags_for(taken_at: datetime, earlier: Iterable[datetime], policy: RetentionRules) -> tuple[Tag, ...]:
    """The tags of a point taken at ``taken_at``, given the times of the item's successful points before it.

    Daily always; weekly, monthly and yearly if no earlier point lies in the same ISO week, month or year of the policy's zone. Tags do not depend on
    the tiers that the policy happens to have, so that a later edit of the policy finds them right.
    """
    zone = zone_named(policy.zone)
    wanted = {tag: period_of(tag, taken_at, zone) for tag in _FIRST_OF_PERIOD}
    for at in earlier:
        wanted = {tag: period for tag, period in wanted.items() if period_of(tag, at, zone) != period}
        if not wanted:
            break
    return (Tag.DAILY, *wanted)


def period_of(tag: Tag, at: datetime, zone: ZoneInfo) -> tuple[int, ...]:
    """The day, ISO week, month or year in which ``at`` lies in ``zone``, as comparable numbers."""
    wall = wall_of(at, zone)
    if tag is Tag.WEEKLY:
        return tuple(wall.isocalendar()[:2])
    parts = {Tag.DAILY: 3, Tag.MONTHLY: 2, Tag.YEARLY: 1}
    return (wall.year, wall.month, wall.day)[: parts[tag]]


def expiry(taken_at: datetime, tags: Iterable[Tag], policy: RetentionRules, *, keep_until: datetime | None = None) -> Expiry:
    """The latest of (``taken_at`` + n calendar units) over the tags, and of ``keep_until`` if an operator gave one."""
    latest = Expiry(taken_at, "no tier of the policy keeps it")
    for tag in sorted(tags, key=list(Tag).index):
        units = policy.retention.units(tag)
        at = end_of_tier(taken_at, tag, policy)
        if units and latest.at is not None and at >= latest.at:
            latest = Expiry(at, f"{tag}: kept {units} {_UNIT[tag]}{'' if units == 1 else 's'}")
    if keep_until is not None and latest.at is not None and keep_until > latest.at:
        return Expiry(keep_until, "an operator asked to keep it until then")
    return latest


def end_of_tier(taken_at: datetime, tag: Tag, policy: RetentionRules) -> datetime:
    """``taken_at`` plus the calendar units that the policy gives to one tag."""
    zone, units = zone_named(policy.zone), policy.retention.units(tag)
    if tag in (Tag.DAILY, Tag.WEEKLY):
        return add_days(taken_at, units * (7 if tag is Tag.WEEKLY else 1), zone)
    return add_months(taken_at, units * (12 if tag is Tag.YEARLY else 1), zone)


def reconsider(points: Iterable[RetainedPoint], policy: RetentionRules) -> tuple[RetainedPoint, ...]:
    """The same points as another policy would let them expire: what an edit does, before it is saved."""
    changed = []
    for point in points:
        new = expiry(point.taken_at, point.tags, policy, keep_until=point.keep_until)
        changed.append(replace(point, expires_at=new.at, expiry_reason=new.reason))
    return tuple(changed)


def plan_expiry(points: Iterable[RetainedPoint], now: datetime, *, keep_last: int = 0) -> ExpiryPlan:
    """Decide what becomes of every point of *one* item at ``now``.

    Never removed, however long expired: a held point, the newest point, the newest undamaged one, the newest one that was verified, and the
    ``keep_last`` newest undamaged ones. «Newest» is by ``seq``.
    """
    ordered = sorted(points, key=lambda point: point.seq)
    floor = _floor(ordered, keep_last)
    keep: list[Decision] = []
    remove: list[Decision] = []
    for point in ordered:
        unexpired = _unexpired(point, now)
        reason = unexpired or floor.get(point.seq, "")
        if reason:
            keep.append(Decision(point, reason))
        else:
            remove.append(Decision(point, f"expired {_day(point.expires_at)} ({point.expiry_reason})"))
    return ExpiryPlan(tuple(keep), tuple(remove))


def _unexpired(point: RetainedPoint, now: datetime) -> str:
    """Why the point has not expired by its own facts; empty if it has."""
    if point.held_until is not None and point.held_until > now:
        return f"held until {_day(point.held_until)}"
    if point.expires_at is None:
        return f"never expires ({point.expiry_reason})"
    if point.expires_at > now:
        return f"expires {_day(point.expires_at)} ({point.expiry_reason})"
    return ""


def _floor(ordered: Sequence[RetainedPoint], keep_last: int) -> dict[int, str]:
    """The points that stay although they expired, by ``seq``, with the reason; the weightiest reason wins."""
    healthy = [point for point in ordered if not point.damaged]
    verified = [point for point in healthy if point.verified_at is not None]
    reasons = {point.seq: f"expired, but one of the last {keep_last} points" for point in healthy[-keep_last:] if keep_last}
    reasons |= {point.seq: "expired, but the newest undamaged point" for point in healthy[-1:]}
    reasons |= {point.seq: "expired, but the newest verified point" for point in verified[-1:]}
    reasons |= {point.seq: "expired, but the newest point" for point in ordered[-1:]}
    return reasons


def _day(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
