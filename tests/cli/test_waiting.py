"""``--wait`` on a real terminal, beside a real service (features A13, A18)."""

from __future__ import annotations

import pytest

from strongroom.cli.exits import ExitCode
from tests.cli.terminal_run import Command, ended, on_terminal


@pytest.fixture
def protected(installation: Command) -> Command:
    assert installation("machine", "register", "db01", "--wait").code == 0
    assert installation("item", "protect", "db01", "--policy", "nightly", "--wait").code == 0
    return installation


def newest_job(command: Command) -> dict[str, object]:
    return dict(command("job", "list", "--limit", "1", "--json").json["items"][0])


@pytest.mark.timeout(120)
def test_a_terminal_shows_a_bar_and_the_end(protected: Command) -> None:
    """A13: live bars on a terminal, and the job's own exit code."""
    with on_terminal(protected.home, "item", "backup", "db01", "--wait") as spawned:
        spawned.expect_exact("━━━━")
        spawned.expect_exact("Completed in")
        assert ended(spawned) == ExitCode.DONE


@pytest.mark.timeout(120)
def test_ctrl_c_detaches_and_the_job_goes_on(protected: Command) -> None:
    """A18, B2: a job that waits for its key is left alone by Ctrl-C, and runs when the key is back."""
    (key_file,) = (protected.home / "keys").glob("*.key")
    key = key_file.read_bytes()
    key_file.unlink()
    with on_terminal(protected.home, "item", "backup", "db01", "--wait") as spawned:
        spawned.expect_exact("KeyMissing")
        spawned.sendintr()
        spawned.expect_exact("The work goes on in the background.")
        assert ended(spawned) == ExitCode.CANCELLED
    job = newest_job(protected)
    assert job["status"] == "Queued"
    key_file.touch(mode=0o600)
    key_file.write_bytes(key)
    assert protected("job", "watch", str(job["job_id"])).code == ExitCode.DONE


@pytest.mark.timeout(120)
def test_a_waiting_job_is_cancelled_and_can_be_retried(protected: Command) -> None:
    """A18: cancelled at once while it waits; its retry is a new job; what has ended cannot be cancelled."""
    (key_file,) = (protected.home / "keys").glob("*.key")
    key_file.rename(key_file.with_suffix(".away"))
    made = protected("item", "backup", "db01", "--json").json["jobs"][0]["job_id"]
    assert protected("job", "cancel", str(made), "--wait").code == ExitCode.DONE
    assert protected("job", "watch", str(made)).code == ExitCode.CANCELLED
    assert protected("job", "cancel", str(made)).code == ExitCode.USAGE
    key_file.with_suffix(".away").rename(key_file)
    again = protected("job", "retry", str(made), "--wait", "--json")
    assert again.code == ExitCode.DONE
    assert again.json["jobs"][0]["attempt"] == 2


@pytest.mark.timeout(120)
def test_deleting_data_asks_for_the_name(protected: Command) -> None:
    """A17: typed on a terminal, given as an option in a script; a wrong name deletes nothing."""
    assert protected("item", "delete-data", "db01").code == ExitCode.USAGE
    for typed, code in (("db02", ExitCode.USAGE), ("db01", ExitCode.DONE)):
        with on_terminal(protected.home, "item", "delete-data", "db01", "--wait") as spawned:
            spawned.expect_exact("Type the item's name:")
            spawned.sendline(typed)
            assert ended(spawned) == code
    assert protected("item", "show", "db01", "--json").json["status"] == "Not protected"
