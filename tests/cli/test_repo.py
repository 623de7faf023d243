"""``repo check`` and ``repo stats`` over a repository with a flipped bit (features B3, B4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.cli.exits import ExitCode
from tests.cli.terminal_run import Command


@pytest.fixture
def backed_up(installation: Command) -> Command:
    for arguments in (["machine", "register", "db01"], ["item", "protect", "db01", "--policy", "nightly"], ["item", "backup", "db01"]):
        assert installation(*arguments, "--wait").code == 0
    return installation


def flip_a_bit(home: Path) -> str:
    """Damage the largest pack; returns its key."""
    pack = max((home / "vaults" / "berlin" / "packs").glob("*/*"), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)
    return f"packs/{pack.parent.name}/{pack.name}"


@pytest.mark.timeout(120)
def test_damage_is_found_named_and_left_in_place(backed_up: Command) -> None:
    """B3, B4: a clean check, true statistics; then a flipped bit: typed, its points named, found without the key, nothing deleted."""
    clean = backed_up("repo", "check", "--read-data", "--json")
    assert (clean.code, clean.json["ok"], clean.json["problems"]) == (ExitCode.DONE, True, [])
    statistics_agree_with_the_folder(backed_up)
    damaged = flip_a_bit(backed_up.home)
    found = backed_up("repo", "check", "--tier", "hash", "--json")
    assert found.code == ExitCode.FAILED
    (problem,) = found.json["problems"]
    assert (problem["kind"], problem["object"]) == ("damaged pack", damaged)
    assert [point["item_name"] for point in problem["points"]] == ["db01"]
    assert "1 of hall-a/db01" in backed_up("repo", "check").out
    packs_are_checked_without_the_key(backed_up)
    assert (backed_up.home / "vaults" / "berlin" / damaged).exists()


def statistics_agree_with_the_folder(command: Command) -> None:
    stats = command("repo", "stats", "--json").json
    packs = list((command.home / "vaults" / "berlin" / "packs").glob("*/*"))
    assert (stats["packs"], stats["recovery_points"], stats["damaged_packs"]) == (len(packs), 1, 0)
    assert stats["pack_bytes"] == sum(path.stat().st_size for path in packs)
    assert 0 < stats["saved_ratio"] < 1


def packs_are_checked_without_the_key(command: Command) -> None:
    """Tier «hash» needs no key; the deeper ones say what is missing."""
    (key_file,) = (command.home / "keys").glob("*.key")
    key_file.unlink()
    found = command("repo", "check", "--tier", "hash", "--json")
    assert [problem["kind"] for problem in found.json["problems"]] == ["damaged pack"]
    assert command("repo", "check").code == ExitCode.KEY
