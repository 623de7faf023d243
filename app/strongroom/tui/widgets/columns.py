"""How a table's columns share its width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDE_FROM = 96
"""From this width on every column is shown; below it only those that a small terminal needs."""
_GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``width`` cells at least; ``weight`` is its share of what is left over; a narrower table than ``shows_from`` leaves it out."""

    label: str
    width: int
    weight: int = 0
    right: bool = False
    shows_from: int = 0


def laid_out(columns: Sequence[Column], available: int, *, wide: bool = False) -> list[tuple[int, Column, int]]:
    """The columns that are shown, each with its index and its width in cells; they never need more than ``available``."""
    shown = [(index, column) for index, column in enumerate(columns) if wide or available >= column.shows_from]
    spare = available - sum(column.width + _GAP for _index, column in shown)
    weights = sum(column.weight for _index, column in shown) or 1
    placed, left = [], available
    for index, column in shown:
        cells = column.width + (max(0, spare) * column.weight // weights)
        cells = min(cells, left - _GAP)
        if cells <= 0:
            break
        placed.append((index, column, cells))
        left -= cells + _GAP
    return placed
