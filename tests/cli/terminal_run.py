"""Runs commands of the product inside the test's process, or in a process of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect
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


def stop_service(command: Command) -> None:
    """Stop the background service of the command's home and wait until it is gone."""
    owner = command("service", "status", "--json").json.get("owner")
    if owner:
        os.kill(int(owner.split(":")[2]), signal.SIGTERM)
    deadline = time.monotonic() + 20
    while command("service", "status", "--json").json["running"] and time.monotonic() < deadline:
        time.sleep(0.1)


@contextmanager
def on_terminal(home: Path, *arguments: str) -> Iterator[pexpect.spawn[str]]:
    """The command on a pseudo terminal of 160x60."""
    environment = {**os.environ, "PYTHONPATH": str(APP), "STRONGROOM_HOME": str(home), "COLUMNS": "160", "TERM": "xterm-256color"}
    command = ["-P", "-m", "strongroom", *arguments]
    spawned = pexpect.spawn(sys.executable, command, env=environment, encoding="utf-8", timeout=30, dimensions=(60, 160))
    try:
        yield spawned
    finally:
        spawned.close(force=True)


def ended(spawned: pexpect.spawn[str]) -> int | None:
    """The exit code of a command on a terminal, once it has ended."""
    spawned.expect(pexpect.EOF)
    spawned.wait()
    return spawned.exitstatus
