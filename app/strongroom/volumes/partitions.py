"""What partition tables have in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: ``number`` as the guest counts it, place and length in bytes from the start of the disk."""

    number: int
    start: int
    size_bytes: int
    holds_file_system: bool = True


class TableDamaged(Exception):
    """A partition table is there but cannot be believed; the text says why. Never leaves this room."""
