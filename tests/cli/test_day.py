"""The main job from the command line alone, on the lab's real disk images, with a real service and real workers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from strongroom.cli.exits import ExitCode
from strongroom.lab import Lab, change_guest_files
from tests.cli.terminal_run import Command, stop_service


def content(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.suffix == ".raw"}


@pytest.mark.timeout(240)
def test_a_whole_day_from_the_command_line(installation: Command, lab: Lab) -> None:
    """A3, A4, A7, A9, A13, A16, A17, B3, B4, C4: discover, protect, back up twice, restore, verify, lose the catalog, rebuild, delete."""
    command, machine = installation, lab.machine("db01", "hall-a")
    registered(command)
    backed_up(command, lab)
    restored_and_verified(command, machine.path)
    rebuilt(command)
    deleted(command)


def registered(command: Command) -> None:
    found = command("machine", "list", "--json").json["items"]
    assert {row["status"] for row in found} == {"Discovered"}
    ambiguous = command("machine", "register", "web01", "--json")
    assert ambiguous.code == ExitCode.USAGE
    assert ambiguous.json["error"]["code"] == "NameAmbiguous"
    assert ambiguous.json["error"]["cause"] == "hall-a/web01, hall-b/web01"
    other = command("machine", "list", "--elsewhere", "--json").json["items"][0]["name"]
    assert command("machine", "register", other, "--json").json["refused"][0]["error"]["code"] == "RegionMismatch"
    assert command("machine", "register", "db01", "hall-b/web01", "--wait").code == ExitCode.DONE
    protected = command("item", "protect", "db01", "hall-b/web01", "--policy", "nightly", "--wait", "--json")
    assert [job["status"] for job in protected.json["jobs"]] == ["Completed", "Completed"]
    assert "pending initial backup" in command("item", "show", "db01").out


def backed_up(command: Command, lab: Lab) -> None:
    first = command("item", "backup", "db01", "web01", "--wait", "--json")
    assert first.code == ExitCode.DONE
    assert [job["status"] for job in first.json["jobs"]] == ["Completed", "Completed"]
    assert "Backup" in first.err
    change_guest_files(lab, lab.machine("db01", "hall-a"))
    assert command("item", "backup", "db01", "--keep-until", "400d", "--wait").code == ExitCode.DONE
    newest, oldest = command("point", "list", "db01", "--json").json["items"]
    assert newest["stored_bytes"] < oldest["stored_bytes"]
    assert newest["expiry_reason"].startswith("an operator asked")
    job = command("job", "list", "--operation", "Backup", "--limit", "1", "--json").json["items"][0]
    assert job["progress"]["done_bytes"] == job["progress"]["total_bytes"] > 0
    assert "Transfer data to vault" in command("job", "show", str(job["job_id"])).out
    assert "Take Snapshot" in command("job", "log", str(job["job_id"])).out


def restored_and_verified(command: Command, original: Path) -> None:
    refused = command("point", "restore", "--newest-of", "db01", "--to", "new-machine", "--name", "db01", "--wait", "--json")
    assert refused.code == ExitCode.USAGE
    wish = ["point", "restore", "--newest-of", "db01", "--to", "new-machine", "--name", "db01-back"]
    seen = command(*wish, "--preview", "--json").json
    assert seen["problems"] == []
    assert command(*wish, "--wait").code == ExitCode.DONE
    assert content(original.parent / "db01-back") == content(original)
    assert command("point", "verify", "--all", "--wait").code == ExitCode.DONE
    assert all(point["verified_at"] for point in command("point", "list", "db01", "--json").json["items"])


def rebuilt(command: Command) -> None:
    before = command("point", "list", "db01", "--json").json["items"]
    stop_service(command)
    for path in command.home.glob("catalog.db*"):
        path.unlink()
    assert command("item", "list").code == ExitCode.NOT_FOUND
    back = command("rebuild", str(command.home / "vaults" / "berlin"), "--json")
    assert (back.code, back.json["points"], back.json["policies"]) == (ExitCode.DONE, 3, 1)
    assert command("repo", "collect", "--json").json["error"]["code"] == "TipsUnconfirmed"
    assert command("rebuild", "--confirm-tips", "berlin").code == ExitCode.DONE
    after = command("point", "list", "db01", "--json").json["items"]
    assert [point["manifest_key"] for point in after] == [point["manifest_key"] for point in before]


def deleted(command: Command) -> None:
    plan = command("repo", "prune", "--dry-run", "--json").json
    assert (len(plan["keep"]), plan["remove"]) == (3, [])
    assert all(row["reason"] for row in plan["keep"])
    assert command("item", "stop", "db01", "--retain", "forever", "--wait").code == ExitCode.DONE
    assert command("item", "backup", "db01", "--json").json["refused"][0]["error"]["code"] == "StateForbids"
    assert command("item", "resume", "db01", "--wait").code == ExitCode.DONE
    assert command("item", "delete-data", "db01", "--confirm", "wrong").code == ExitCode.USAGE
    assert command("item", "delete-data", "db01", "--confirm", "db01", "--wait").code == ExitCode.DONE
    assert command("machine", "unregister", "db01", "--wait").code == ExitCode.DONE
    blocked = command("vault", "delete", "berlin", "--json")
    assert (blocked.code, blocked.json["error"]["code"]) == (ExitCode.BUSY, "VaultNotEmpty")
    assert "web01" in blocked.json["error"]["cause"]
