"""What the formats have in common: a layer maps ranges of the disk to bytes in a file, to zeros, or to the layer below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from strongroom.providers.images.image_file import ImageFile


class RunKind(Enum):
    """Where a range of a disk is."""

    STORED = 1  # at ``at`` of the layer's file, as it is
    PACKED = 2  # in one compressed cluster; ``at`` is the table entry that finds it
    ZERO = 3
    BELOW = 4  # in the backing file, or zero where there is none


@dataclass(frozen=True, slots=True)
class Run:
    """``length`` bytes of the disk from ``offset``."""

    offset: int
    length: int
    kind: RunKind
    at: int = 0

    @property
    def end(self) -> int:
        return self.offset + self.length


class Layer(Protocol):
    """One file of a disk's chain."""

    @property
    def file(self) -> ImageFile: ...

    @property
    def size_bytes(self) -> int:
        """The size of the disk that this file describes."""
        ...

    def runs(self, offset: int, length: int, *, reading: bool = False) -> Iterator[Run]:
        """The range in order and without gaps; it must lie within ``size_bytes``. Neighbours may be of one kind.

        With ``reading`` zeros may be told as STORED, where reading them costs less than finding them.
        """
        ...

    def read_run(self, run: Run, view: memoryview) -> None:
        """Fill ``view`` with a STORED or PACKED run of this layer."""
        ...
