"""How far a job is: a frozen record that workers send, job rows keep and every screen shows (feature A13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

RECORDS_PER_SECOND = 2
"""Progress is thinned to this rate before it reaches the catalog."""


@dataclass(frozen=True, slots=True)
class Progress:
    """``done_bytes`` of ``total_bytes`` of the disks have been passed; the other counts say at what cost.

    ``bytes_per_second`` is the rate at which the disks are passed, ``remaining_seconds`` is None until it can be told.
    """

    phase: str = ""
    total_bytes: int = 0
    done_bytes: int = 0
    read_bytes: int = 0
    new_bytes: int = 0
    stored_bytes: int = 0
    bytes_per_second: float = 0.0
    remaining_seconds: float | None = None

    @property
    def fraction(self) -> float:
        """From 0.0 to 1.0; a job without bytes to pass is complete."""
        return min(1.0, self.done_bytes / self.total_bytes) if self.total_bytes else 1.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Progress:
        """The record in a job row; unknown keys of newer versions are left out."""
        return cls(**{key: value for key, value in stored.items() if key in cls.__slots__})
