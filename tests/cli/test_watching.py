"""``--wait`` and ``job watch``: following jobs that others run (features A13, A18)."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.bootstrap import open_context
from strongroom.catalog.entities import Job
from strongroom.cli import watching
from strongroom.cli.exits import ExitCode
from strongroom.cli.invocation import Invocation
from strongroom.domain.states import JobStatus, Operation
from strongroom.engine.context import Context

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    monkeypatch.setattr(watching, "keep_service", lambda _run: None)
    opened = open_context(tmp_path / "home")
    yield opened
    opened.catalog.close()


@pytest.fixture
def run(context: Context, tmp_path: Path) -> Iterator[Invocation]:
    invocation = Invocation(home=str(tmp_path / "home"))
    yield invocation
    invocation.close()


def add_job(context: Context, status: JobStatus = JobStatus.QUEUED) -> int:
    with context.catalog.write() as session:
        job = Job(operation=Operation.BACKUP, workload_name="web\n01", queued_at=AT, status=status)
        session.add(job)
        session.flush()
        return job.id or 0


def change(context: Context, job_id: int, **values: object) -> None:
    with context.catalog.write() as session:
        job = session.get(Job, job_id)
        assert job is not None
        for name, value in values.items():
            setattr(job, name, value)
        session.add(job)


def in_background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ([JobStatus.COMPLETED], ExitCode.DONE),
        ([JobStatus.WARNINGS], ExitCode.IN_PART),
        ([JobStatus.FAILED], ExitCode.FAILED),
        ([JobStatus.CANCELLED], ExitCode.CANCELLED),
        ([JobStatus.COMPLETED, JobStatus.FAILED], ExitCode.IN_PART),
        ([JobStatus.FAILED, JobStatus.FAILED], ExitCode.FAILED),
    ],
)
def test_the_exit_code_is_the_jobs_own(context: Context, run: Invocation, ends: list[JobStatus], code: ExitCode) -> None:
    """A13: 0 completed, 3 with warnings or in part, 1 failed, 130 cancelled."""
    jobs = [add_job(context, status) for status in ends]
    assert watching.follow(run, jobs) == code


def test_changes_of_other_processes_are_followed_line_by_line(
    context: Context, run: Invocation, capsys: pytest.CaptureFixture[str]
) -> None:
    """A13: without a terminal one line per change, on stderr, with the name made safe."""
    job = add_job(context)

    def work() -> None:
        time.sleep(0.3)
        change(context, job, status=JobStatus.IN_PROGRESS, started_at=AT, progress={"phase": "Take Snapshot"})
        time.sleep(0.5)
        error = {"code": "MachineInUse", "message": "web01 is in use", "cause": "QEMU writes", "action": "Stop it.", "kind": "failed"}
        change(context, job, status=JobStatus.FAILED, ended_at=AT, error=error)

    worker = in_background(work)
    assert watching.follow(run, [job]) == ExitCode.FAILED
    worker.join()
    captured = capsys.readouterr()
    assert captured.out == ""
    told = captured.err.splitlines()
    assert [line.split("  ")[3] for line in told[:3]] == ["Queued", "In progress", "Failed"]
    assert "web\\n01" in told[0]
    assert "Take Snapshot" in told[1]
    assert ["MachineInUse: web01 is in use" in told[3], "QEMU writes" in told[4], "Stop it." in told[5]] == [True] * 3


def test_ctrl_c_leaves_the_job_running_and_says_so(
    context: Context, run: Invocation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A18: detaching is not cancelling."""
    job = add_job(context)

    def interrupted(_seconds: float) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(watching.time, "sleep", interrupted)
    assert watching.follow(run, [job]) == ExitCode.CANCELLED
    assert f"strongroom job watch {job}" in capsys.readouterr().err
    with context.catalog.read() as session:
        found = session.get(Job, job)
        assert found is not None
        assert found.status is JobStatus.QUEUED
        assert found.cancel_requested_at is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "outside of following, Ctrl-C means what it always does"


def test_bars_show_bytes_rate_and_remaining_time(
    context: Context, run: Invocation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A13: live bars on a terminal, on stderr."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    progress = {"phase": "Transfer data to vault", "total_bytes": 1 << 30, "done_bytes": 1 << 29, "bytes_per_second": 1 << 28}
    job = add_job(context)
    change(context, job, status=JobStatus.IN_PROGRESS, started_at=AT, progress={**progress, "remaining_seconds": 2.0})

    def work() -> None:
        time.sleep(0.8)
        change(context, job, status=JobStatus.COMPLETED, ended_at=AT)

    worker = in_background(work)
    assert watching.follow(run, [job]) == ExitCode.DONE
    worker.join()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "512.0 MiB of 1.0 GiB" in captured.err
    assert "256.0 MiB/s" in captured.err
    assert "Completed" in captured.err
