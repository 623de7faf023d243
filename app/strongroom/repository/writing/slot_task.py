"""What passes between the thread that walks a disk and the threads that seal its slots."""

from __future__ import annotations

from typing import NamedTuple

from strongroom.domain.disk import ReadInto
from strongroom.repository.tree.node import Slot
from strongroom.repository.writing.slot_plan import SlotPlan


class SlotTask(NamedTuple):
    """One slot to read and store. ``parent`` is the slot to inherit from; ``compare`` asks to store only what differs from it."""

    number: int  # its place in the order of results
    plan: SlotPlan
    size_bytes: int  # of the disk
    read_into: ReadInto
    parent: Slot | None
    compare: bool


class SlotResult(NamedTuple):
    """The slot's new pieces, and what it took in bytes."""

    number: int
    slot: Slot
    read_bytes: int = 0
    new_bytes: int = 0
    sealed_bytes: int = 0
    rewritten_bytes: int = 0
