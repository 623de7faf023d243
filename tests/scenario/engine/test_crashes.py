"""Workers that die, jobs that are cancelled while they run, a service that is gone: what is left and what is said (A18, invariants 7 and 15)."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlmodel import select

from strongroom.catalog.entities import Job, SubTask
from strongroom.domain.states import ENDED, JobStatus, SubTaskStatus
from strongroom.engine.backups import request_backup
from strongroom.engine.jobs.control import request_cancel
from strongroom.engine.jobs.queue import claim
from strongroom.engine.jobs.reconciliation import reconcile_jobs, reconcile_vaults
from strongroom.engine.jobs.table import IN_SERVICE
from strongroom.engine.keyring import open_repository
from strongroom.engine.registration import request_register
from strongroom.engine.restores import RestoreWish, newest_point, request_restore
from strongroom.providers.base import Placement
from strongroom.repository.protocol.session import sessions
from tests.scenario.engine.room import MIB, Room, in_thread
from tests.scenario.processes import until, workers_below

LARGE = 192 * MIB


def workers_of(room: Room) -> list[int]:
    """The process ids of this installation's workers, by the lock that they hold."""
    return [process.pid for process in workers_below(room.context.paths.run)]


@contextmanager
def stopped_worker(room: Room, ready: Callable[[], bool]) -> Iterator[int]:
    """The only worker, held still (SIGSTOP) as soon as ``ready``, and let go at the end of the block: a machine of any speed tests the same."""
    until(ready)
    (pid,) = workers_of(room)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def reached(room: Room, job_id: int, task: str) -> bool:
    """Whether the job has begun this sub-task."""
    with room.context.catalog.read() as session:
        query = select(SubTask.status).where(SubTask.job_id == job_id, SubTask.name == task)
        return session.exec(query).first() not in {None, SubTaskStatus.PENDING}


def test_a_running_backup_is_cancelled_within_a_second_and_leaves_no_half_point(room: Room) -> None:
    """A18."""
    room.image("large", random.Random(1).randbytes(LARGE))
    (item,) = room.protected("large")
    (job_id,) = request_backup(room.context, [item]).job_ids
    thread = in_thread(room)
    with stopped_worker(room, lambda: reached(room, job_id, "Take Snapshot")):
        request_cancel(room.context, [job_id])
        time.sleep(0.3)  # the crew passes it on
        asked = time.monotonic()
    until(lambda: room.job(job_id).status in ENDED)
    took = time.monotonic() - asked
    thread.join()
    job = room.job(job_id)
    assert (job.status, job.error["code"]) == (JobStatus.CANCELLED, "Cancelled")
    assert took < 1.5, "one second, and what two busy cores add"
    assert room.points("large") == []
    repository = open_repository(room.context, room.vault())
    assert repository.manifests() == []
    assert sessions(repository) == []
    with room.context.catalog.read() as session:
        tasks = {task.name: task.status for task in session.exec(select(SubTask).where(SubTask.job_id == job_id))}
    assert SubTaskStatus.CANCELLED in tasks.values()


def test_a_killed_worker_leaves_a_failed_job_with_its_reason_and_the_next_backup_works(room: Room) -> None:
    """A18 A19: never a stuck job."""
    room.image("victim", random.Random(2).randbytes(LARGE))
    (item,) = room.protected("victim")
    (job_id,) = request_backup(room.context, [item]).job_ids
    thread = in_thread(room)
    with stopped_worker(room, lambda: reached(room, job_id, "Take Snapshot")) as pid:
        os.kill(pid, signal.SIGKILL)
    thread.join()
    job = room.job(job_id)
    assert (job.status, job.error["code"], job.error["cause"]) == (JobStatus.FAILED, "WorkerDied", "killed by signal 9")
    assert sessions(open_repository(room.context, room.vault())) == []
    room.done(request_backup(room.context, [item]))
    assert len(room.points("victim")) == 1


def test_a_cancelled_restore_leaves_nothing_at_the_source(room: Room) -> None:
    """A16 A18."""
    room.image("large", random.Random(3).randbytes(LARGE))
    (item,) = room.protected("large")
    room.done(request_backup(room.context, [item]))
    before = sorted(path.name for path in room.images.rglob("*"))
    wish = RestoreWish(newest_point(room.context, item), Placement.NEW_MACHINE, name="copy")
    (job_id,) = request_restore(room.context, wish).job_ids
    thread = in_thread(room)
    with stopped_worker(room, lambda: reached(room, job_id, "Prepare the target")):
        request_cancel(room.context, [job_id])
        time.sleep(0.3)
    thread.join()
    assert room.job(job_id).status is JobStatus.CANCELLED
    assert sorted(path.name for path in room.images.rglob("*")) == before


def abandoned(room: Room, item: int) -> Job:
    """A backup job as a service leaves it that is killed after the claim."""
    request_backup(room.context, [item])
    from strongroom.domain.states import Operation

    (job,) = claim(room.context, [Operation.BACKUP], 1, "gone:boot:1:1")
    return job


def test_a_job_whose_service_died_before_its_commit_fails_with_the_reason(room: Room) -> None:
    """A18: reconciliation voids the commit key, so that a late worker cannot commit any more."""
    room.image("m", bytes(MIB))
    (item,) = room.protected("m")
    job = abandoned(room, item)
    assert reconcile_jobs(room.context) == 0
    settled = room.job(job.id or 0)
    assert (settled.status, settled.error["code"]) == (JobStatus.FAILED, "ServiceStopped")
    room.done(request_backup(room.context, [item]))


def test_a_job_whose_service_died_after_its_commit_is_adopted(room: Room) -> None:
    """Invariant 15: «exists, manifest» means that the backup was committed."""
    room.image("m", random.Random(4).randbytes(MIB))
    (item,) = room.protected("m")
    room.done(request_backup(room.context, [item]))
    (point,) = room.points("m")
    with room.context.catalog.write() as session:
        session.delete(session.get_one(type(point), point.id))
    job = abandoned(room, item)
    with room.context.catalog.write() as session:
        row = session.get_one(Job, job.id)
        row.commit_key = point.manifest_key
        session.add(row)
    reconcile_jobs(room.context)
    settled = room.job(job.id or 0)
    assert settled.status is JobStatus.WARNINGS
    assert [row.manifest_key for row in room.points("m")] == [point.manifest_key]


def test_a_manifest_without_a_row_is_adopted_and_a_row_without_a_manifest_is_marked(room: Room) -> None:
    """C4: the repository is the truth."""
    image = room.image("m", random.Random(5).randbytes(MIB))
    (item,) = room.protected("m")
    room.done(request_backup(room.context, [item]))
    image.write_bytes(random.Random(6).randbytes(MIB))
    room.done(request_backup(room.context, [item]))
    first, second = room.points("m")
    with room.context.catalog.write() as session:
        session.delete(session.get_one(type(second), second.id))
    (room.folder / "home" / "vaults" / "test-vault" / first.manifest_key).unlink()
    reconcile_vaults(room.context)
    first, second = room.points("m")
    assert first.damaged == ["its manifest is missing from the repository"]
    assert second.damaged == []


def test_a_catalog_only_job_that_was_cut_off_runs_again(room: Room) -> None:
    """A4."""
    from strongroom.engine.discovery import request_discovery

    room.image("m", bytes(4096))
    room.done(request_discovery(room.context))
    (job_id,) = request_register(room.context, room.vault_id, [room.machine("m").id or 0]).job_ids
    claim(room.context, IN_SERVICE, 1, "gone:boot:1:1")
    reconcile_jobs(room.context)
    assert room.job(job_id).status is JobStatus.QUEUED
    room.work()
    assert room.job(job_id).status is JobStatus.COMPLETED


def test_a_point_given_up_by_a_prune_that_was_killed_is_forgotten(room: Room) -> None:
    """B4, rule 5: a prune record is for ever; the catalog never offers a point that nobody can pin any more."""
    from strongroom.repository.protocol.prune_record import put_record

    room.image("m", random.Random(12).randbytes(MIB))
    (item,) = room.protected("m")
    room.done(request_backup(room.context, [item]))
    room.done(request_backup(room.context, [item]))
    first, second = room.points("m")
    put_record(open_repository(room.context, room.vault()), first.manifest_key.split("/")[1], {first.manifest_key: "expired"})
    reconcile_vaults(room.context)
    assert [point.id for point in room.points("m")] == [second.id]


def test_a_discovery_whose_source_hangs_is_cancelled_within_a_second(room: Room) -> None:
    """A18 A3: it cannot look, so it is killed; it writes nothing."""
    from strongroom.engine.discovery import request_discovery

    (job_id,) = request_discovery(room.context).job_ids
    thread = in_thread(room)
    until(lambda: bool(workers_of(room)))
    (pid,) = workers_of(room)
    os.kill(pid, signal.SIGSTOP)  # as good as a source that never answers
    request_cancel(room.context, [job_id])
    asked = time.monotonic()
    until(lambda: room.job(job_id).status in ENDED)
    assert time.monotonic() - asked < 1.5
    thread.join()
    assert room.job(job_id).status is JobStatus.CANCELLED
