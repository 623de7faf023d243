"""Random kill -9 of service and workers under load: nothing committed is ever lost, nothing is ever stuck (A18, invariants 1, 7, 15)."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlmodel import select

from strongroom.bootstrap import ensure_service
from strongroom.catalog.entities import Job, RecoveryPoint
from strongroom.domain.errors import StrongroomError
from strongroom.domain.states import LIVE, Operation
from strongroom.engine.backups import request_backup
from strongroom.engine.jobs.following import follow
from strongroom.engine.restores import RestoreWish, newest_point, request_restore
from strongroom.engine.submission import Submitted
from strongroom.engine.upkeep import request_collect, request_prune
from strongroom.providers.base import Placement
from strongroom.repository.checking.check import check
from strongroom.repository.counters import Counters
from tests.scenario.engine.room import MIB, Room, make_room, nightly
from tests.scenario.processes import services_below, until, workers_below

KILLS = int(os.environ.get("STRONGROOM_STORM_KILLS", "300"))
SEED = int(os.environ.get("STRONGROOM_STORM_SEED", time.time_ns() % 100_000))
LEAST_PER_PHASE = 10
OPERATIONS = (Operation.BACKUP, Operation.PRUNE, Operation.COLLECT, Operation.RESTORE)
VICTIMS = ("worker", "service")
MACHINES = ("ann", "bob")
IMAGE_BYTES = 24 * MIB


@dataclass
class Storm:
    """One run of kills; everything random comes from the seed, everything that happened is counted."""

    room: Room
    seed: int
    items: list[int]
    chance: random.Random = field(init=False)
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)
    contents: dict[str, str] = field(default_factory=dict)  # manifest key → hash of the image at that time

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def round(self, number: int) -> None:
        """Change the images, start one operation of each kind that can be started, kill somebody, see that all jobs end."""
        self.change_images()
        ensure_service(self.room.context)
        operation = self.rarest()
        jobs = self.submit(operation)
        victim = self.strike(jobs, operation)
        if victim:
            self.hits[operation.value, victim] += 1
            print(f"kill {number:3} seed {self.seed}: {victim:7} during {operation.value}")
        ensure_service(self.room.context)
        self.settle()

    def rarest(self) -> Operation:
        """What was hit least so far, so that every phase is hit often enough."""
        counts = {operation: min(self.hits[operation.value, victim] for victim in VICTIMS) for operation in OPERATIONS}
        return min(OPERATIONS, key=lambda operation: (counts[operation], self.chance.random()))

    def change_images(self) -> None:
        for name in MACHINES:
            with (self.room.images / f"{name}.raw").open("r+b") as image:
                for _ in range(self.chance.randrange(1, 12)):
                    image.seek(self.chance.randrange(IMAGE_BYTES // 65536) * 65536)
                    image.write(self.chance.randbytes(65536))

    def submit(self, operation: Operation) -> list[int]:
        context, vault = self.room.context, self.room.vault_id
        made: list[Submitted] = []
        if operation is not Operation.BACKUP or self.chance.random() < 0.5:
            made.append(request_backup(context, [self.chance.choice(self.items)]))
        match operation:
            case Operation.BACKUP:
                made.append(request_backup(context, self.items))
            case Operation.PRUNE:
                made.append(request_prune(context, vault))
            case Operation.COLLECT:
                made.append(request_collect(context, vault))
            case Operation.RESTORE:
                made.extend(self.restores())
        return [job_id for submitted in made for job_id in submitted.job_ids]

    def restores(self) -> list[Submitted]:
        made = []
        for item in self.items:
            target = self.room.folder / "out" / f"{self.chance.getrandbits(64):x}"
            target.mkdir(parents=True)
            try:
                wish = RestoreWish(newest_point(self.room.context, item), Placement.DISKS, folder=str(target))
                made.append(request_restore(self.room.context, wish))
            except StrongroomError:
                continue  # the item has a backup running, or no point yet
        return made

    def strike(self, jobs: list[int], operation: Operation) -> str:
        """Kill a worker of that operation, or the service while one runs; who it was, or nobody if all was over too soon."""
        wanted = min(VICTIMS, key=lambda victim: (self.hits[operation.value, victim], self.chance.random()))
        uids = self.uids(jobs, operation)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.any_live(jobs):
            workers = [process for process in workers_below(self.room.context.paths.run) if process.job_uid in uids]
            if workers:
                time.sleep(self.chance.random() * 0.12)
                victims = (
                    [workers[0].pid] if wanted == "worker" else [process.pid for process in services_below(self.room.context.paths.state)]
                )
                return wanted if self.kill(victims) and self.any_live(jobs, uids) else ""
        return ""

    def kill(self, pids: list[int]) -> bool:
        done = False
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
                done = True
            except ProcessLookupError:
                continue
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
        return done

    def uids(self, jobs: list[int], operation: Operation) -> set[str]:
        with self.room.context.catalog.read() as session:
            rows = [session.get_one(Job, job_id) for job_id in jobs]
            return {row.uid for row in rows if row.operation is operation}

    def any_live(self, jobs: list[int], uids: set[str] | None = None) -> bool:
        with self.room.context.catalog.read() as session:
            rows = [session.get_one(Job, job_id) for job_id in jobs]
            return any(row.status in LIVE and (uids is None or row.uid in uids) for row in rows)

    def settle(self) -> None:
        """Every job ends; every point that is new now holds the images as they are now."""
        until(lambda: not self.live_jobs(), 60)  # a job that stays In progress fails here
        hashes = {name: sha256(self.room.images / f"{name}.raw") for name in MACHINES}
        for name in MACHINES:
            for point in self.room.points(name):
                self.contents.setdefault(point.manifest_key, hashes[name])

    def live_jobs(self) -> list[int]:
        with self.room.context.catalog.read() as session:
            return [job.id or 0 for job in session.exec(select(Job)) if job.status in LIVE]

    def prove(self) -> int:
        """Restore every committed point and compare; returns how many."""
        proved = 0
        for name in MACHINES:
            for point in self.room.points(name):
                self.prove_point(point)
                proved += 1
        return proved

    def prove_point(self, point: RecoveryPoint) -> None:
        target = self.room.folder / "proof" / str(point.id)
        target.mkdir(parents=True)
        wish = RestoreWish(point.id or 0, Placement.DISKS, folder=str(target))
        (job,) = follow(self.room.context, request_restore(self.room.context, wish).job_ids)
        assert job.error == {}, (self.seed, job.error)
        (path,) = job.result["paths"].values()
        assert sha256(Path(path)) == self.contents[point.manifest_key], (self.seed, point.manifest_key)
        Path(path).unlink()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text("attempts = 1\nworkers = 2\nverify_writes = true\n")
    made = make_room(tmp_path)
    for name in MACHINES:
        made.image(name, random.Random(name).randbytes(IMAGE_BYTES))
    yield made
    for process in services_below(made.context.paths.state):
        os.kill(process.pid, signal.SIGKILL)
    made.context.catalog.close()


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_no_kill_loses_a_committed_point_or_leaves_a_job_stuck(room: Room) -> None:
    """A18 C4, invariants 1, 7, 15: every point restores byte for byte, the check is clean, the next backup is incremental."""
    from strongroom.engine.keyring import open_repository

    storm = Storm(room, SEED, room.protected(*MACHINES, spec=nightly(days=0, keep_last=6)))
    rounds = 0
    while sum(storm.hits.values()) < KILLS:
        rounds += 1
        assert rounds < 8 * KILLS, (storm.seed, storm.hits)
        storm.round(sum(storm.hits.values()) + 1)
    print(f"seed {storm.seed}: {dict(storm.hits)} in {rounds} rounds")
    if KILLS >= 300:
        assert all(storm.hits[operation.value, victim] >= LEAST_PER_PHASE for operation in OPERATIONS for victim in VICTIMS), storm.hits

    proved = storm.prove()
    assert proved >= len(MACHINES)
    repository = open_repository(room.context, room.vault())
    report = check(repository, "data", Counters(), lambda: None)
    assert not report.problems, (storm.seed, report.problems)
    jobs = follow(room.context, request_backup(room.context, storm.items).job_ids)
    assert [job.error for job in jobs] == [{}, {}]
    for name in MACHINES:
        newest = room.points(name)[-1]
        assert newest.disks[0]["mode"] != "full", "the next backup counts from the last point"
        assert newest.stored_bytes < IMAGE_BYTES / 2
