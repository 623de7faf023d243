"""Which installation is in use, and what it may be told (B12)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strongroom import config
from strongroom.config import InstallationForbidden, find_paths
from strongroom.settings import ConfigInvalid, load_settings


@pytest.fixture(autouse=True)
def _no_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "HOST_CONFIG", tmp_path / "etc" / "config.toml")
    monkeypatch.setattr(config, "HOST_STATE", tmp_path / "var")
    monkeypatch.delenv("STRONGROOM_HOME", raising=False)


def test_a_home_is_one_folder_for_everything(tmp_path: Path) -> None:
    """B12."""
    paths = find_paths(tmp_path / "one")
    paths.prepare()
    places = (paths.catalog, paths.keys, paths.service_log, paths.job_log("u"), paths.job_lock("u"), paths.config, paths.vaults)
    assert all(place.is_relative_to(tmp_path / "one") for place in places)
    assert (tmp_path / "one").stat().st_mode & 0o077 == 0


def test_the_variable_names_a_home_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B12."""
    monkeypatch.setenv("STRONGROOM_HOME", str(tmp_path / "two"))
    assert find_paths().state == tmp_path / "two"
    assert find_paths(tmp_path / "three").state == tmp_path / "three", "the option wins"


def test_without_a_host_installation_the_callers_own_folders_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B12."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "conf"))
    paths = find_paths()
    assert (paths.name, paths.state, paths.config) == (
        "personal",
        tmp_path / "state" / "strongroom",
        tmp_path / "conf" / "strongroom" / "config.toml",
    )


def test_a_host_installation_is_used_where_the_caller_may_open_it(tmp_path: Path) -> None:
    """B12."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "var").mkdir()
    assert find_paths().name == "host"
    assert find_paths().state == tmp_path / "var"


def test_a_host_installation_that_is_not_ours_stops_the_command_with_the_sudo_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B12: never an empty personal catalog beside it."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "var").mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InstallationForbidden) as refused:
        find_paths()
    assert "sudo -u strongroom strongroom" in refused.value.action


def test_settings_come_from_the_file_then_from_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B12."""
    file = tmp_path / "config.toml"
    assert load_settings(file).attempts == 3
    file.write_text("attempts = 5\nworkers = 2\n")
    monkeypatch.setenv("STRONGROOM_ATTEMPTS", "7")
    settings = load_settings(file)
    assert (settings.attempts, settings.workers) == (7, 2)


@pytest.mark.parametrize(("text", "key"), [("wrokers = 2\n", "wrokers"), ("workers = 0\n", "workers"), ("workers = 'many'\n", "workers")])
def test_a_setting_that_is_unknown_or_wrong_is_named(tmp_path: Path, text: str, key: str) -> None:
    """B12 A19."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigInvalid, match=key):
        load_settings(file)


def test_a_file_that_is_not_toml_is_an_error_with_its_place(tmp_path: Path) -> None:
    """A19."""
    file = tmp_path / "config.toml"
    file.write_text("workers = [")
    with pytest.raises(ConfigInvalid, match=str(file)):
        load_settings(file)
