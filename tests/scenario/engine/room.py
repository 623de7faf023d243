"""A whole installation for tests: real catalog, real repositories, real worker processes; only the service's endless loop is left out."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel, select

from strongroom.bootstrap import open_context
from strongroom.catalog.entities import Item, Job, Machine, RecoveryPoint, Vault
from strongroom.domain.errors import as_record
from strongroom.domain.policy import PolicySpec
from strongroom.domain.retention import RetentionSpec
from strongroom.domain.schedule import Daily
from strongroom.domain.states import ENDED, JobStatus, Operation
from strongroom.engine.context import Context
from strongroom.engine.discovery import request_discovery
from strongroom.engine.jobs.crew import Crew
from strongroom.engine.jobs.queue import anything_queued, cancelling, claim, complete, fail
from strongroom.engine.jobs.table import IN_SERVICE, UNDERTAKINGS
from strongroom.engine.policies import create_policy
from strongroom.engine.protection import request_protect
from strongroom.engine.registration import request_register
from strongroom.engine.sources import add_source
from strongroom.engine.submission import Submitted
from strongroom.engine.vaults import confirm_recovery, create_vault

REGION = "de-test"
MIB = 1024 * 1024


def nightly(**keep: int) -> PolicySpec:
    """A daily policy; ``keep`` overrides the tiers of its retention."""
    tiers = {"days": 30, **keep}
    return PolicySpec(schedule=Daily(zone="Europe/Berlin", times=(time_of_day(22, 0),)), retention=RetentionSpec(**tiers))


@dataclass
class Room:
    """One installation with a vault and a source folder. ``work`` does what the service's loop would, until nothing is queued or running."""

    context: Context
    folder: Path
    vault_id: int
    source_id: int

    @property
    def images(self) -> Path:
        return self.folder / "images"

    def work(self, *, seconds: float = 60.0) -> None:
        crew = Crew(self.context, lambda: None)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._in_service()
            for job in cancelling(self.context):
                crew.cancel(job.id or 0)
            if crew.room:
                for job in claim(self.context, frozenset(Operation) - IN_SERVICE, crew.room, "test"):
                    crew.start(job)
            if not crew.job_ids and not anything_queued(self.context, frozenset(Operation)):
                return
            time.sleep(0.02)
        raise AssertionError(f"jobs did not end in {seconds} s: {self.jobs()}")

    def _in_service(self) -> None:
        for job in claim(self.context, IN_SERVICE, 50, "test"):
            try:
                complete(self.context, job, UNDERTAKINGS[job.operation].perform(self.context, job, {}), [])
            except Exception as error:  # noqa: BLE001
                fail(self.context, job, as_record(error), [])

    def done(self, submitted: Submitted) -> list[Job]:
        """Work the jobs off; all of them must have ended well."""
        assert not submitted.refused, submitted.refused
        self.work()
        jobs = [self.job(job_id) for job_id in submitted.job_ids]
        for job in jobs:
            assert job.status in {JobStatus.COMPLETED, JobStatus.WARNINGS}, (job.operation, job.error, self.log(job))
        return jobs

    def failed(self, submitted: Submitted) -> Job:
        """Work the one job off; it must have ended badly."""
        self.work()
        job = self.job(submitted.job_ids[0])
        assert job.status in {JobStatus.FAILED, JobStatus.CANCELLED}, job
        return job

    def job(self, job_id: int) -> Job:
        return self.row(Job, job_id)

    def log(self, job: Job) -> str:
        path = self.context.paths.job_log(job.uid)
        return path.read_text() if path.exists() else ""

    def jobs(self) -> list[tuple[str, str]]:
        with self.context.catalog.read() as session:
            return [(job.operation.value, job.status.value) for job in session.exec(select(Job)) if job.status not in ENDED]

    def row(self, kind: type[SQLModel], number: int) -> Any:
        with self.context.catalog.read() as session:
            return session.get_one(kind, number)

    def machine(self, name: str) -> Machine:
        with self.context.catalog.read() as session:
            return session.exec(select(Machine).where(Machine.name == name)).one()

    def item(self, name: str) -> Item:
        with self.context.catalog.read() as session:
            return session.exec(select(Item).where(Item.name == name)).one()

    def points(self, name: str) -> list[RecoveryPoint]:
        with self.context.catalog.read() as session:
            query = select(RecoveryPoint).join(Item).where(Item.name == name).order_by(RecoveryPoint.seq)  # type: ignore[arg-type]
            return list(session.exec(query))

    def vault(self) -> Vault:
        return self.row(Vault, self.vault_id)

    def image(self, name: str, content: bytes) -> Path:
        """A single-file machine; its times are put back so that it counts as settled."""
        path = self.images / f"{name}.raw"
        path.write_bytes(content)
        return path

    def protected(self, *names: str, spec: PolicySpec | None = None) -> list[int]:
        """Discover, register and protect these machines; returns their items."""
        self.done(request_discovery(self.context, [self.source_id]))
        self.done(request_register(self.context, self.vault_id, [self.machine(name).id or 0 for name in names]))
        items = [self.item(name).id or 0 for name in names]
        policy = create_policy(self.context, self.vault_id, f"policy for {names}", spec or nightly())
        self.done(request_protect(self.context, items, policy))
        return items


def make_room(folder: Path, **settings: Any) -> Room:
    """A new installation below ``folder`` with an empty source and a confirmed vault."""
    (folder / "images").mkdir(parents=True)
    opened = open_context(folder / "home")
    context = replace(opened, settings=opened.settings.model_copy(update={"retry_seconds": 0.1, **settings}))
    made = create_vault(context, "test-vault", REGION)
    confirm_recovery(context, made.vault_id, made.recovery_key, made.recovery_key.rsplit("-", 1)[-1])
    source_id = add_source(context, f"images:{folder / 'images'}", REGION)
    return Room(context, folder, made.vault_id, source_id)


def in_thread(room: Room) -> threading.Thread:
    """Work on another thread, for tests that act while a job runs."""
    thread = threading.Thread(target=room.work)
    thread.start()
    return thread
