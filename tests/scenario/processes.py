"""Finding the processes of one installation, and waiting for what they do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    pid: int
    command: list[str]
    job_uid: str = ""


def _all() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if (entry / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                    yield Process(int(entry.name), words)
            except OSError:
                continue


def services_below(home: Path) -> list[Process]:
    """Living services of the installation at ``home``."""
    return [process for process in _all() if str(home) in process.command and "serve" in process.command]


def workers_below(run: Path) -> list[Process]:
    """Living workers of the installation whose run folder this is, each with its job: told by the lock that it holds."""
    found = []
    for process in _all():
        if "strongroom.engine.work" in process.command:
            locks = [path for path in _open_files(process.pid) if path.is_relative_to(run / "jobs")]
            found.extend(Process(process.pid, process.command, path.name) for path in locks)
    return found


def _open_files(pid: int) -> list[Path]:
    try:
        return [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return []


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
