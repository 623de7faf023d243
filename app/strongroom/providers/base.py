"""The provider contract: discover → describe → inspect → begin → disks → extents, and back again as restore.

A provider knows one kind of source and nothing of repositories or catalogs. It is made for one source address, may be used
by one job at a time, and must be constructible in a worker process from that address alone. Every name that it makes on a host derives
from the job id, so that ``tidy`` can find leftovers after a crash by name. The suite in ``strongroom.testing`` proves all of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from strongroom.domain.consistency import SnapshotFacts
from strongroom.domain.disk import Extent
from strongroom.domain.plan import DiskPlan, MachinePlan, Tracking, TrackingFacts
from strongroom.domain.states import AgentState, PowerState, WorkloadType

Json = Mapping[str, Any]
"""A JSON object: strings, numbers, booleans, None, lists and objects only."""


@dataclass(frozen=True, slots=True)
class DiskDescription:
    """One disk of a machine. ``id`` is stable within the machine across backups; ``location`` is for people."""

    id: str
    size_bytes: int
    format: str
    location: str
    used_bytes: int | None = None
    included: bool = True
    reason: str = ""  # why it is not included, in words


@dataclass(frozen=True, slots=True)
class MachineDescription:
    """A machine as its source shows it.

    ``native_id`` is its identity at the source (UUID, or path for images); ``definition`` is everything, beside the disks' content,
    that the same provider needs to make the machine again elsewhere.
    """

    native_id: str
    name: str
    cloud_service: str
    region: str
    workload_type: WorkloadType
    power: PowerState
    agent: AgentState
    disks: tuple[DiskDescription, ...]
    operating_system: str = ""
    definition: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, so that screens offer only that."""

    change_tracking: bool = False
    live: bool = False
    starts_machines: bool = False
    networks: bool = False
    storage_pools: bool = False


@dataclass(frozen=True, slots=True)
class Discovery:
    """Everything one discovery found: machines, and what could not be read with its reason."""

    machines: tuple[MachineDescription, ...]
    warnings: tuple[str, ...] = ()


class SnapshotDisk(Protocol):
    """One disk at the session's instant."""

    @property
    def description(self) -> DiskDescription: ...

    @property
    def plan(self) -> DiskPlan:
        """How this disk is really read: the given plan, or a fuller one with its own reason if the source could not keep it."""
        ...

    @property
    def tracking(self) -> Tracking:
        """What the next backup must present to be incremental; stored in the manifest, opaque to everybody else."""
        ...

    def extents(self) -> Iterator[Extent]:
        """The whole disk in order, by ``plan``: UNCHANGED only in INCREMENTAL and UNCHANGED modes. May be called again."""
        ...

    def all_extents(self) -> Iterator[Extent]:
        """The whole disk in order as DATA and ZERO only: the fall-back when tracking proved wrong."""
        ...

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from the instant; raises ``DiskUnreadable``. Thread-safe; serves every range, UNCHANGED ones included."""
        ...


class SnapshotSession(Protocol):
    """All included disks of one machine at one instant."""

    @property
    def machine(self) -> MachineDescription: ...

    @property
    def taken_at(self) -> datetime: ...

    @property
    def facts(self) -> SnapshotFacts:
        """What happened at the instant: power, agent, freeze, scripts; ``domain.consistency`` decides the level from them."""
        ...

    @property
    def disks(self) -> Sequence[SnapshotDisk]: ...

    def confirm(self) -> None:
        """Called after the last read and before the commit: raises ``MachineInUse`` unless all reads belong to one instant."""
        ...

    def committed(self) -> None:
        """Called once the manifest is durable: now, and not earlier, the old checkpoint may go."""
        ...


class Placement(StrEnum):
    """Where a restore goes (feature A16)."""

    NEW_MACHINE = "new machine"
    ORIGINAL = "original place"
    DISKS = "disks"


@dataclass(frozen=True, slots=True)
class RestoreDisk:
    """A disk to make: ``format`` is the one wanted at the target (``raw`` or ``qcow2``)."""

    id: str
    size_bytes: int
    format: str


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """Everything that a provider needs to make room for a restore.

    ``folder`` is where disks go for ``DISKS`` (absolute) and optional storage otherwise; ``native_id`` names the machine that ORIGINAL replaces.
    """

    job_id: str
    placement: Placement
    name: str
    cloud_service: str
    definition: Json
    disks: tuple[RestoreDisk, ...]
    native_id: str = ""
    folder: str = ""
    network: str = ""
    start: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore made: the new machine's id (empty for disks only), its files by disk id, and what was kept aside."""

    native_id: str
    name: str
    paths: Mapping[str, str]
    kept_aside: tuple[str, ...] = ()


class DiskTarget(Protocol):
    """A disk being written; it starts out reading as zero everywhere. Thread-safe for ranges that do not overlap."""

    def write(self, offset: int, view: memoryview) -> None:
        """Write a range; raises ``TargetFull``."""
        ...


class RestoreSession(Protocol):
    """Disks under construction, invisible to the hypervisor until ``publish``; leaving without it removes all of them."""

    @property
    def disks(self) -> Mapping[str, DiskTarget]: ...

    def publish(self) -> Restored:
        """Make everything durable and visible at once. For ORIGINAL the old disks are kept aside first, never overwritten."""
        ...


@dataclass(frozen=True, slots=True)
class RestorePreview:
    """What a restore would do, in words, before it starts; ``problems`` must be empty for it to start."""

    will_make: tuple[str, ...]
    will_not_return: tuple[str, ...]
    problems: tuple[str, ...]


class Provider(Protocol):
    """One source. Constructed by its registered factory from the source's address and region."""

    @property
    def workload_type(self) -> WorkloadType: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def discover(self) -> Discovery:
        """Every machine of the source; raises ``SourceUnreachable``. One unreadable machine is a warning, not a failure."""
        ...

    def describe(self, native_id: str) -> MachineDescription:
        """One machine as it is now, or ``MachineVanished``."""
        ...

    def inspect(self, native_id: str, previous: Mapping[str, Tracking]) -> Mapping[str, TrackingFacts]:
        """For each included disk, whether ``previous`` (by disk id, from the parent manifest) still describes it. Changes nothing."""
        ...

    def begin(self, native_id: str, plan: MachinePlan, job_id: str) -> AbstractContextManager[SnapshotSession]:
        """Take the snapshot («Take Snapshot»); leaving the context releases everything but the checkpoint to keep."""
        ...

    def preview_restore(self, request: RestoreRequest) -> RestorePreview: ...

    def begin_restore(self, request: RestoreRequest) -> AbstractContextManager[RestoreSession]: ...

    def tidy(self, is_live: Callable[[str], bool]) -> list[str]:
        """Remove leftovers whose job id is not live, by name; returns what was removed, in words."""
        ...

    def release(self, native_id: str) -> list[str]:
        """Remove our change tracking from the machine (feature: machine release); returns what was removed, in words."""
        ...

    def close(self) -> None: ...


class ProviderFactory(Protocol):
    """The object that an entry point of the group ``strongroom.providers`` names; the entry point's name is the scheme."""

    workload_type: WorkloadType

    def canonical(self, address: str) -> str:
        """The one spelling of ``address`` that stands in the catalog; raises ``SourceInvalid``. Touches nothing outside."""
        ...

    def __call__(self, address: str, region: str) -> Provider:
        """Make the provider of ``address`` (``scheme:…``); raises ``SourceInvalid``. Touches nothing outside."""
        ...
