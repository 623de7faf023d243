"""How each disk is to be read, decided before anything is touched, with the reason (features B1 and A10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from strongroom.domain.states import ReadMode

Tracking = Mapping[str, Any]
"""A provider's own record of a disk's state, as JSON; only that provider reads it."""


@dataclass(frozen=True, slots=True)
class TrackingFacts:
    """What a source says, now, of the tracking record that the parent manifest holds for one disk.

    ``unchanged`` is the source's proof that not a byte changed; ``usable`` that its change map is complete since the parent. ``reason`` says in words
    why neither holds.
    """

    usable: bool = False
    unchanged: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ParentDisk:
    """A disk of the parent recovery point."""

    id: str
    size_bytes: int
    tracking: Tracking = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CurrentDisk:
    """A disk as it is now."""

    id: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class DiskPlan:
    """How one disk is read, and why, in words."""

    disk_id: str
    mode: ReadMode
    reason: str
    previous: Tracking = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """The plan of every included disk, by disk id."""

    disks: Mapping[str, DiskPlan]

    @property
    def incremental(self) -> bool:
        """Whether any disk counts from a parent."""
        return any(disk.mode is not ReadMode.FULL for disk in self.disks.values())


def plan_disk(current: CurrentDisk, parent: ParentDisk | None, facts: TrackingFacts | None, *, full_read: str = "") -> DiskPlan:
    """Decide one disk; ``full_read`` is a reason, in words, that forbids trusting change tracking (a schedule, a move, an operator)."""
    if parent is None:
        return DiskPlan(current.id, ReadMode.FULL, "first backup of this disk")
    if parent.size_bytes != current.size_bytes:
        reason = f"the disk was resized from {parent.size_bytes} to {current.size_bytes} bytes"
        return DiskPlan(current.id, ReadMode.COMPARE, reason)
    if full_read:
        return DiskPlan(current.id, ReadMode.COMPARE, full_read)
    if facts is None:
        return DiskPlan(current.id, ReadMode.COMPARE, "the source tracks no changes")
    if facts.unchanged:
        return DiskPlan(current.id, ReadMode.UNCHANGED, facts.reason or "nothing was written since the parent", parent.tracking)
    if facts.usable:
        return DiskPlan(current.id, ReadMode.INCREMENTAL, facts.reason or "changes are tracked since the parent", parent.tracking)
    return DiskPlan(current.id, ReadMode.COMPARE, facts.reason or "the change tracking cannot be used")


def plan_machine(
    current: Iterable[CurrentDisk],
    parent: Mapping[str, ParentDisk],
    facts: Mapping[str, TrackingFacts],
    *,
    full_read: str = "",
) -> MachinePlan:
    """Decide every disk by itself: state is per disk (invariant 12)."""
    plans = (plan_disk(disk, parent.get(disk.id), facts.get(disk.id), full_read=full_read) for disk in current)
    return MachinePlan({plan.disk_id: plan for plan in plans})
