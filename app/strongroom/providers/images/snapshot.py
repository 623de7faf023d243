"""A backup's view of a machine: all disks at one instant, or no recovery point."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from strongroom.domain.consistency import SnapshotFacts
from strongroom.domain.disk import Extent, ExtentKind
from strongroom.domain.plan import DiskPlan, MachinePlan, Tracking, TrackingFacts
from strongroom.domain.states import PowerState, ReadMode
from strongroom.providers.base import DiskDescription, MachineDescription
from strongroom.providers.errors import MachineInUse
from strongroom.providers.images import stamps, swap
from strongroom.providers.images.chain import DiskChain
from strongroom.providers.images.image_file import ImageFile
from strongroom.providers.images.machine import OpenMachine, open_machine
from strongroom.providers.images.places import Place

_CAUSE = "a folder of images can be read only while nobody writes to it"
_ACTION = "Shut the machine down first; for live machines add the libvirt host as source qemu:///system (strongroom source add)."


class ImageSnapshotDisk:
    """One disk of the session; see ``SnapshotDisk``."""

    def __init__(self, description: DiskDescription, chain: DiskChain, plan: DiskPlan, tracking: Tracking) -> None:
        self.description = description
        self.plan = plan
        self.tracking = tracking
        self._chain = chain

    def extents(self) -> Iterator[Extent]:
        if self.plan.mode is not ReadMode.UNCHANGED:
            yield from self.all_extents()
        elif self._chain.size_bytes:
            yield Extent(0, self._chain.size_bytes, ExtentKind.UNCHANGED)

    def all_extents(self) -> Iterator[Extent]:
        return self._chain.extents()

    def read_into(self, offset: int, view: memoryview) -> None:
        self._chain.read_into(offset, view)


class ImageSnapshot:
    """All included disks of one machine; see ``SnapshotSession``."""

    def __init__(self, machine: OpenMachine, disks: Sequence[ImageSnapshotDisk], taken_at: datetime, *, cloned: bool) -> None:
        self._open = machine
        self.machine: MachineDescription = machine.describe()
        self.taken_at = taken_at
        self.disks = disks
        self._cloned = cloned

    @property
    def facts(self) -> SnapshotFacts:
        """Nobody was seen writing, so the machine counts as off; there is no agent to ask."""
        return SnapshotFacts(power=PowerState.OFF)

    def confirm(self) -> None:
        """``MachineInUse`` if anybody wrote since the first read; copies made at one instant (reflinks) were confirmed when they were made."""
        if not self._cloned:
            refuse_writers(self._open)
            refuse_changes(self._open)

    def committed(self) -> None:
        """Nothing to drop: images keep no checkpoints."""


@contextmanager
def snapshot(place: Place, source: Path, region: str, plan: MachinePlan) -> Iterator[ImageSnapshot]:
    """Open the machine, refuse writers, and copy all its files at one instant where the file system shares blocks."""
    _refuse_unfinished_restore(place)
    started_at_ns = time.time_ns()
    with open_machine(place, source, region, settle=True) as machine:
        refuse_writers(machine)
        taken_at = datetime.now(UTC)
        cloned = _clone_all(machine.files)
        refuse_writers(machine)
        refuse_changes(machine)
        disks = [_disk(description, chain, plan, started_at_ns) for description, chain in machine.included]
        yield ImageSnapshot(machine, disks, taken_at, cloned=cloned)


def refuse_writers(machine: OpenMachine) -> None:
    """``MachineInUse`` if a program holds one of the machine's files for writing."""
    holder = machine.writer()
    if holder:
        raise MachineInUse(f"Machine {machine.name} is being written", cause=f"{holder}; {_CAUSE}", action=_ACTION)


def refuse_changes(machine: OpenMachine) -> None:
    """``MachineInUse`` if one of the machine's files differs from what it was when it was opened."""
    for file in machine.files:
        difference = file.moved()
        if difference:
            raise MachineInUse(
                f"Machine {machine.name} is being written", cause=f"{file.name} {difference} meanwhile; {_CAUSE}", action=_ACTION
            )


def tracking_of(chain: DiskChain, started_at_ns: int) -> Tracking:
    """What the next backup must present to prove that this disk did not change."""
    return stamps.record([file.stamp for file in chain.files], started_at_ns=started_at_ns, local=_local(chain))


def facts_of(chain: DiskChain, previous: Tracking) -> TrackingFacts:
    """Whether the disk is still what ``previous`` says."""
    return stamps.compare(previous, [file.stamp for file in chain.files], local=_local(chain))


def _refuse_unfinished_restore(place: Place) -> None:
    if swap.is_unfinished(place.folder, place.path.name if place.single else ""):
        raise MachineInUse(
            f"Machine {place.default_name} is being restored",
            cause="a restore to its original place was interrupted, so its disks may be of two moments",
            action="Start the service (strongroom serve): it brings the restore to its end.",
        )


def _local(chain: DiskChain) -> bool:
    return all(file.local for file in chain.files)


def _disk(description: DiskDescription, chain: DiskChain, plan: MachinePlan, started_at_ns: int) -> ImageSnapshotDisk:
    return ImageSnapshotDisk(description, chain, _kept_plan(description, chain, plan), tracking_of(chain, started_at_ns))


def _kept_plan(description: DiskDescription, chain: DiskChain, plan: MachinePlan) -> DiskPlan:
    """The plan if it can be kept, else a fuller one with the reason."""
    wanted = plan.disks.get(description.id)
    if wanted is None:
        return DiskPlan(description.id, ReadMode.FULL, "first backup of this disk")
    if wanted.mode is ReadMode.INCREMENTAL:
        return DiskPlan(description.id, ReadMode.COMPARE, "a folder of images keeps no change map")
    if wanted.mode is ReadMode.UNCHANGED:
        facts = facts_of(chain, wanted.previous)
        if not facts.unchanged:
            return DiskPlan(description.id, ReadMode.COMPARE, facts.reason)
    return wanted


def _clone_all(files: Sequence[ImageFile]) -> bool:
    """All files, or none: half a set of copies is no instant."""
    for file in files:
        if not file.clone():
            for other in files:
                other.unclone()
            return False
    return bool(files)
