"""Which installation a command works on (feature B12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom import config
from strongroom.cli.exits import ExitCode
from strongroom.cli.main import main
from tests.cli.terminal_run import Command


@pytest.fixture
def locked_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host installation whose state this user cannot open."""
    settings = tmp_path / "etc" / "strongroom"
    settings.mkdir(parents=True)
    monkeypatch.setattr(config, "HOST_CONFIG", settings / "config.toml")
    monkeypatch.setattr(config, "HOST_STATE", tmp_path / "var" / "strongroom")
    return tmp_path


def test_a_host_installation_of_another_user_stops_the_command_with_the_sudo_line(
    locked_host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """B12: no empty personal catalog is started beside it."""
    assert main(["vault", "list"]) == ExitCode.USAGE
    assert "sudo -u strongroom strongroom" in capsys.readouterr().err
    assert not list(locked_host.rglob("catalog.db"))


def test_a_named_home_goes_before_the_hosts_installation(locked_host: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """B12: by option or by variable."""
    assert command("vault", "list").code == ExitCode.DONE
    monkeypatch.setenv("STRONGROOM_HOME", str(command.home))
    assert main(["vault", "list"]) == ExitCode.DONE


def test_a_home_that_cannot_be_made_is_told(command: Command) -> None:
    """A19: an error of its own, not a traceback; not even root makes a folder in /proc."""
    ran = Command(Path("/proc/strongroom"), command.capture)("vault", "list", "--json")
    assert ran.json["error"]["code"] == "InstallationUnusable"


def test_status_and_service_say_which_installation_is_in_use(command: Command) -> None:
    """B12: and that no service runs yet, with exit code 1 for scripts."""
    assert command("status", "--json").json["installation"] == f"home {command.home}"
    state = command("service", "status", "--json")
    assert (state.code, state.json["running"]) == (ExitCode.FAILED, False)


def test_an_older_catalog_stops_every_command_but_the_service(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """commands.md: only the service migrates; the others say so, with the exit code of a wrong schema (feature B12)."""
    assert command("vault", "list").code == ExitCode.DONE
    monkeypatch.setattr("strongroom.catalog.schema.SCHEMA", "9999")
    monkeypatch.setattr("strongroom.catalog.schema.compare.__kwdefaults__", {"current": "9999"}, raising=False)
    old = command("vault", "list", "--json")
    assert (old.code, old.json["error"]["code"]) == (ExitCode.VERSION, "CatalogTooOld")
    assert "serve" in old.json["error"]["action"]
