"""The ``images:`` provider: a folder of disk images as a source of machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from strongroom.domain.errors import StrongroomError
from strongroom.domain.plan import MachinePlan, Tracking, TrackingFacts
from strongroom.domain.states import WorkloadType
from strongroom.providers.base import (
    Capabilities,
    Discovery,
    MachineDescription,
    RestorePreview,
    RestoreRequest,
    RestoreSession,
    SnapshotSession,
)
from strongroom.providers.images.address import canonical, folder_of
from strongroom.providers.images.machine import open_machine
from strongroom.providers.images.names import shown
from strongroom.providers.images.places import find_place, list_places
from strongroom.providers.images.preview import preview
from strongroom.providers.images.restore import restore
from strongroom.providers.images.snapshot import facts_of, snapshot
from strongroom.providers.images.tidy import tidy


class ImagesProvider:
    """Machines in the folder ``source``; see ``Provider``. Holds nothing open between calls."""

    workload_type = WorkloadType.DISK_IMAGE
    capabilities = Capabilities()

    def __init__(self, source: Path, region: str) -> None:
        self.source = source
        self.region = region

    def discover(self) -> Discovery:
        """Every machine below the source; whatever cannot be read becomes a warning with its reason."""
        listing = list_places(self.source)
        found: list[tuple[MachineDescription, bool, tuple[int, int]]] = []
        below: set[tuple[int, int]] = set()
        warnings = list(listing.warnings)
        for place in listing.places:
            try:
                with open_machine(place, self.source, self.region) as machine:
                    found.append((machine.describe(), place.single, machine.files[0].identity))
                    below.update(file.identity for _, chain in machine.included for file in chain.files[1:])
            except StrongroomError as error:
                warnings.append(f"{shown(place.native_id)}: {error}")
        # A single image on which others stand is their base, not a machine.
        machines = tuple(machine for machine, single, identity in found if not (single and identity in below))
        return Discovery(machines, (*warnings, *_same_names(machines)))

    def describe(self, native_id: str) -> MachineDescription:
        with open_machine(find_place(self.source, native_id), self.source, self.region) as machine:
            return machine.describe()

    def inspect(self, native_id: str, previous: Mapping[str, Tracking]) -> Mapping[str, TrackingFacts]:
        with open_machine(find_place(self.source, native_id), self.source, self.region) as machine:
            return {
                description.id: facts_of(chain, previous[description.id])
                if description.id in previous
                else TrackingFacts(reason="the parent has no record of this disk")
                for description, chain in machine.included
            }

    def begin(self, native_id: str, plan: MachinePlan, job_id: str) -> AbstractContextManager[SnapshotSession]:
        """``job_id`` names nothing: copies at one instant have no names, so a crash leaves none behind."""
        del job_id
        return snapshot(find_place(self.source, native_id), self.source, self.region, plan)

    def preview_restore(self, request: RestoreRequest) -> RestorePreview:
        return preview(self.source, self.region, request)

    def begin_restore(self, request: RestoreRequest) -> AbstractContextManager[RestoreSession]:
        return restore(self.source, self.region, request)

    def tidy(self, is_live: Callable[[str], bool]) -> list[str]:
        return tidy(self.source, is_live)

    def release(self, native_id: str) -> list[str]:
        """Images carry no change tracking of ours."""
        del native_id
        return []

    def close(self) -> None:
        """Nothing is held."""


class ImagesFactory:
    """Makes providers of ``images:`` addresses; see ``ProviderFactory``."""

    workload_type = WorkloadType.DISK_IMAGE

    def canonical(self, address: str) -> str:
        return canonical(address)

    def __call__(self, address: str, region: str) -> ImagesProvider:
        return ImagesProvider(folder_of(address), region)


def _same_names(machines: Sequence[MachineDescription]) -> list[str]:
    counts = Counter((machine.cloud_service, machine.name) for machine in machines)
    return [
        f"{count} machines are called {shown(service)}/{shown(name)}: give each its own name in strongroom.toml, or rename the files"
        for (service, name), count in counts.items()
        if count > 1
    ]
