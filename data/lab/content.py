"""What the lab's guests hold: small trees of files, written here and the same at every build."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

KIB = 1024
_WORDS = [
    "amber",
    "basin",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "inlet",
    "jetty",
    "knoll",
    "lodge",
    "marsh",
    "north",
    "ocean",
    "plain",
    "quarry",
    "ridge",
    "slope",
    "tide",
]


@dataclass(frozen=True)
class Files:
    """Files by path without the leading slash; every sector of a changeable one is unlike any other sector of the lab."""

    fixed: dict[str, bytes] = field(default_factory=dict)
    changeable: dict[str, bytes] = field(default_factory=dict)

    def items(self) -> list[tuple[str, bytes]]:
        return [*self.fixed.items(), *self.changeable.items()]

    def __iter__(self) -> Iterator[str]:
        return iter([*self.fixed, *self.changeable])


def prose(seed: str, size_bytes: int) -> bytes:
    """Text of made-up sentences, easy to compress, never twice the same for two seeds."""
    rng = random.Random(seed)
    sentences = [" ".join(rng.choices(_WORDS, k=24)).capitalize() + ".\n" for _ in range(48)]
    lines, length = [], 0
    while length < size_bytes:
        line = rng.choice(sentences)
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()[:size_bytes]


def records(seed: str, size_bytes: int) -> bytes:
    """Numbered lines, so that each 512 bytes are found once only."""
    lines, length, number = [], 0, 0
    while length < size_bytes:
        kind = _WORDS[number // 16 % len(_WORDS)]
        line = f"{seed} {number:08d} {kind} {kind} read and found in order, nothing further to be noted about this one here\n"
        lines.append(line)
        length += len(line)
        number += 1
    return "".join(lines).encode()[:size_bytes]


def common(name: str) -> dict[str, bytes]:
    """What every Linux guest of the lab has, the same bytes everywhere but the name."""
    library = {f"usr/lib/strongroom-lab/part{number}.txt": prose(f"library {number}", 512 * KIB) for number in range(3)}
    return {
        "etc/hostname": f"{name}\n".encode(),
        "etc/os-release": b'NAME="Strongroom lab guest"\nVERSION="1"\n',
        "usr/share/doc/readme.txt": prose("readme", 24 * KIB),
        **library,
    }


def files_of(name: str) -> Files:
    """One of the lab's trees."""
    return _TREES[name]


def _web(name: str) -> Files:
    pages = {f"var/www/page{number:02d}.html": prose(f"page {number}", 8 * KIB) for number in range(12)}
    logs = {"var/log/access.log": records(f"{name} access", 768 * KIB), "etc/motd": records(f"{name} motd", 3 * KIB)}
    return Files(common(name) | pages, logs)


_TREES = {
    "boot": Files({"loader/loader.conf": b"default lab\ntimeout 3\n", "loader/kernel.txt": prose("kernel", 256 * KIB)}),
    "web-a": _web("web01.hall-a"),
    "web-b": _web("web01.hall-b"),
    "system": Files(common("db01"), {"var/log/db.log": records("db01 log", 128 * KIB)}),
    "database": Files(
        {"srv/db/schema.sql": prose("schema", 16 * KIB)},
        {"srv/db/customers.tbl": records("customer", 1536 * KIB), "srv/db/orders.tbl": records("order", 1024 * KIB)},
    ),
    "kiosk": Files(common("kiosk"), {"var/lib/kiosk/visits.csv": records("visit", 64 * KIB)}),
    "shares": Files(
        {f"plans/plan{number}.txt": prose(f"plan {number}", 40 * KIB) for number in range(6)},
        {"plans/budget.csv": records("budget", 96 * KIB)},
    ),
    "homes": Files(
        {f"home/{who}/notes.txt": prose(f"notes {who}", 32 * KIB) for who in ("ada", "grace")},
        {"home/ada/todo.txt": records("todo", 6 * KIB)},
    ),
}
