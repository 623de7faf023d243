"""A catalog with protected machines, a clock that tests turn, and a queue that only writes rows: all that schedules need."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Item, Job, Policy, Slot, Vault
from strongroom.domain.policy import PolicySpec
from strongroom.domain.schedule import SlotKey
from strongroom.domain.states import LIVE, JobStatus, Operation, ProtectionStatus, RegistrationStatus, Trigger, WorkloadType
from strongroom.scheduler.lease import Lease
from strongroom.scheduler.slots import Fired, Firing

NIGHTLY: dict[str, Any] = {"schedule": {"kind": "daily", "zone": "Europe/Berlin", "times": ["22:00"]}, "retention": {"days": 30}}
HOURLY: dict[str, Any] = {"schedule": {"kind": "hourly", "zone": "Europe/Berlin", "every_hours": 1}, "retention": {"days": 3}}


class HandClock:
    """A clock that moves only when it is told to; the wall clock may also be set, the monotonic one not."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def pass_time(self, **span: float) -> None:
        self._now += timedelta(**span)
        self._monotonic += timedelta(**span).total_seconds()

    def set(self, now: datetime) -> None:
        self._now = now


class Installation:
    """One catalog, one leading scheduler, and ways to look at what it did."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.clock = HandClock(now)
        self.catalog = Catalog.create(folder / "catalog.db")
        self.lease = Lease(self.catalog, self.clock)
        assert self.lease.acquire()
        self.firing = self.restarted()

    def restarted(self) -> Firing:
        """A new process's view: nothing is remembered that is not in the catalog."""
        return Firing(self.catalog, self.submit, self.clock, self.lease)

    def policy(self, record: dict[str, Any], name: str = "nightly") -> int:
        PolicySpec.from_json(record)
        with self.catalog.write() as session:
            vault = session.exec(select(Vault)).first() or Vault(
                name="v1", region="r", repository_path="/v", repository_id="r", created_at=self.clock.now()
            )
            session.add(vault)
            session.flush()
            policy = Policy(vault_id=vault.id or 0, name=name, spec=record, created_at=self.clock.now(), updated_at=self.clock.now())
            session.add(policy)
            session.flush()
            return policy.id or 0

    def protect(self, policy_id: int, *names: str) -> list[int]:
        with self.catalog.write() as session:
            policy = session.get(Policy, policy_id)
            assert policy is not None
            items = [
                Item(
                    vault_id=policy.vault_id,
                    policy_id=policy_id,
                    identity=f"{policy_id}/{name}",
                    name=name,
                    cloud_service="c",
                    region="r",
                    workload_type=WorkloadType.DISK_IMAGE,
                    registration=RegistrationStatus.REGISTERED,
                    protection=ProtectionStatus.PENDING,
                    protected_at=self.clock.now(),
                )
                for name in names
            ]
            session.add_all(items)
            session.flush()
            return [item.id or 0 for item in items]

    def submit(self, session: Session, _policy: Policy, item: Item, _slot: SlotKey) -> int | None:
        """Queue a backup as the service does: refused while the item has a live job."""
        if session.exec(select(Job).where(Job.item_id == item.id, col(Job.status).in_(LIVE))).first():
            return None
        job = self._job(item, Operation.BACKUP)
        session.add(job)
        session.flush()
        return job.id

    def occupy(self, item_id: int, operation: Operation) -> int:
        """Another operation begins on the item."""
        with self.catalog.write() as session:
            item = session.get(Item, item_id)
            assert item is not None
            job = self._job(item, operation)
            session.add(job)
            session.flush()
            return job.id or 0

    def _job(self, item: Item, operation: Operation) -> Job:
        return Job(
            operation=operation,
            status=JobStatus.QUEUED,
            trigger=Trigger.SCHEDULE,
            vault_id=item.vault_id,
            item_id=item.id,
            workload_name=item.name,
            queued_at=self.clock.now(),
        )

    def end_jobs(self) -> None:
        """Whatever runs, ends well."""
        with self.catalog.write() as session:
            for job in session.exec(select(Job).where(col(Job.status).in_(LIVE))):
                job.status, job.ended_at = JobStatus.COMPLETED, self.clock.now()
                session.add(job)

    def fire(self, policy_id: int) -> list[str]:
        """Fire and let the jobs end at once; what was settled, in words."""
        fired = self.firing.fire(policy_id)
        self.end_jobs()
        return words(fired)

    def slots(self, item_id: int) -> list[tuple[str, str]]:
        """The item's slots with their outcomes, by when they were due."""
        with self.catalog.read() as session:
            rows = session.exec(select(Slot).where(Slot.item_id == item_id).order_by(col(Slot.due_at), col(Slot.id)))
            return [(f"{row.local_date} {row.local_time}", row.outcome) for row in rows]

    def job_count(self) -> int:
        with self.catalog.read() as session:
            return len(session.exec(select(Job.id)).all())


def words(fired: Iterable[Fired]) -> list[str]:
    return [f"{each.slot}: {each.outcome}" for each in fired]
