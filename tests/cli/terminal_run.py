"""Runs commands of the product inside the test's process, or in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from strongroom.cli.main import main

APP = Path(__file__).resolve().parents[2] / "app"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Command:
    """``command("vault", "list")`` runs it in a home of its own."""

    home: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Ran:
        self.capture.readouterr()
        code = main(["--home", str(self.home), *arguments])
        captured = self.capture.readouterr()
        return Ran(code, captured.out, captured.err)


def apart(*arguments: str, home: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(APP), "STRONGROOM_HOME": str(home), **settings.pop("env", {})}
    command = [sys.executable, "-P", "-m", "strongroom", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False, **settings)
