"""A disk as the engine sees it: a length in bytes and an ordered run of extents.

Sizes are the repository's: a *block* of 64 KiB is QEMU's default dirty-bitmap granularity, a *slot* of 1 MiB is the unit
of the tree (see ``docs/design/format.md`` for the measurements behind both).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from strongroom.domain.errors import StrongroomError

BLOCK_BYTES = 64 * 1024
SLOT_BLOCKS = 16
SLOT_BYTES = BLOCK_BYTES * SLOT_BLOCKS


class ExtentKind(StrEnum):
    """What is known of a range before reading it."""

    DATA = "data"  # must be read
    ZERO = "zero"  # reads as zero, proved by the source; it becomes an explicit ZERO piece
    UNCHANGED = "unchanged"  # equal to the parent recovery point, by change tracking


@dataclass(frozen=True, slots=True)
class Extent:
    """``length`` bytes from ``offset``, both in bytes; any alignment."""

    offset: int
    length: int
    kind: ExtentKind

    @property
    def end(self) -> int:
        return self.offset + self.length


class ReadInto(Protocol):
    """Fill ``view`` from ``offset``; the whole view or an error. Safe to call from several threads."""

    def __call__(self, offset: int, view: memoryview) -> None: ...


class ExtentsBroken(StrongroomError):
    """A source described its disk with gaps, overlaps or beyond its end."""

    default_action = "This is a fault of the source's provider: report it with the job log."


def covering(extents: Iterable[Extent], size_bytes: int) -> Iterator[Extent]:
    """Pass extents on, merged where neighbours agree; they must cover 0..size_bytes in order, exactly.

    Raises ``ExtentsBroken`` at the first gap, overlap, empty extent or overrun, so that no byte is ever left out in silence.
    """
    held: Extent | None = None
    at = 0
    for extent in extents:
        if extent.offset != at or extent.length <= 0 or extent.end > size_bytes:
            raise ExtentsBroken(f"Extent {extent.offset}+{extent.length} does not follow {at} of {size_bytes} bytes")
        at = extent.end
        if held is None:
            held = extent
        elif held.kind is extent.kind:
            held = Extent(held.offset, held.length + extent.length, held.kind)
        else:
            yield held
            held = extent
    if at != size_bytes:
        raise ExtentsBroken(f"The extents end at {at} of {size_bytes} bytes")
    if held is not None:
        yield held
