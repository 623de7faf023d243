"""What a check says: a level, what was looked at, what was found, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from strongroom.domain.errors import as_record


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``doctor``; ``fix`` is the next thing to do, empty where nothing is wrong."""

    level: Level
    check: str
    found: str
    fix: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(Level.OK, check, found)


def warn(check: str, found: str, fix: str) -> Finding:
    return Finding(Level.WARN, check, found, fix)


def fail(check: str, found: str, fix: str) -> Finding:
    return Finding(Level.FAIL, check, found, fix)


def guarded(check: str, look: Callable[[], Iterable[Finding]], *, level: Level = Level.FAIL) -> Iterator[Finding]:
    """What ``look`` finds; an error becomes a finding with its own words, so that one broken thing hides no other."""
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001  (doctor is run when things are broken)
        record = as_record(error)
        yield Finding(level, check, " · ".join(part for part in (record["message"], record["cause"]) if part), record["action"])
