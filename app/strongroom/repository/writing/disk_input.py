"""A disk as the writer is given it, and whether what its source says of changes may be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from strongroom.domain.disk import Extent, ReadInto
from strongroom.repository.manifest import DiskRecord
from strongroom.repository.writing.change_proof import Proof


@dataclass(frozen=True, slots=True)
class DiskInput:
    """A disk to back up: what it is, how it is to be read (``mode``) and why, and where its bytes come from.

    ``extents`` describes it by ``mode``; ``all_extents`` as DATA and ZERO only, for when change tracking may not be used after all.
    """

    id: str
    size_bytes: int
    format: str
    mode: str
    reason: str
    tracking: Mapping[str, Any]
    extents: Callable[[], Iterator[Extent]]
    all_extents: Callable[[], Iterator[Extent]]
    read_into: ReadInto
    proof: Proof = field(default_factory=Proof)


def why_not_trusted(disk: DiskInput, before: DiskRecord | None) -> str:
    """Why UNCHANGED may not be believed for this disk, in words; empty if it may, subject to its proof (invariant 10)."""
    if before is None:
        return "there is no parent to count from"
    if before.size_bytes != disk.size_bytes:
        return f"the disk was resized from {before.size_bytes} to {disk.size_bytes} bytes"
    if before.format != disk.format:
        return f"the disk's format changed from {before.format} to {disk.format}"
    return "the whole disk was compared, as asked" if disk.proof.whole else ""
