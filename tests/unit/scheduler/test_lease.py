"""One active service per catalog, whatever the clocks say (B12)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

import strongroom
from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import AuditEntry
from strongroom.catalog.entities import Lease as LeaseRow
from strongroom.catalog.errors import CatalogBusy
from strongroom.scheduler.errors import LeaseLost
from strongroom.scheduler.lease import Lease
from strongroom.scheduler.owner import Life, life_of, this_owner
from tests.unit.scheduler.installation import HandClock

ELSEWHERE = "kvm07:0000-1111/1:4242:99"


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2026, 11, 20, 11, tzinfo=UTC))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.create(tmp_path / "catalog.db") as made:
        yield made


def row_of(catalog: Catalog) -> LeaseRow:
    with catalog.read() as session:
        row = session.get(LeaseRow, "service")
        assert row is not None
        session.expunge(row)
        return row


def test_the_first_to_ask_leads_and_the_second_stands_by(catalog: Catalog, clock: HandClock) -> None:
    """B12"""
    first, second = Lease(catalog, clock), Lease(catalog, clock)

    assert first.acquire()
    assert not second.acquire()
    assert (first.held, first.token, second.held, second.token) == (True, 1, False, 0)
    assert first.acquire()
    assert first.token == 1


def test_a_released_lease_is_taken_at_once_with_a_higher_token(catalog: Catalog, clock: HandClock) -> None:
    """B12"""
    first, second = Lease(catalog, clock), Lease(catalog, clock)
    first.acquire()
    first.release()

    assert second.acquire()
    assert (first.held, second.token) == (False, 2)


def test_a_holder_that_died_on_this_host_is_replaced_at_once(catalog: Catalog, clock: HandClock) -> None:
    """B12: no waiting for the TTL; its pid is gone."""
    name = subprocess.run(
        [sys.executable, "-c", "from strongroom.scheduler.owner import this_owner; print(this_owner())"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(strongroom.__file__).parents[1])},
    ).stdout.strip()
    assert Lease(catalog, clock, owner=name).acquire()

    assert life_of(name) is Life.DEAD
    assert Lease(catalog, clock).acquire()


def test_a_pid_that_was_used_again_is_not_the_holder() -> None:
    """B12: the same pid, another start."""
    host, boot, pid, started = this_owner().rsplit(":", 3)

    assert life_of(this_owner()) is Life.ALIVE
    assert life_of(f"{host}:{boot}:{pid}:{int(started) - 1}") is Life.DEAD


def test_another_container_or_host_cannot_be_judged_by_its_pid() -> None:
    """B12"""
    host, boot, pid, started = this_owner().rsplit(":", 3)

    assert life_of(f"elsewhere:{boot}:{pid}:{started}") is Life.UNKNOWN
    assert life_of(f"{host}:{boot}9:{pid}:1") is Life.UNKNOWN
    assert life_of("nonsense") is Life.UNKNOWN


def test_a_living_holder_on_this_host_is_never_replaced(catalog: Catalog, clock: HandClock) -> None:
    """B12: it may be stopped or slow, but what it began may still run."""
    first, second = Lease(catalog, clock), Lease(catalog, clock)
    first.acquire()
    for _ in range(10):
        clock.pass_time(minutes=1)
        assert not second.acquire()


def test_a_holder_elsewhere_is_replaced_when_its_counter_stands_still_for_the_ttl(catalog: Catalog, clock: HandClock) -> None:
    """B12"""
    Lease(catalog, clock, owner=ELSEWHERE).acquire()
    standby = Lease(catalog, clock)

    assert not standby.acquire()
    clock.pass_time(seconds=29)
    assert not standby.acquire()
    clock.pass_time(seconds=1)
    assert standby.acquire()
    assert standby.token == 2


def test_a_holder_elsewhere_that_renews_keeps_its_lease(catalog: Catalog, clock: HandClock) -> None:
    """B12"""
    holder, standby = Lease(catalog, clock, owner=ELSEWHERE), Lease(catalog, clock)
    holder.acquire()
    for _ in range(30):
        clock.pass_time(seconds=10)
        assert holder.renew()
        assert not standby.acquire()


@pytest.mark.parametrize("step", [timedelta(hours=48), timedelta(hours=-48)])
def test_a_step_of_the_wall_clock_changes_nothing(catalog: Catalog, clock: HandClock, step: timedelta) -> None:
    """B12: neither does the holder lose its lease nor does a dead one keep it for two days."""
    holder, standby = Lease(catalog, clock, owner=ELSEWHERE), Lease(catalog, clock)
    holder.acquire()
    standby.acquire()
    clock.set(clock.now() + step)

    assert holder.held
    assert not standby.acquire()
    clock.pass_time(seconds=30)
    assert standby.acquire()


def test_a_holder_that_slept_through_its_ttl_does_not_act(catalog: Catalog, clock: HandClock) -> None:
    """B12: it knows by its own clock, before it asks anybody."""
    holder, standby = Lease(catalog, clock, owner=ELSEWHERE), Lease(catalog, clock)
    holder.acquire()
    standby.acquire()
    clock.pass_time(seconds=30)

    assert not holder.held
    assert standby.acquire()
    assert not holder.renew()
    with pytest.raises(LeaseLost):
        with_guard(catalog, holder)
    with_guard(catalog, standby)


def test_a_holder_that_slept_and_was_not_replaced_goes_on(catalog: Catalog, clock: HandClock) -> None:
    """B12"""
    holder = Lease(catalog, clock)
    holder.acquire()
    clock.pass_time(minutes=10)

    assert not holder.held
    assert holder.renew()
    assert (holder.held, holder.token) == (True, 1)


def with_guard(catalog: Catalog, lease: Lease) -> None:
    with catalog.write() as session:
        lease.guard(session)
        session.add(AuditEntry(at=datetime(2026, 1, 1, tzinfo=UTC), caller="test", operation="write", object="x"))


def test_renewing_writes_only_when_it_is_time(catalog: Catalog, clock: HandClock) -> None:
    """B12: the loop may ask five times a second without waking every screen."""
    lease = Lease(catalog, clock)
    lease.acquire()
    before = row_of(catalog).counter
    for _ in range(100):
        clock.pass_time(seconds=0.2)
        assert lease.renew()

    assert row_of(catalog).counter == before + 2


def test_a_catalog_that_does_not_answer_costs_the_lease_only_after_the_ttl(
    catalog: Catalog, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B12"""
    lease = Lease(catalog, clock)
    lease.acquire()

    def busy() -> Session:
        raise CatalogBusy("locked")

    monkeypatch.setattr(catalog, "write", busy)
    clock.pass_time(seconds=15)
    assert lease.renew()
    clock.pass_time(seconds=15)
    assert not lease.renew()


def test_of_two_that_saw_the_same_dead_holder_one_wins(catalog: Catalog, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """B12: the row is compared again inside the writing transaction."""
    Lease(catalog, clock, owner=ELSEWHERE).acquire()
    first, second = Lease(catalog, clock, owner="a:b/1:1:1"), Lease(catalog, clock, owner="c:d/1:1:1")
    first.acquire()
    second.acquire()
    clock.pass_time(seconds=30)
    write = catalog.write

    def write_after_the_other() -> object:
        monkeypatch.setattr(catalog, "write", write)
        assert second.acquire()
        return write()

    monkeypatch.setattr(catalog, "write", write_after_the_other)

    assert not first.acquire()
    assert (second.token, row_of(catalog).owner) == (2, "c:d/1:1:1")


def test_releasing_what_was_lost_does_not_take_it_from_the_new_holder(catalog: Catalog, clock: HandClock) -> None:
    """B12"""
    holder, standby = Lease(catalog, clock, owner=ELSEWHERE), Lease(catalog, clock)
    holder.acquire()
    standby.acquire()
    clock.pass_time(seconds=30)
    standby.acquire()
    holder.release()

    assert row_of(catalog).owner == standby.owner
    assert standby.renew()
