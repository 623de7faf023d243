"""A part of a disk, read on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ReadAt = Callable[[int, int], bytes]
"""``read(offset, length)`` gives exactly ``length`` bytes of the disk; all of them lie within it."""


@dataclass(frozen=True, slots=True)
class Window:
    """``size_bytes`` of a disk from ``start``; offsets count from there."""

    read: ReadAt
    start: int
    size_bytes: int

    def bytes_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; what lies outside of the window reads as zero, so that parsers need no bounds of their own."""
        if offset < 0 or offset >= self.size_bytes or length <= 0:
            return bytes(max(0, length))
        inside = min(length, self.size_bytes - offset)
        return self.read(self.start + offset, inside) + bytes(length - inside)

    def part(self, offset: int, length: int) -> Window:
        """A part of this window, cut at its end."""
        return Window(self.read, self.start + offset, max(0, min(length, self.size_bytes - offset)))
