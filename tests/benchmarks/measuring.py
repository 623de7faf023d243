"""What one program costs: a child process measured from outside, with everything that it started in turn."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

_READ_LINE = "rchar:"


class ProgramFailed(Exception):
    """A measured program ended with an error; a benchmark without it would be a lie."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One program's cost. Every value is of the whole process tree, the start of interpreters and imports included.

    ``read_bytes`` counts what read calls returned (the source, the repository, a cache, the program's own files), from disk or page cache;
    None where the kernel does not tell. ``stored_bytes`` is the growth of the place where the program keeps its data. ``peak_memory_bytes``
    is never less than what the measuring process itself takes (about 37 MiB): the kernel hands that down to its children.
    """

    cpu_seconds: float
    wall_seconds: float
    read_bytes: int | None
    stored_bytes: int
    peak_memory_bytes: int

    def as_json(self) -> dict[str, Any]:
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}


def measured(command: Sequence[str], *, environment: Mapping[str, str], grows: Path | None = None) -> tuple[Figures, str]:
    """Run a program to its end; returns its cost and its standard output. ``ProgramFailed`` with its last words if it fails."""
    before_bytes = folder_bytes(grows)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        started_at = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=complaints, env={**os.environ, **environment})
        figures = _awaited(child.pid, started_at)
        child.returncode = figures[1]
        texts = []
        for stream in (output, complaints):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    if figures[1] != 0:
        raise ProgramFailed(f"{' '.join(command)[:300]} ended with {figures[1]}: {texts[1].strip()[-3000:]}")
    return replace(figures[0], stored_bytes=folder_bytes(grows) - before_bytes), texts[0]


def folder_bytes(place: Path | None) -> int:
    """The length of a file, or of all files below a folder; 0 if there is none."""
    if place is None or not place.exists():
        return 0
    if place.is_file():
        return place.stat().st_size
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def _awaited(process_id: int, started_at: float) -> tuple[Figures, int]:
    """Wait for the child; what it read is asked while it is dead and not yet reaped."""
    os.waitid(os.P_PID, process_id, os.WEXITED | os.WNOWAIT)
    wall_seconds = time.perf_counter() - started_at
    read_bytes = _read_bytes(process_id)
    _, status, usage = os.wait4(process_id, 0)
    figures = Figures(usage.ru_utime + usage.ru_stime, wall_seconds, read_bytes, 0, usage.ru_maxrss * 1024)
    return figures, os.waitstatus_to_exitcode(status)


def _read_bytes(process_id: int) -> int | None:
    try:
        lines = Path(f"/proc/{process_id}/io").read_text("ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(_READ_LINE)), None)
