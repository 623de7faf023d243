"""The key ceremony: a recovery key is shown once and believed only when it was proved (feature B2)."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from strongroom.cli.exits import ExitCode
from tests.cli.terminal_run import Command, ended, on_terminal

KEY = re.compile(r"^ {4}([0-9A-Z-]{60,90})\s*$", re.MULTILINE)
LAST_GROUP = "Type the last group of the recovery key:"


def is_confirmed(command: Command) -> bool:
    return command("vault", "show", "--json").json["recovery_confirmed_at"] is not None


def test_the_last_group_is_asked_back_on_a_terminal(command: Command) -> None:
    """B2: shown once with its sheet, and confirmed by its last group; a wrong answer asks again."""
    with on_terminal(command.home, "vault", "create", "berlin", "--region", "here") as spawned:
        spawned.expect_exact(LAST_GROUP)
        shown = spawned.before or ""
        found = KEY.search(shown.replace("\r", ""))
        assert found is not None
        assert "STRONGROOM RECOVERY SHEET" in shown
        spawned.sendline("WRONG")
        spawned.expect_exact(LAST_GROUP)
        spawned.sendline(found[1].rsplit("-", 1)[-1].lower())
        assert ended(spawned) == ExitCode.DONE
    assert is_confirmed(command)


def test_three_wrong_answers_leave_the_vault_unconfirmed_and_say_so(command: Command) -> None:
    """B2: the vault is there, but no backup runs before the key is confirmed."""
    with on_terminal(command.home, "vault", "create", "berlin", "--region", "here") as spawned:
        for _ in range(3):
            spawned.expect_exact(LAST_GROUP)
            spawned.sendline("nonsense")
        spawned.expect_exact("NOT CONFIRMED")
        assert ended(spawned) == ExitCode.DONE
    assert not is_confirmed(command)


def test_a_key_written_to_a_file_counts_as_confirmed(command: Command, tmp_path: Path) -> None:
    """B2: for scripts; only the owner may read the file, and it opens the vault."""
    path = tmp_path / "recovery.txt"
    ran = command("vault", "create", "berlin", "--region", "here", "--recovery-key-to", str(path), "--json")
    assert ran.code == ExitCode.DONE
    assert ran.json["recovery_confirmed"] is True
    assert "recovery_key" not in ran.json
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert is_confirmed(command)
    assert command("key", "recovery-sheet", "--recovery-key-file", str(path)).code == ExitCode.DONE


def test_an_existing_file_is_never_overwritten_with_a_key(command: Command, tmp_path: Path) -> None:
    """B2: neither is a vault made then."""
    path = tmp_path / "recovery.txt"
    path.write_text("the key of another vault")
    ran = command("vault", "create", "berlin", "--region", "here", "--recovery-key-to", str(path))
    assert ran.code == ExitCode.USAGE
    assert path.read_text() == "the key of another vault"
    assert command("vault", "list", "--json").json["items"] == []


def test_a_vault_that_cannot_be_made_leaves_no_key_file(command: Command, tmp_path: Path) -> None:
    """A1: the name is refused; a file with a key to nothing would mislead."""
    path = tmp_path / "recovery.txt"
    assert command("vault", "create", "1x", "--region", "here", "--recovery-key-to", str(path)).code == ExitCode.USAGE
    assert not path.exists()


def test_a_script_without_a_file_gets_an_unconfirmed_vault_and_confirms_it_later(command: Command, tmp_path: Path) -> None:
    """B2: the JSON answer holds the key; giving the whole key back confirms it."""
    made = command("vault", "create", "berlin", "--region", "here", "--json")
    assert made.json["recovery_confirmed"] is False
    assert "NOT CONFIRMED" in made.err
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(made.json["recovery_key"] + "\n")
    shown = command("key", "recovery-sheet", "--recovery-key-file", str(path))
    assert "STRONGROOM RECOVERY SHEET" in shown.out
    assert is_confirmed(command)


@pytest.fixture
def vault(command: Command, tmp_path: Path) -> Path:
    """A confirmed vault's recovery key file."""
    path = tmp_path / "recovery.txt"
    assert command("vault", "create", "berlin", "--region", "here", "--recovery-key-to", str(path)).code == 0
    return path


def secret_file(path: Path, text: str, mode: int = 0o600) -> str:
    path.touch(mode=mode)
    path.write_text(text + "\n")
    return str(path)


def test_a_passphrase_file_that_others_may_read_is_refused(command: Command, vault: Path, tmp_path: Path) -> None:
    """B2: and the answer is the command that mends it."""
    path = tmp_path / "words"
    path.write_text("correct horse\n")
    path.chmod(0o644)
    ran = command("key", "add", "--passphrase-file", str(path))
    assert ran.code == ExitCode.USAGE
    assert f"chmod 600 {path}" in ran.err


def test_a_passphrase_is_typed_twice_and_never_shown(command: Command, vault: Path) -> None:
    """B2: two different ones add nothing; the same one twice adds a slot."""
    for second, code in (("battery staple", ExitCode.USAGE), ("correct horse", ExitCode.DONE)):
        with on_terminal(command.home, "key", "add", "--passphrase") as spawned:
            spawned.expect_exact("New passphrase:")
            spawned.sendline("correct horse")
            spawned.expect_exact("The same again:")
            spawned.sendline(second)
            assert ended(spawned) == code
            assert "horse" not in (spawned.before or "")
    assert [slot["kind"] for slot in command("key", "show", "--json").json["slots"]] == ["recovery", "passphrase"]


def test_a_lost_service_key_comes_back_by_a_passphrase(command: Command, vault: Path, tmp_path: Path) -> None:
    """B2: a service without the key keeps jobs queued; this brings the key back."""
    words = secret_file(tmp_path / "words", "correct horse battery")
    assert command("key", "add", "--passphrase-file", words, "--label", "safe").code == ExitCode.DONE
    (key_file,) = (command.home / "keys").glob("*.key")
    before = key_file.read_bytes()
    key_file.unlink()
    assert command("key", "show", "--json").json["service_copy"].startswith("KeyMissing")
    wrong = secret_file(tmp_path / "wrong", "incorrect horse")
    assert command("key", "add", "--service-copy", "--passphrase-file", wrong).code == ExitCode.KEY
    assert command("key", "add", "--service-copy", "--passphrase-file", words).code == ExitCode.DONE
    assert key_file.read_bytes() == before
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_without_any_recovery_key_a_vault_counts_as_unconfirmed(command: Command, vault: Path, tmp_path: Path) -> None:
    """B2: removing the recovery slot takes its confirmation back; the last slot cannot be removed."""
    (slot,) = (entry["id"] for entry in command("key", "show", "--json").json["slots"])
    assert command("key", "remove", slot).code == ExitCode.USAGE
    assert command("key", "add", "--passphrase-file", secret_file(tmp_path / "words", "correct horse")).code == ExitCode.DONE
    assert command("key", "remove", slot).code == ExitCode.DONE
    assert not is_confirmed(command)
    assert command("key", "recovery-sheet", "--recovery-key-file", str(vault)).code == ExitCode.KEY
    new = tmp_path / "new.txt"
    assert command("key", "add", "--recovery-key-to", str(new)).code == ExitCode.DONE
    assert is_confirmed(command)


def test_no_command_prints_a_key_that_exists(command: Command, vault: Path) -> None:
    """B2: neither the service's copy nor a recovery key is ever shown again."""
    recovery_key = vault.read_text().splitlines()[0]
    for arguments in (["key", "show"], ["vault", "show"], ["status"], ["doctor"]):
        for form in ([], ["--json"]):
            ran = command(*arguments, *form)
            assert recovery_key not in ran.out + ran.err
