"""Slots under random downtime, restarts and steps of the wall clock (B12)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Slot
from strongroom.domain.policy import PolicySpec
from strongroom.domain.schedule import slots_between
from tests.unit.scheduler.installation import HandClock, Installation

KEEP = {"retention": {"days": 7}}
POLICIES: list[dict[str, Any]] = [
    {"schedule": {"kind": "daily", "zone": "Europe/Berlin", "times": ["02:30"]}, **KEEP},
    {"schedule": {"kind": "hourly", "zone": "America/Santiago", "every_hours": 4}, **KEEP},
    {"schedule": {"kind": "weekly", "zone": "Australia/Lord_Howe", "weekdays": ["sunday", "monday"], "times": ["02:15", "21:00"]}, **KEEP},
    {"schedule": {"kind": "monthly", "zone": "Pacific/Apia", "days": [1, 29], "times": ["00:00", "12:00"]}, **KEEP},
]
STARTS = [datetime(2026, 3, 27, 9, tzinfo=UTC), datetime(2026, 10, 23, 9, tzinfo=UTC), datetime(2028, 2, 27, 9, tzinfo=UTC)]


@dataclass(frozen=True)
class Pass:
    """Half hours that pass while the service runs or is down."""

    half_hours: int
    up: bool


@dataclass(frozen=True)
class Step:
    """From now on the wall clock is wrong by so many hours, until it is set right or otherwise."""

    hours: int


@dataclass(frozen=True)
class Restart:
    """The service is killed and another takes over."""


happenings = st.one_of(
    st.builds(Pass, st.integers(1, 60), st.just(True)),
    st.builds(Pass, st.integers(1, 120), st.just(False)),
    st.builds(Step, st.sampled_from([-48, -1, 0, 0, 1, 48])),
    st.builds(Restart),
)


@pytest.fixture(scope="module")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "catalog.db"
    Catalog.create(path).close()
    return path


@contextmanager
def installed(empty_catalog: Path, now: datetime) -> Iterator[Installation]:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        copy = Path(shutil.copy(empty_catalog, Path(folder) / "catalog.db"))
        patch.setattr(Catalog, "create", lambda _: Catalog.open(copy))
        installation = Installation(Path(folder), now)
        yield installation
        installation.catalog.close()


class Storm:
    """The true time beside the wall clock that the service reads, and the slots that it saw with the right time as the newest due."""

    def __init__(self, installation: Installation, record: dict[str, Any]) -> None:
        self.installation = installation
        self.clock: HandClock = installation.clock
        self.true_now = self.began_at = self.clock.now()
        self.schedule = PolicySpec.from_json(record).schedule
        self.policy_id = installation.policy(record)
        (self.item_id,) = installation.protect(self.policy_id, "web-01")
        self.lived: set[tuple[str, str]] = set()

    def happen(self, what: Pass | Step | Restart) -> None:
        match what:
            case Step():
                self.clock.set(self.true_now + timedelta(hours=what.hours))
            case Restart():
                self.installation.firing = self.installation.restarted()
            case Pass(up=False):
                self._pass(what.half_hours)
                self.installation.firing = self.installation.restarted()
            case Pass():
                for _ in range(what.half_hours):
                    self._pass(1)
                    self.look()

    def _pass(self, half_hours: int) -> None:
        self.clock.pass_time(minutes=30 * half_hours)
        self.true_now += timedelta(minutes=30 * half_hours)

    def look(self) -> None:
        self.installation.lease.renew()
        self.installation.fire(self.policy_id)
        if self.clock.now() == self.true_now:
            self.lived.update(names[-1] for names in [self.expected()] if names)

    def expected(self) -> list[tuple[str, str]]:
        slots = slots_between(self.schedule, self.began_at, self.true_now)
        return [(slot.local_date.isoformat(), f"{slot.local_time:%H:%M}") for slot in slots]

    def rows(self) -> list[Slot]:
        with self.installation.catalog.read() as session:
            return list(session.exec(select(Slot).order_by(col(Slot.due_at), col(Slot.local_time))))


@settings(max_examples=40)
@given(record=st.sampled_from(POLICIES), start=st.sampled_from(STARTS), story=st.lists(happenings, max_size=14))
def test_every_slot_is_settled_exactly_once_and_none_that_was_lived_through_is_lost(
    empty_catalog: Path, record: dict[str, Any], start: datetime, story: list[Pass | Step | Restart]
) -> None:
    """B12: with kills, downtime and clock steps of two days in both directions, over clock changes and a leap day.

    A clock that is set back to before the item was protected may fire slots of those days, which nobody could know to be past; they are left out here.
    """
    with installed(empty_catalog, start) as installation:
        storm = Storm(installation, record)
        for what in [*story, Step(0), Pass(1, up=True)]:
            storm.happen(what)
        rows = [row for row in storm.rows() if storm.began_at < row.due_at <= storm.true_now]
        ran = {(row.local_date, row.local_time) for row in storm.rows() if row.outcome == "queued"}

        assert sorted((row.local_date, row.local_time) for row in rows) == sorted(storm.expected())
        assert storm.lived <= ran
        assert installation.job_count() == len(ran)
        assert {row.outcome.split(":")[0] for row in rows} <= {"queued", "missed"}


@settings(max_examples=8)
@given(record=st.sampled_from(POLICIES), start=st.sampled_from(STARTS), days=st.integers(3, 8))
def test_a_service_that_is_never_disturbed_runs_every_slot(empty_catalog: Path, record: dict[str, Any], start: datetime, days: int) -> None:
    """B12: two slots that a gap puts on one instant are the only ones that share a run."""
    with installed(empty_catalog, start) as installation:
        storm = Storm(installation, record)
        storm.happen(Pass(48 * days, up=True))
        rows = storm.rows()

        assert [(row.local_date, row.local_time) for row in rows] == storm.expected()
        assert len({row.due_at for row in rows}) == len([row for row in rows if row.outcome == "queued"])
