"""A command line with a home of its own, and one with a lab of real disk images behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.lab import Lab, build_lab
from tests.cli.terminal_run import Command, stop_service


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path / "home", capsys)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return build_lab(tmp_path / "lab")


@pytest.fixture
def installation(command: Command, lab: Lab, tmp_path: Path) -> Iterator[Command]:
    """An installation with a vault, every source discovered, and a policy."""
    region = lab.sources[0].region
    assert command("vault", "create", "berlin", "--region", region, "--recovery-key-to", str(tmp_path / "key")).code == 0
    for source in lab.sources:
        assert command("source", "add", f"images:{source.path}", "--region", source.region).code == 0
    made = command("policy", "create", "nightly", "--daily-at", "22:00", "--time-zone", "Europe/Berlin", "--keep-days", "30")
    assert made.out == "Policy nightly was created: every day at 22:00 Europe/Berlin, keep 30 days.\n"
    assert command("source", "discover", "--wait").code == 0
    yield command
    stop_service(command)
