"""Slots become rows and jobs exactly once, whatever happened in between (B12)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from strongroom.catalog.entities import Item, Lease, Policy, Slot
from strongroom.domain.errors import InternalError
from strongroom.domain.schedule import SlotKey
from strongroom.domain.states import Operation, ProtectionStatus
from strongroom.scheduler.errors import LeaseLost
from strongroom.scheduler.slots import Firing
from tests.unit.scheduler.installation import HOURLY, NIGHTLY, Installation, words


def test_nothing_is_fired_before_it_is_due_and_then_once(installation: Installation) -> None:
    """B12"""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")

    assert installation.fire(policy_id) == []
    installation.clock.pass_time(hours=10)
    assert installation.fire(policy_id) == ["2026-11-20 22:00: queued"]
    installation.clock.pass_time(minutes=1)
    assert installation.fire(policy_id) == []
    installation.firing = installation.restarted()
    assert installation.fire(policy_id) == []
    assert (installation.slots(item_id), installation.job_count()) == ([("2026-11-20 22:00", "queued")], 1)


def test_every_item_of_the_policy_is_fired(installation: Installation) -> None:
    """B12: more machines than fit into one transaction."""
    policy_id = installation.policy(NIGHTLY)
    installation.protect(policy_id, *(f"vm-{number}" for number in range(120)))
    installation.clock.pass_time(hours=10)

    assert len(installation.fire(policy_id)) == installation.job_count() == 120


def test_downtime_is_caught_up_by_one_run_and_the_rest_is_recorded_as_missed(installation: Installation) -> None:
    """B12"""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    installation.clock.pass_time(days=3)
    installation.firing = installation.restarted()

    installation.fire(policy_id)

    assert installation.slots(item_id) == [
        ("2026-11-20 22:00", "missed: caught up by the slot of 2026-11-22 22:00"),
        ("2026-11-21 22:00", "missed: caught up by the slot of 2026-11-22 22:00"),
        ("2026-11-22 22:00", "queued"),
    ]
    assert installation.job_count() == 1


def test_slots_that_a_gap_puts_on_one_instant_make_one_run(installation: Installation) -> None:
    """B12: on 29 March 2026 the clocks of Berlin go from 02:00 to 03:00, so both are due at 01:00 UTC."""
    installation.clock.set(datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    policy_id = installation.policy(HOURLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    for _ in range(8):
        installation.clock.pass_time(minutes=15)
        installation.fire(policy_id)

    assert installation.slots(item_id) == [
        ("2026-03-29 02:00", "missed: caught up by the slot of 2026-03-29 03:00"),
        ("2026-03-29 03:00", "queued"),
        ("2026-03-29 04:00", "queued"),
    ]


def test_a_running_backup_serves_the_slot_that_comes_due_meanwhile(installation: Installation) -> None:
    """A18, B12"""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    job_id = installation.occupy(item_id, Operation.BACKUP)
    installation.clock.pass_time(hours=10)

    assert installation.fire(policy_id) == [f"2026-11-20 22:00: busy: job {job_id}"]
    assert installation.fire(policy_id) == []


def test_a_slot_waits_for_any_other_operation_to_end(installation: Installation) -> None:
    """A18, B12: a restore at ten o'clock must not cost the night's backup."""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    job_id = installation.occupy(item_id, Operation.RESTORE)
    installation.clock.pass_time(hours=10)

    assert words(installation.firing.fire(policy_id)) == [f"2026-11-20 22:00: waiting: job {job_id} (Restore)"]
    installation.clock.pass_time(minutes=1)
    assert words(installation.firing.fire(policy_id)) == [f"2026-11-20 22:00: waiting: job {job_id} (Restore)"]
    installation.end_jobs()
    installation.firing = installation.restarted()
    assert installation.fire(policy_id) == ["2026-11-20 22:00: queued"]
    assert installation.slots(item_id) == [("2026-11-20 22:00", "queued")]


def test_a_slot_that_waited_too_long_is_caught_up_by_the_next(installation: Installation) -> None:
    """B12"""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    installation.occupy(item_id, Operation.RESTORE)
    installation.clock.pass_time(hours=10)
    installation.firing.fire(policy_id)
    installation.clock.pass_time(days=1)
    installation.end_jobs()
    installation.fire(policy_id)

    assert installation.slots(item_id) == [
        ("2026-11-20 22:00", "missed: caught up by the slot of 2026-11-21 22:00"),
        ("2026-11-21 22:00", "queued"),
    ]


def test_a_run_does_not_start_after_its_window(installation: Installation) -> None:
    """A8, B12: a nightly backup with a window of four hours does not begin in the morning."""
    policy_id = installation.policy({**NIGHTLY, "start_window_seconds": 4 * 3600})
    (item_id,) = installation.protect(policy_id, "web-01")
    installation.clock.pass_time(hours=20)
    installation.fire(policy_id)
    installation.clock.pass_time(hours=16)
    installation.fire(policy_id)

    assert installation.slots(item_id) == [
        ("2026-11-20 22:00", "missed: its start window of 4 h had closed"),
        ("2026-11-21 22:00", "queued"),
    ]


def test_slots_from_before_protection_or_before_an_edit_do_not_count(installation: Installation) -> None:
    """A8: a policy moved from 22:00 to 06:00 at noon runs next morning, not at once."""
    policy_id = installation.policy(NIGHTLY)
    installation.clock.pass_time(hours=11)
    (item_id,) = installation.protect(policy_id, "web-01")
    assert installation.fire(policy_id) == []

    installation.clock.pass_time(hours=13)
    with installation.catalog.write() as session:
        policy = session.get(Policy, policy_id)
        assert policy is not None
        policy.spec = {**NIGHTLY, "schedule": {"kind": "daily", "zone": "Europe/Berlin", "times": ["06:00"]}}
        policy.updated_at = installation.clock.now()
        session.add(policy)
    assert installation.fire(policy_id) == []
    installation.clock.pass_time(hours=18)
    assert installation.fire(policy_id) == ["2026-11-22 06:00: queued"]
    assert len(installation.slots(item_id)) == 1


@pytest.mark.parametrize("protection", [ProtectionStatus.STOPPED, ProtectionStatus.SUSPENDED, ProtectionStatus.NONE])
def test_stopped_machines_are_left_alone(installation: Installation, protection: ProtectionStatus) -> None:
    """A17"""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    with installation.catalog.write() as session:
        item = session.get(Item, item_id)
        assert item is not None
        item.protection = protection
        session.add(item)
    installation.clock.pass_time(hours=10)

    assert installation.fire(policy_id) == []


def test_a_clock_that_was_two_days_ahead_for_a_while_costs_no_run(installation: Installation) -> None:
    """B12: what was called missed in a future that did not come is run when its time really comes, and nothing runs twice."""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    installation.clock.set(installation.clock.now() + timedelta(hours=60))
    installation.fire(policy_id)
    installation.clock.set(installation.clock.now() - timedelta(hours=60))
    assert installation.fire(policy_id) == []
    for _ in range(4 * 24):
        installation.clock.pass_time(hours=1)
        installation.fire(policy_id)

    assert installation.slots(item_id) == [
        ("2026-11-20 22:00", "queued"),
        ("2026-11-21 22:00", "queued"),
        ("2026-11-22 22:00", "queued"),
        ("2026-11-23 22:00", "queued"),
    ]
    assert installation.job_count() == 4


def test_a_clock_that_was_two_days_behind_for_a_while_runs_nothing_twice(installation: Installation) -> None:
    """B12"""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    for step in (
        *[timedelta(hours=1)] * 40,
        timedelta(hours=-48),
        *[timedelta(hours=1)] * 6,
        timedelta(hours=48),
        *[timedelta(hours=1)] * 20,
    ):
        installation.clock.set(installation.clock.now() + step)
        installation.fire(policy_id)

    assert installation.slots(item_id) == [(f"2026-11-{day} 22:00", "queued") for day in (20, 21, 22)]
    assert installation.job_count() == 3


def test_a_fired_slot_holds_the_token_of_the_lease(installation: Installation) -> None:
    """B12"""
    policy_id = installation.policy(NIGHTLY)
    installation.protect(policy_id, "web-01")
    installation.clock.pass_time(hours=10)
    installation.fire(policy_id)

    with installation.catalog.read() as session:
        slot = session.exec(select(Slot)).one()
    assert (slot.token, slot.job_id, slot.due_at) == (installation.lease.token, 1, datetime(2026, 11, 20, 21, tzinfo=UTC))


def test_whoever_lost_the_lease_writes_nothing_more(installation: Installation) -> None:
    """B12: the token is compared in the transaction that writes, so waking up too late does no harm."""
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    with installation.catalog.write() as session:
        row = session.get(Lease, "service")
        assert row is not None
        row.owner, row.token = "other:boot:1:1", row.token + 1
        session.add(row)
    installation.clock.pass_time(hours=10)

    with pytest.raises(LeaseLost):
        installation.firing.fire(policy_id)
    assert (installation.slots(item_id), installation.job_count()) == ([], 0)


def test_an_item_that_cannot_be_queued_is_tried_again_and_delays_no_other(installation: Installation) -> None:
    """B12"""
    policy_id = installation.policy(NIGHTLY)
    broken_id, sound_id = installation.protect(policy_id, "broken", "sound")
    failures = ["once"]

    def submit(session: Session, policy: Policy, item: Item, slot: SlotKey) -> int | None:
        job_id = installation.submit(session, policy, item, slot)
        if item.id == broken_id and failures:
            raise InternalError(failures.pop())
        return job_id

    firing = Firing(installation.catalog, submit, installation.clock, installation.lease)
    installation.clock.pass_time(hours=10)

    assert [each.item_id for each in firing.fire(policy_id)] == [sound_id]
    assert (installation.slots(broken_id), installation.job_count()) == ([], 1)
    assert [each.item_id for each in firing.fire(policy_id)] == [broken_id]


def test_a_clock_that_starts_in_1970_does_not_fill_the_catalog(installation: Installation) -> None:
    """B12"""
    now = installation.clock.now()
    installation.clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    policy_id = installation.policy(NIGHTLY)
    (item_id,) = installation.protect(policy_id, "web-01")
    installation.clock.set(now)
    installation.fire(policy_id)

    assert len(installation.slots(item_id)) == 400
    assert installation.job_count() == 1


def test_a_policy_that_was_deleted_meanwhile_fires_nothing(installation: Installation) -> None:
    """A8"""
    assert installation.fire(77) == []
