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
def test_a_flipped_bit_is_found_and_the_points_that_suffer_are_named(backed_up: Command) -> None:
    """B3: clean before, typed and named after, exit code 1; nothing is deleted."""
    clean = backed_up("repo", "check", "--read-data", "--json")
    assert (clean.code, clean.json["ok"], clean.json["problems"]) == (ExitCode.DONE, True, [])
    damaged = flip_a_bit(backed_up.home)
    found = backed_up("repo", "check", "--tier", "hash", "--json")
    assert found.code == ExitCode.FAILED
    (problem,) = found.json["problems"]
    assert (problem["kind"], problem["object"]) == ("damaged pack", damaged)
    assert [point["item_name"] for point in problem["points"]] == ["db01"]
    assert "1 of hall-a/db01" in backed_up("repo", "check").out
    assert (backed_up.home / "vaults" / "berlin" / damaged).exists()


@pytest.mark.timeout(120)
def test_packs_are_checked_without_the_key(backed_up: Command) -> None:
    """B3: tier «hash» needs no key; the deeper ones say what is missing."""
    flip_a_bit(backed_up.home)
    (key_file,) = (backed_up.home / "keys").glob("*.key")
    key_file.unlink()
    found = backed_up("repo", "check", "--tier", "hash", "--json")
    assert [problem["kind"] for problem in found.json["problems"]] == ["damaged pack"]
    assert backed_up("repo", "check").code == ExitCode.KEY


@pytest.mark.timeout(120)
def test_statistics_agree_with_the_folder(backed_up: Command) -> None:
    """B4: bytes are what the packs really take."""
    stats = backed_up("repo", "stats", "--json").json
    packs = list((backed_up.home / "vaults" / "berlin" / "packs").glob("*/*"))
    assert stats["packs"] == len(packs)
    assert stats["pack_bytes"] == sum(path.stat().st_size for path in packs)
    assert stats["recovery_points"] == 1
    assert 0 < stats["saved_ratio"] < 1
