"""The ten cases of ``docs/design/retention.md``, as they are worked there by hand (A8, invariant 18)."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from strongroom.domain.errors import InvalidInput
from strongroom.domain.policy import PolicySpec
from strongroom.domain.preview import preview
from strongroom.domain.retention import RetainedPoint, RetentionSpec, Tag, expiry, plan_expiry, reconsider, tags_for
from strongroom.domain.schedule import Daily

GFS = RetentionSpec(days=30, weeks=12, months=12, years=5)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type]  # six numbers at most, none of them a zone


def policy(retention: RetentionSpec, zone: str = "Europe/Berlin") -> PolicySpec:
    return PolicySpec(Daily((time(22),), zone), retention)


def point(seq: int, taken_at: datetime, **facts: object) -> RetainedPoint:
    facts = {"expires_at": taken_at, "expiry_reason": "daily: kept 30 days", **facts}
    return RetainedPoint(f"point-{seq}", seq, taken_at, **facts)  # type: ignore[arg-type]


def test_case_1_the_first_point_of_all_carries_every_tag() -> None:
    """A8"""
    spec, taken_at = policy(GFS), utc(2026, 11, 22, 21)
    tags = tags_for(taken_at, [], spec)

    assert tags == (Tag.DAILY, Tag.WEEKLY, Tag.MONTHLY, Tag.YEARLY)
    assert expiry(taken_at, tags, spec).at == utc(2031, 11, 22, 21)
    assert expiry(taken_at, tags, spec).reason == "yearly: kept 5 years"


def test_case_2_the_next_day_is_the_first_of_its_iso_week() -> None:
    """A8"""
    spec, taken_at = policy(GFS), utc(2026, 11, 23, 21)
    tags = tags_for(taken_at, [utc(2026, 11, 22, 21)], spec)

    assert tags == (Tag.DAILY, Tag.WEEKLY)
    assert expiry(taken_at, tags, spec).at == utc(2027, 2, 15, 21)
    assert expiry(taken_at, tags, spec).reason == "weekly: kept 12 weeks"


def test_case_3_the_iso_week_and_the_year_do_not_begin_together() -> None:
    """A8"""
    spec = policy(GFS)
    earlier = [utc(2026, 12, 28, 21), utc(2026, 12, 31, 21)]

    assert tags_for(utc(2027, 1, 1, 21), earlier, spec) == (Tag.DAILY, Tag.MONTHLY, Tag.YEARLY)


def test_case_4_the_zone_decides_to_which_period_a_point_belongs() -> None:
    """A8"""
    taken_at, earlier = utc(2026, 12, 31, 23, 30), [utc(2026, 12, 31, 12)]

    assert Tag.YEARLY in tags_for(taken_at, earlier, policy(GFS, "Europe/Berlin"))
    assert Tag.YEARLY not in tags_for(taken_at, earlier, policy(GFS, "America/New_York"))


def test_case_5_a_month_later_than_the_31st_is_the_last_day_of_the_month() -> None:
    """A8"""
    spec = policy(RetentionSpec(months=1))

    assert expiry(utc(2027, 1, 31, 21), [Tag.MONTHLY], spec).at == utc(2027, 2, 28, 21)
    assert expiry(utc(2028, 1, 31, 21), [Tag.MONTHLY], spec).at == utc(2028, 2, 29, 21)


def test_case_6_a_year_later_than_the_leap_day_is_the_28th() -> None:
    """A8"""
    assert expiry(utc(2028, 2, 29, 21), [Tag.YEARLY], policy(RetentionSpec(years=1))).at == utc(2029, 2, 28, 21)


def test_case_7_days_are_calendar_days_and_not_24_hours() -> None:
    """A8"""
    spec = policy(RetentionSpec(days=7))

    assert expiry(utc(2026, 3, 25, 21), [Tag.DAILY], spec).at == utc(2026, 4, 1, 20)
    assert expiry(utc(2026, 3, 22, 1, 30), [Tag.DAILY], spec).at == utc(2026, 3, 29, 1)


def test_case_8_keep_until_only_postpones() -> None:
    """A8"""
    spec, taken_at = policy(RetentionSpec(days=30)), utc(2026, 11, 22, 21)
    sooner = expiry(taken_at, [Tag.DAILY], spec, keep_until=utc(2026, 12, 1))
    later = expiry(taken_at, [Tag.DAILY], spec, keep_until=utc(2027, 6, 1))

    assert (sooner.at, sooner.reason) == (utc(2026, 12, 22, 21), "daily: kept 30 days")
    assert (later.at, later.reason) == (utc(2027, 6, 1), "an operator asked to keep it until then")


def test_case_9_after_a_year_without_backups_three_points_stay() -> None:
    """B4, invariant 18"""
    points = [
        point(1, utc(2026, 1, 1, 21)),
        point(2, utc(2026, 1, 2, 21), verified_at=utc(2026, 1, 3)),
        point(3, utc(2026, 1, 3, 21)),
        point(4, utc(2026, 1, 4, 21)),
        point(5, utc(2026, 1, 5, 21), damaged=True),
    ]
    plan = plan_expiry(points, utc(2027, 1, 10))

    assert {decision.point.seq: decision.reason for decision in plan.keep} == {
        2: "expired, but the newest verified point",
        4: "expired, but the newest undamaged point",
        5: "expired, but the newest point",
    }
    assert [(decision.point.seq, decision.reason) for decision in plan.remove] == [
        (1, "expired 2026-01-01 21:00 UTC (daily: kept 30 days)"),
        (3, "expired 2026-01-03 21:00 UTC (daily: kept 30 days)"),
    ]


def test_case_10_an_edit_shows_what_it_would_expire() -> None:
    """A8"""
    before, after = policy(RetentionSpec(days=30)), policy(RetentionSpec(days=7, weeks=4))
    points = [
        RetainedPoint("old weekly", 1, utc(2026, 11, 2, 21), None, tags=(Tag.DAILY, Tag.WEEKLY)),
        RetainedPoint("old daily", 2, utc(2026, 11, 3, 21), None, tags=(Tag.DAILY,)),
        RetainedPoint("newest", 3, utc(2026, 11, 21, 21), None, tags=(Tag.DAILY,)),
    ]
    now = utc(2026, 11, 22)

    assert plan_expiry(reconsider(points, before), now).remove == ()
    removed = plan_expiry(reconsider(points, after), now).remove
    assert [(decision.point.key, decision.reason) for decision in removed] == [
        ("old daily", "expired 2026-11-10 21:00 UTC (daily: kept 7 days)")
    ]


def test_newest_is_by_history_and_not_by_a_clock_that_jumped() -> None:
    """Invariant 18: the point made while the clock was two days ahead is not the newest."""
    ahead, newest = point(1, utc(2026, 1, 12)), point(2, utc(2026, 1, 10))

    assert [decision.point for decision in plan_expiry([ahead, newest], utc(2026, 6, 1)).remove] == [ahead]


def test_a_point_that_no_tier_keeps_says_so() -> None:
    """A8: a daily point under a policy that keeps weeks only."""
    answer = expiry(utc(2026, 11, 22, 21), [Tag.DAILY], policy(RetentionSpec(weeks=4)))

    assert (answer.at, answer.reason) == (utc(2026, 11, 22, 21), "no tier of the policy keeps it")


def test_held_and_unlimited_points_stay_with_their_reason() -> None:
    """B4"""
    held = point(1, utc(2026, 1, 1), held_until=utc(2027, 1, 1))
    forever = point(2, utc(2026, 1, 2), expires_at=None, expiry_reason="protection stopped, kept for ever")
    plan = plan_expiry([held, forever, point(3, utc(2026, 1, 3))], utc(2026, 6, 1))

    assert [decision.reason for decision in plan.keep[:2]] == [
        "held until 2027-01-01 00:00 UTC",
        "never expires (protection stopped, kept for ever)",
    ]


@pytest.mark.parametrize("counts", [{}, {"days": -1}, {"days": 10_000}, {"years": 101}])
def test_a_retention_that_keeps_nothing_or_for_ever_is_refused(counts: dict[str, int]) -> None:
    """A8"""
    with pytest.raises(InvalidInput):
        RetentionSpec(**counts)


def test_the_preview_counts_a_policy_that_can_be_counted_by_hand() -> None:
    """A7: seven dailies have not expired, and the ten newest are kept; the tenth run is on 1 December."""
    answer = preview(policy(RetentionSpec(days=7, keep_last=10)), utc(2026, 11, 22, 12), runs=3)

    assert [str(slot) for slot in answer.next_runs] == ["2026-11-22 22:00", "2026-11-23 22:00", "2026-11-24 22:00"]
    assert answer.points_when_full == 10
    assert answer.full_at == utc(2026, 12, 1, 21)
