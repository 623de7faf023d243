"""APScheduler calls in time, and what it loses is found again (B12). These tests wait for real seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from strongroom.catalog.entities import Policy
from strongroom.domain.clock import SystemClock
from strongroom.domain.policy import PolicySpec
from strongroom.scheduler.scheduler import Scheduler
from strongroom.scheduler.triggers import SlotTrigger, Triggers
from tests.unit.scheduler.installation import HOURLY, NIGHTLY, Installation


class ShiftedClock(SystemClock):
    """The machine's clock, set to another time; it runs."""

    def __init__(self, start: datetime) -> None:
        self._shift = start - datetime.now(UTC)

    def now(self) -> datetime:
        return super().now() + self._shift


def wait_for(true: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def running(installation: Installation) -> Iterator[Callable[..., Scheduler]]:
    made: list[Scheduler] = []

    def start(clock: SystemClock, refresh_seconds: float) -> Scheduler:
        scheduler = Scheduler(installation.catalog, installation.submit, clock, installation.lease, refresh_seconds=refresh_seconds)
        made.append(scheduler)
        scheduler.start()
        return scheduler

    yield start
    for scheduler in made:
        scheduler.stop()


def test_a_slot_is_fired_by_its_trigger_within_a_second(installation: Installation, running: Callable[..., Scheduler]) -> None:
    """B12: long before the steady look would find it."""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    running(ShiftedClock(datetime(2026, 11, 20, 20, 59, 59, tzinfo=UTC)), 3600.0)

    wait_for(lambda: installation.slots(item_id), 3.0)
    assert installation.slots(item_id) == [("2026-11-20 22:00", "queued")]


def test_a_start_catches_up_at_once(installation: Installation, running: Callable[..., Scheduler]) -> None:
    """B12"""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    running(ShiftedClock(datetime(2026, 11, 21, 6, tzinfo=UTC)), 3600.0)

    wait_for(lambda: installation.slots(item_id), 3.0)
    assert installation.slots(item_id) == [("2026-11-20 22:00", "queued")]


def test_policies_of_other_processes_are_seen_at_the_next_look(installation: Installation, running: Callable[..., Scheduler]) -> None:
    """B12"""
    scheduler = running(ShiftedClock(datetime(2026, 11, 20, 20, 59, 58, tzinfo=UTC)), 3600.0)
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    scheduler.refresh()

    wait_for(lambda: installation.slots(item_id), 4.0)


def test_nothing_is_fired_after_stop_or_without_the_lease(installation: Installation) -> None:
    """B12"""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    clock = ShiftedClock(datetime(2026, 11, 20, 20, 59, 59, tzinfo=UTC))
    scheduler = Scheduler(installation.catalog, installation.submit, clock, installation.lease, refresh_seconds=0.05)
    scheduler.start()
    scheduler.stop()
    scheduler.stop()
    installation.clock.pass_time(days=1)
    installation.lease.release()

    assert scheduler.sweep() == ()
    time.sleep(1.2)
    assert installation.slots(item_id) == []


def test_a_policy_that_cannot_be_read_keeps_no_other_from_being_fired(installation: Installation) -> None:
    """B12"""
    broken_id, sound_id = installation.policy(NIGHTLY, "broken"), installation.policy(NIGHTLY, "sound")
    (item_id,) = installation.protect(sound_id, "web-01")
    with installation.catalog.write() as session:
        broken = session.get(Policy, broken_id)
        assert broken is not None
        broken.spec = {"schedule": "whenever"}
        session.add(broken)
    scheduler = Scheduler(installation.catalog, installation.submit, installation.clock, installation.lease)
    installation.clock.pass_time(hours=10)
    installation.lease.renew()

    assert [each.item_id for each in scheduler.sweep()] == [item_id]


def test_a_call_that_fails_or_is_missed_asks_for_a_look_at_everything(caplog: pytest.LogCaptureFixture) -> None:
    """B12: APScheduler's MISSED and ERROR events are repaired, not only logged."""
    trouble: list[str] = []

    def fail(policy_id: int) -> None:
        raise RuntimeError(policy_id)

    triggers = Triggers(ShiftedClock(datetime(2026, 11, 20, 20, 59, 59, 700_000, tzinfo=UTC)), fail, lambda: trouble.append("look"))
    with caplog.at_level(logging.CRITICAL, logger="apscheduler"):
        triggers.start()
        triggers.align({1: PolicySpec.from_json(NIGHTLY).schedule})
        wait_for(lambda: trouble, 3.0)
        triggers.stop()

    assert trouble == ["look"]


def test_triggers_follow_edits_deletions_and_steps_of_the_clock(installation: Installation) -> None:
    """B12"""
    clock = installation.clock
    triggers = Triggers(clock, lambda _: None, lambda: None)
    triggers.start()
    nightly, hourly = PolicySpec.from_json(NIGHTLY).schedule, PolicySpec.from_json(HOURLY).schedule

    def waits_hours(policy_id: int) -> float:
        at = triggers.next_call_at(policy_id)
        assert at is not None
        return round((at - datetime.now(UTC)) / timedelta(hours=1), 2)

    try:
        triggers.align({1: nightly, 2: hourly})
        assert (waits_hours(1), waits_hours(2)) == (10.0, 1.0)
        clock.set(clock.now() - timedelta(hours=48, minutes=30))
        triggers.align({1: nightly, 2: hourly})
        assert (waits_hours(1), waits_hours(2)) == (10.5, 0.5)
        triggers.align({1: hourly})
        assert (waits_hours(1), triggers.next_call_at(2)) == (0.5, None)
    finally:
        triggers.stop()


def test_a_trigger_never_names_the_slot_it_just_called() -> None:
    """B12: also when the call came a hair early by the injected clock."""
    due_at = datetime(2026, 11, 20, 21, tzinfo=UTC)
    trigger = SlotTrigger(PolicySpec.from_json(NIGHTLY).schedule, ShiftedClock(due_at + timedelta(milliseconds=60)))
    now = datetime.now(UTC)
    following = trigger.get_next_fire_time(now, now)

    assert following is not None
    assert timedelta(hours=23, minutes=59) < following - now < timedelta(hours=24, seconds=1)
