"""The headless service as a real process: it works jobs off, leads alone, ends cleanly and comes back (B12, A18)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from strongroom.bootstrap import ensure_service, service_state
from strongroom.catalog.entities import Job, Slot
from strongroom.domain.states import ENDED, JobStatus, Trigger
from strongroom.engine.backups import request_backup
from strongroom.engine.jobs.following import follow
from strongroom.engine.keyring import open_repository
from strongroom.engine.policies import edit_policy
from strongroom.engine.vaults import create_vault
from strongroom.repository.protocol.session import sessions
from tests.scenario.engine.room import MIB, Room, make_room
from tests.scenario.processes import services_below, until


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = make_room(tmp_path)
    made.image("m", os.urandom(MIB))
    yield made
    kill_all(made, signal.SIGKILL)
    made.context.catalog.close()


def services_of(room: Room) -> list[int]:
    return [process.pid for process in services_below(room.context.paths.state)]


def kill_all(room: Room, number: int) -> None:
    """Send the signal and wait until the processes are gone for good: one that is dying has no command line any more but still counts as alive."""
    pids = services_of(room)
    for pid in pids:
        os.kill(pid, number)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def start_another(room: Room) -> subprocess.Popen[bytes]:
    with room.context.paths.service_log.open("ab") as log:
        command = [sys.executable, "-P", "-m", "strongroom", "--home", str(room.context.paths.state), "serve"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def test_a_service_started_on_demand_works_jobs_off_and_ends_cleanly_on_sigterm(room: Room) -> None:
    """B12: started in the background, one leader, SIGTERM."""
    (item,) = room.protected("m")
    state = ensure_service(room.context)
    assert (state.running, state.started) == (True, True)
    assert ensure_service(room.context).started is False, "a second call finds the first one's service"
    submitted = request_backup(room.context, [item])
    (job,) = follow(room.context, submitted.job_ids)
    assert job.status is JobStatus.COMPLETED, job.error
    assert room.vault().used_bytes > 0, "the service measures repositories"
    kill_all(room, signal.SIGTERM)
    assert service_state(room.context).running is False
    assert "Traceback" not in room.context.paths.service_log.read_text()


def test_a_second_service_stands_by_and_takes_over_when_the_leader_is_killed(room: Room) -> None:
    """B12: one active scheduler among many processes."""
    (item,) = room.protected("m")
    ensure_service(room.context)
    (leader,) = services_of(room)
    other = start_another(room)
    time.sleep(2)
    assert other.poll() is None, "it stands by instead of failing"
    assert service_state(room.context).owner.rsplit(":", 3)[2] == str(leader)
    os.kill(leader, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{leader}").exists())
    until(lambda: service_state(room.context).running and service_state(room.context).owner.rsplit(":", 3)[2] == str(other.pid), 10)
    (job,) = follow(room.context, request_backup(room.context, [item]).job_ids)
    assert job.status is JobStatus.COMPLETED
    other.terminate()
    assert other.wait(30) == 0


def test_a_killed_service_leaves_no_job_in_progress_once_another_runs(room: Room) -> None:
    """A18: reconciliation at start."""
    room.image("large", os.urandom(128 * MIB))
    (item,) = room.protected("large")
    ensure_service(room.context)
    (job_id,) = request_backup(room.context, [item]).job_ids
    until(lambda: room.job(job_id).commit_key != "" or room.job(job_id).status in ENDED)
    kill_all(room, signal.SIGKILL)
    ensure_service(room.context)
    until(lambda: room.job(job_id).status in ENDED)
    assert room.job(job_id).status in {JobStatus.FAILED, JobStatus.WARNINGS, JobStatus.COMPLETED}
    (job,) = follow(room.context, request_backup(room.context, [item]).job_ids)
    assert job.status is JobStatus.COMPLETED


def test_sigterm_under_load_ends_in_time_with_nothing_half_done(room: Room) -> None:
    """B12: running jobs are given up cleanly, with the reason; queued ones stay queued; no session is left behind."""
    room.image("large", os.urandom(256 * MIB))
    large, other = room.protected("large", "m")
    ensure_service(room.context)
    running, queued = (job for item in (large, other) for job in request_backup(room.context, [item]).job_ids)
    until(lambda: room.job(running).commit_key != "" or room.job(running).status in ENDED)
    asked = time.monotonic()
    kill_all(room, signal.SIGTERM)
    assert time.monotonic() - asked < 25
    assert room.job(running).status in {JobStatus.FAILED, JobStatus.COMPLETED}
    if room.job(running).status is JobStatus.FAILED:
        assert room.job(running).error["code"] == "ServiceStopped"
    assert room.job(queued).status in {JobStatus.QUEUED, JobStatus.COMPLETED, JobStatus.FAILED}
    assert sessions(open_repository(room.context, room.vault())) == []


def test_without_the_key_jobs_wait_and_say_so(room: Room) -> None:
    """B2: a service without the key keeps jobs Queued with KeyMissing."""
    (item,) = room.protected("m")
    key = room.context.paths.key_file(room.vault().uid)
    away = key.rename(key.with_suffix(".away"))
    ensure_service(room.context)
    (job_id,) = request_backup(room.context, [item]).job_ids
    until(lambda: room.job(job_id).waiting_for.startswith("KeyMissing"))
    assert room.job(job_id).status is JobStatus.QUEUED
    away.rename(key)
    (job,) = follow(room.context, [job_id])
    assert job.status is JobStatus.COMPLETED


def test_no_backup_runs_before_the_recovery_key_was_confirmed(room: Room) -> None:
    """B2: the key ceremony guards the first backup."""
    made = create_vault(room.context, "unconfirmed", "de-test")
    other = Room(room.context, room.folder, made.vault_id, room.source_id)
    (item,) = other.protected("m")
    ensure_service(room.context)
    (job_id,) = request_backup(room.context, [item]).job_ids
    until(lambda: room.job(job_id).waiting_for.startswith("RecoveryUnconfirmed"))
    assert room.job(job_id).status is JobStatus.QUEUED


@pytest.mark.long
def test_a_daily_policy_fires_by_itself_at_its_minute(room: Room) -> None:
    """A7 B12: APScheduler in the real service; the slot is one row and one job."""
    (item,) = room.protected("m")
    ensure_service(room.context)
    soon = time.gmtime(time.time() + 75)
    from datetime import time as time_of_day

    from strongroom.domain.policy import PolicySpec
    from strongroom.domain.retention import RetentionSpec
    from strongroom.domain.schedule import Daily

    daily = Daily(zone="UTC", times=(time_of_day(soon.tm_hour, soon.tm_min),))
    edit_policy(room.context, room.item("m").policy_id or 0, PolicySpec(schedule=daily, retention=RetentionSpec(days=7)))

    def scheduled() -> list[Job]:
        with room.context.catalog.read() as session:
            return list(session.exec(select(Job).where(Job.item_id == item, Job.trigger == Trigger.SCHEDULE)))

    until(lambda: bool(scheduled()) and scheduled()[0].status in ENDED, 150)
    (job,) = scheduled()
    assert job.status is JobStatus.COMPLETED
    with room.context.catalog.read() as session:
        (slot,) = session.exec(select(Slot)).all()
    assert (slot.job_id, slot.outcome) == (job.id, "queued")
