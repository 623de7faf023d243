"""Tags, expiries and what is held, against a calendar walked by hand (A8, invariant 18)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.domain.policy import PolicySpec
from strongroom.domain.preview import points_held
from strongroom.domain.retention import RetainedPoint, RetentionSpec, Tag, expiry, plan_expiry, reconsider, tags_for
from strongroom.domain.schedule import Schedule, slots_between
from tests.property.policy.walk import days_of, retentions, schedules, shifted, walked_held

moments = st.datetimes(datetime(2015, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(second=0, microsecond=0)
)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@settings(max_examples=60)
@given(schedule=schedules, retention=retentions, taken_at=moments, tags=st.sets(st.sampled_from(Tag), min_size=1))
def test_an_expiry_is_the_latest_calendar_end_over_the_tags(
    schedule: Schedule, retention: RetentionSpec, taken_at: datetime, tags: set[Tag]
) -> None:
    """A8: its time + n calendar units, for the tag that keeps it longest."""
    spec = PolicySpec(schedule, retention)
    zone = ZoneInfo(spec.zone)
    local = taken_at.astimezone(zone)
    ends = {
        Tag.DAILY: shifted(local, zone, days=retention.days),
        Tag.WEEKLY: shifted(local, zone, days=7 * retention.weeks),
        Tag.MONTHLY: shifted(local, zone, months=retention.months),
        Tag.YEARLY: shifted(local, zone, months=12 * retention.years),
    }
    latest = max(ends[tag] for tag in tags if retention.units(tag)) if any(retention.units(tag) for tag in tags) else taken_at

    assert expiry(taken_at, tags, spec).at == latest


@settings(max_examples=60)
@given(schedule=schedules, taken=st.lists(moments, min_size=1, max_size=60, unique=True))
def test_each_week_month_and_year_has_one_point_with_its_tag(schedule: Schedule, taken: list[datetime]) -> None:
    """A8: the first successful point of the period in the policy's zone; no clock step can make a second."""
    spec = PolicySpec(schedule, RetentionSpec(days=1))
    zone = ZoneInfo(spec.zone)
    tags = [tags_for(at, taken[:number], spec) for number, at in enumerate(taken)]

    assert all(Tag.DAILY in one for one in tags)
    for tag, period in ((Tag.WEEKLY, "%G-%V"), (Tag.MONTHLY, "%Y-%m"), (Tag.YEARLY, "%Y")):
        tagged = [at.astimezone(zone).strftime(period) for at, one in zip(taken, tags, strict=True) if tag in one]
        assert sorted(tagged) == sorted({at.astimezone(zone).strftime(period) for at in taken})


@settings(max_examples=10)
@given(schedule=schedules, retention=retentions, start=moments, days=st.integers(1, 500), back=st.integers(0, 20))
def test_the_preview_counts_what_a_walk_of_the_calendar_holds(
    schedule: Schedule, retention: RetentionSpec, start: datetime, days: int, back: int
) -> None:
    """A7: the number of points is a simulation's, at every midnight."""
    spec = PolicySpec(schedule, retention)
    end = start + timedelta(days=days)
    taken = [slot.due_at for slot in slots_between(schedule, start, end)]

    for at in days_of(end - timedelta(days=min(back, days, 3)), min(back, days, 3) + 1):
        assert points_held(spec, taken[0] if taken else end + timedelta(1), at) == walked_held(spec, taken, at)


@st.composite
def histories(draw: st.DrawFn) -> list[RetainedPoint]:
    near = st.integers(-400, 400).map(lambda days: NOW + timedelta(days=days))
    maybe = st.none() | near
    count = draw(st.integers(1, 12))
    return [
        RetainedPoint(
            f"point-{seq}",
            seq,
            draw(near),
            draw(maybe),
            "daily",
            held_until=draw(maybe),
            verified_at=draw(maybe),
            damaged=draw(st.booleans()),
        )
        for seq in draw(st.permutations(range(count)))
    ]


@given(points=histories(), keep_last=st.integers(0, 4))
def test_nothing_that_invariant_18_protects_is_ever_removed(points: list[RetainedPoint], keep_last: int) -> None:
    """Invariant 18: the newest, the newest verified and every held point stay, and each decision has its reason."""
    plan = plan_expiry(points, NOW, keep_last=keep_last)
    removed = {decision.point.key for decision in plan.remove}
    ordered = sorted(points, key=lambda point: point.seq)
    verified = [point for point in ordered if point.verified_at and not point.damaged]
    undamaged = [point for point in ordered if not point.damaged]

    assert ordered[-1].key not in removed
    assert not {point.key for point in verified[-1:]} & removed
    assert not {point.key for point in undamaged[-max(1, keep_last) :]} & removed
    assert not {point.key for point in points if point.held_until and point.held_until > NOW} & removed
    assert not {point.key for point in points if point.expires_at is None or point.expires_at > NOW} & removed
    assert sorted(removed | {decision.point.key for decision in plan.keep}) == sorted(point.key for point in points)
    assert all(decision.reason for decision in (*plan.keep, *plan.remove))


@given(points=histories(), keep_last=st.integers(0, 4))
def test_what_is_removed_has_expired_and_carrying_out_the_plan_leaves_nothing_more_to_do(
    points: list[RetainedPoint], keep_last: int
) -> None:
    """B4: the plan is executed once; the same plan over what stays removes nothing."""
    plan = plan_expiry(points, NOW, keep_last=keep_last)

    assert all(decision.point.expires_at and decision.point.expires_at <= NOW for decision in plan.remove)
    assert plan_expiry([decision.point for decision in plan.keep], NOW, keep_last=keep_last).remove == ()


@given(points=histories(), keep_last=st.integers(0, 4), days=st.integers(0, 2000))
def test_keep_last_only_postpones(points: list[RetainedPoint], keep_last: int, days: int) -> None:
    """A8: a larger keep-last never removes what a smaller one keeps, and time never brings a removed point back."""
    removed = {decision.point.key for decision in plan_expiry(points, NOW, keep_last=keep_last).remove}
    with_more = {decision.point.key for decision in plan_expiry(points, NOW, keep_last=keep_last + 1).remove}
    later = {decision.point.key for decision in plan_expiry(points, NOW + timedelta(days=days), keep_last=keep_last).remove}

    assert with_more <= removed <= later


@settings(max_examples=40)
@given(schedule=schedules, retention=retentions, points=histories())
def test_an_edit_that_changes_nothing_expires_nothing(schedule: Schedule, retention: RetentionSpec, points: list[RetainedPoint]) -> None:
    """A8: an edit is judged by recomputing the expiries, and recomputing with the same rules gives the same."""
    spec = PolicySpec(schedule, retention)
    tagged = reconsider((replace(point, tags=(Tag.DAILY, Tag.MONTHLY)) for point in points), spec)

    assert reconsider(tagged, spec) == tagged
    assert all(point.expires_at == expiry(point.taken_at, point.tags, spec).at for point in tagged)
