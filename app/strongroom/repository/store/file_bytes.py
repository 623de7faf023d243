"""Reading files exactly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from strongroom.repository.store.base import Buffer

_COMPARE_BYTES = 1024 * 1024


def read_at(descriptor: int, start: int, length: int) -> bytes:
    """Up to ``length`` bytes; fewer only at the end of the file."""
    first = os.pread(descriptor, length, start)
    if len(first) == length or not first:
        return first
    parts = [first]
    got = len(first)
    while got < length and (part := os.pread(descriptor, length - got, start + got)):
        parts.append(part)
        got += len(part)
    return b"".join(parts)


def holds(path: Path, buffers: Sequence[Buffer]) -> bool:
    """Whether the file consists of exactly these bytes."""
    views = [memoryview(buffer).cast("B") for buffer in buffers]
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size != sum(len(view) for view in views):
            return False
        return all(
            file.read(len(view[at : at + _COMPARE_BYTES])) == bytes(view[at : at + _COMPARE_BYTES])
            for view in views
            for at in range(0, len(view), _COMPARE_BYTES)
        )
