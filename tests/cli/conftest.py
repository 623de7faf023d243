"""A command line with a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal_run import Command


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path / "home", capsys)
