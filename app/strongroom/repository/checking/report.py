"""What a check found, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Tier(StrEnum):
    """How deep a check looks."""

    LIST = "list"  # names, sealed objects, trees: is everything there that a restore needs
    HASH = "hash"  # also every byte of every pack against the pack's name; by itself this needs no key
    DATA = "data"  # also every chunk decrypted, decoded and identified


class ProblemKind(StrEnum):
    """What is wrong with an object."""

    FOREIGN = "foreign object"
    DAMAGED_OBJECT = "damaged object"
    DAMAGED_MANIFEST = "damaged recovery point"
    DAMAGED_PACK = "damaged pack"
    MISSING_PACK = "missing pack"
    MISSING_CHUNK = "missing chunk"
    MISSING_SEQUENCE = "missing recovery point"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: ``object`` is its key, ``points`` the commit keys of the recovery points that it affects."""

    kind: ProblemKind
    object: str
    points: tuple[str, ...] = ()
    detail: str = ""


@dataclass(slots=True)
class CheckReport:
    """``objects`` and ``bytes`` were looked at; no problems means that every recovery point passed the tier."""

    problems: list[Problem] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0

    @property
    def affected_points(self) -> tuple[str, ...]:
        """Every recovery point that some problem affects."""
        return tuple(sorted({point for problem in self.problems for point in problem.points}))
