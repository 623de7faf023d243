"""``doctor`` names what is wrong and how to mend it, whatever else is broken (features B12, C4)."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from strongroom.bootstrap import open_context
from strongroom.catalog.entities import Job
from strongroom.cli.exits import ExitCode
from strongroom.domain.states import JobStatus, Operation
from tests.cli.terminal_run import Command


def findings(command: Command) -> dict[str, list[dict[str, str]]]:
    """The findings that are not «ok», by check."""
    found: dict[str, list[dict[str, str]]] = {}
    for line in command("doctor", "--json").json["items"]:
        if line["level"] != "ok":
            found.setdefault(line["check"], []).append(line)
    return found


def make_vault(command: Command, tmp_path: Path) -> None:
    assert command("vault", "create", "berlin", "--region", "here", "--recovery-key-to", str(tmp_path / "key")).code == 0


def test_it_creates_nothing_where_nothing_is(command: Command) -> None:
    """B12: looking changes nothing; the next step is named."""
    ran = command("doctor")
    assert ran.code == ExitCode.IN_PART
    assert "strongroom vault create" in ran.out
    assert not command.home.exists()


def test_every_line_begins_with_its_level(command: Command, tmp_path: Path) -> None:
    """B12: ok, warn or fail; a fix stands below what needs one."""
    make_vault(command, tmp_path)
    lines = command("doctor").out.splitlines()
    assert {line[:4].strip() for line in lines} <= {"ok", "warn", "fail", ""}
    assert any(line.startswith("ok    sqlite: ") for line in lines)


def test_a_key_file_that_others_may_read_fails_with_the_chmod(command: Command, tmp_path: Path) -> None:
    """B2, B12: the key is the owner's alone."""
    make_vault(command, tmp_path)
    (key_file,) = (command.home / "keys").glob("*.key")
    key_file.chmod(0o644)
    found = findings(command)
    assert found["permissions"][0]["level"] == "fail"
    assert f"chmod go-rwx {key_file}" in found["permissions"][0]["fix"]
    assert "vault berlin" in found
    assert command("doctor").code == ExitCode.FAILED


def test_a_missing_repository_hides_no_other_finding(command: Command, tmp_path: Path) -> None:
    """B12: every check stands alone."""
    make_vault(command, tmp_path)
    (command.home / "vaults" / "berlin").rename(tmp_path / "away")
    assert command("source", "add", f"images:{tmp_path / 'nowhere'}", "--region", "here").code == 0
    found = findings(command)
    assert "There is no repository" in found["vault berlin"][0]["found"]
    assert any(check.startswith("source images:") for check in found)


def test_an_unconfirmed_recovery_key_is_a_warning(command: Command) -> None:
    """B2: no backup runs, so somebody should know."""
    assert command("vault", "create", "berlin", "--region", "here", "--json").code == 0
    (finding,) = findings(command)["vault berlin"]
    assert finding["level"] == "warn"
    assert "strongroom key recovery-sheet --vault berlin" in finding["fix"]


def test_jobs_without_a_service_fail_and_a_clock_that_went_back_is_seen(command: Command, tmp_path: Path) -> None:
    """B12: jobs that wait for nobody, and a job from the future."""
    make_vault(command, tmp_path)
    context = open_context(command.home)
    with context.catalog.write() as session:
        later = context.clock.now() + timedelta(days=2)
        session.add(Job(operation=Operation.BACKUP, status=JobStatus.QUEUED, workload_name="x", queued_at=later))
    context.catalog.close()
    found = findings(command)
    assert found["service"][0]["level"] == "fail"
    assert "set back" in found["clock"][0]["found"]


def test_a_damaged_catalog_and_wrong_settings_are_told(command: Command, tmp_path: Path) -> None:
    """B12, C4: what keeps every other command from starting is told here, too."""
    make_vault(command, tmp_path)
    (command.home / "catalog.db").write_bytes(b"this is no catalog" * 100)
    (command.home / "config.toml").write_text("workers = 'many'\n")
    found = findings(command)
    assert "workers" in found["settings"][0]["found"]
    assert {line["level"] for line in found["catalog"]} == {"fail"}


def test_old_scratch_files_are_leftovers(command: Command, tmp_path: Path) -> None:
    """B12: what a crash left behind is seen."""
    make_vault(command, tmp_path)
    left = command.home / "scratch" / "0123.overlay"
    left.touch()
    assert "leftovers" not in findings(command)
    long_ago = time.time() - timedelta(days=2).total_seconds()
    os.utime(left, (long_ago, long_ago))
    assert "leftovers" in findings(command)
