"""Where one benchmark works: a folder, our programs and the peers, and the median of some repetitions."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Figures, measured
from tests.benchmarks.peers import PEERS, Peer

CHECKOUT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024

PeerFigures = dict[str, Figures | str]
"""By peer; a text says why it took no part."""


@dataclass
class Outcome:
    """What a benchmark found. ``ratios`` holds what only it can say; those of ours to the peers' are added to it."""

    name: str
    ours: Figures
    peers: PeerFigures = field(default_factory=dict)
    ratios: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ours": self.ours.as_json(),
            "peers": {name: {"absent": found} if isinstance(found, str) else found.as_json() for name, found in self.peers.items()},
            "ratios": {**self._to_peers(), **self.ratios},
        }

    def _to_peers(self) -> dict[str, dict[str, float]]:
        """Ours over each peer's, but for ``throughput``, which is the peer's wall time over ours: more is better there alone."""
        present = {name: found for name, found in self.peers.items() if isinstance(found, Figures)}
        kept = {
            key: {name: ratio for name, found in present.items() if (ratio := _ratio(getattr(self.ours, key), getattr(found, key)))}
            for key in ("cpu_seconds", "read_bytes", "stored_bytes", "peak_memory_bytes")
        }
        throughput = {name: _ratio(found.wall_seconds, self.ours.wall_seconds) for name, found in present.items()}
        return {"throughput": {name: value for name, value in throughput.items() if value}, **kept}


@dataclass(frozen=True)
class Workbench:
    """``size_bytes`` is the disk's (``points`` the number of recovery points) or None for the benchmark's own; the folder is the caller's to remove."""

    folder: Path
    size_bytes: int | None = None
    points: int = 1000
    repeat: int = 1
    generations: int = 0
    peer_programs: tuple[str, ...] = tuple(kind.program() for kind in PEERS)

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def source(self) -> Path:
        """The folder of images that our provider reads."""
        place = self.folder / "source"
        place.mkdir(exist_ok=True)
        return place

    def ours(self, action: str, *, grows: Path | None = None, **spec: Any) -> tuple[Figures, dict[str, Any]]:
        """One of our actions in a process of its own: its cost and its answer."""
        whole = {"repository": str(self.repository), "key_file": str(self.folder / "key"), "source": str(self.source), **spec}
        command = [sys.executable, "-m", "tests.benchmarks.ours", action, json.dumps(whole)]
        environment = {"PYTHONPATH": f"{CHECKOUT / 'app'}:{CHECKOUT}", "HOME": str(self.folder)}
        figures, text = measured(command, environment=environment, grows=grows)
        answer: dict[str, Any] = json.loads(text)
        return figures, answer

    def peers(self) -> tuple[list[Peer], PeerFigures]:
        """The peers that are here, each in a folder of its own, and why the others are not."""
        kinds = [kind for kind in PEERS if kind.program() in self.peer_programs]
        here = [kind(self.folder / "peers") for kind in kinds if not kind.missing()]
        for peer in here:
            self.narrate(f"{peer.name} is {peer.version()}")
        return here, {kind.name: kind.missing() for kind in kinds if kind.missing()}

    def rounds(self, contestants: Mapping[str, Callable[[], Figures]]) -> dict[str, Figures]:
        """Everybody in turn, so many times; of each the median run by cpu-seconds, because clocks and neighbours change from minute to minute."""
        runs: dict[str, list[Figures]] = {name: [] for name in contestants}
        for name in [name for _ in range(self.repeat) for name in contestants]:
            os.sync()  # nobody waits for what another left in the page cache
            figures = contestants[name]()
            self.narrate(f"{name}: {_in_words(figures)}")
            runs[name].append(figures)
        return {name: sorted(found, key=lambda figures: figures.cpu_seconds)[(len(found) - 1) // 2] for name, found in runs.items()}

    def start(self) -> Figures:
        """What one of our processes costs before its first byte."""
        return min((self.ours("start")[0] for _ in range(3)), key=lambda figures: figures.cpu_seconds)

    def narrate(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def _ratio(one: float | None, other: float | None) -> float:
    return round(one / other, 4) if one is not None and other else 0.0


def _in_words(figures: Figures) -> str:
    read = "?" if figures.read_bytes is None else f"{figures.read_bytes / MIB:,.1f}"
    return (
        f"{figures.cpu_seconds:.2f} cpu-s, {figures.wall_seconds:.2f} s, read {read} MiB, "
        f"stored {figures.stored_bytes / MIB:,.2f} MiB, peak {figures.peak_memory_bytes / MIB:,.0f} MiB"
    )
