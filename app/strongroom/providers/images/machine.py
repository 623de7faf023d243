"""One machine with all its disks open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from strongroom.domain.errors import StrongroomError
from strongroom.domain.states import AgentState, PowerState, WorkloadType
from strongroom.providers.base import DiskDescription, MachineDescription
from strongroom.providers.errors import DiskUnreadable, MachineVanished
from strongroom.providers.images.chain import DiskChain, open_chain
from strongroom.providers.images.definition import StatedDisk, StatedMachine, read_definition
from strongroom.providers.images.formats import stated_format
from strongroom.providers.images.image_file import ImageFile
from strongroom.providers.images.names import is_text, shown
from strongroom.providers.images.places import Place, image_names


@dataclass(frozen=True, slots=True)
class OpenDisk:
    """A disk of an open machine; ``chain`` is None only for one that is excluded and cannot be read."""

    description: DiskDescription
    chain: DiskChain | None


@dataclass(frozen=True, slots=True)
class OpenMachine:
    """A machine whose images are held open, in the order of its disks."""

    place: Place
    stated: StatedMachine
    disks: tuple[OpenDisk, ...]
    region: str

    @property
    def name(self) -> str:
        return self.stated.name or self.place.default_name

    @property
    def files(self) -> tuple[ImageFile, ...]:
        """Every file that an included disk is read from, backing files too."""
        return tuple(file for _, chain in self.included for file in chain.files)

    @property
    def included(self) -> tuple[tuple[DiskDescription, DiskChain], ...]:
        return tuple((disk.description, disk.chain) for disk in self.disks if disk.description.included and disk.chain is not None)

    def writer(self) -> str:
        """Who writes to one of the files, in words; empty if nobody is seen."""
        for file in self.files:
            holder = file.writer()
            if holder:
                return f"{file.name}: {holder}"
        return ""

    def describe(self) -> MachineDescription:
        """The machine as it is now; a machine whose image somebody holds for writing is running."""
        return MachineDescription(
            native_id=self.place.native_id,
            name=self.name,
            cloud_service=self.stated.cloud_service or self.place.cloud_service,
            region=self.stated.region or self.region,
            workload_type=WorkloadType.DISK_IMAGE,
            power=PowerState.RUNNING if self.writer() else PowerState.OFF,
            agent=AgentState.NONE,
            disks=tuple(disk.description for disk in self.disks),
            operating_system=self.stated.operating_system,
            definition={
                "provider": "images",
                "version": 1,
                "region": self.stated.region,
                "operating_system": self.stated.operating_system,
                "disks": [
                    {"id": disk.description.id, "format": disk.description.format, "include": disk.description.included}
                    for disk in self.disks
                ],
            },
        )


@contextmanager
def open_machine(place: Place, source: Path, region: str, *, settle: bool = False) -> Iterator[OpenMachine]:
    """Open every disk of the machine at ``place``; ``settle`` for a snapshot, not for looking.

    Raises ``SourceInvalid`` for a wrong ``strongroom.toml``, ``MachineVanished``, ``DiskUnreadable`` or ``DiskFormatUnsupported`` for a
    disk that is not excluded. A file that is only the backing file of another disk is no disk of its own.
    """
    stated = StatedMachine() if place.single else read_definition(place.folder)
    with ExitStack() as opened:
        disks: list[OpenDisk] = []
        for entry in _entries(place, stated):
            disk = _open_disk(place.folder / entry.file, entry, source, settle=settle and entry.include)
            if disk.chain is not None:
                opened.callback(disk.chain.close)
            disks.append(disk)
        listed = {entry.file for entry in stated.disks}
        own = tuple(disk for disk in disks if disk.description.id in listed or not _only_backs_another(disk, disks))
        if not any(disk.description.included for disk in own):
            raise MachineVanished(f"Machine {shown(place.native_id)} has no disk left to back up", cause="every disk is excluded or gone")
        yield OpenMachine(place, stated, own, region)


def _entries(place: Place, stated: StatedMachine) -> list[StatedDisk]:
    """The disks as stated, in that order; then, by name, the images that nobody spoke of, so that a new disk is never left out."""
    if place.single:
        return [StatedDisk(place.path.name)]
    try:
        present = image_names(place.folder)
    except OSError as error:
        raise MachineVanished(f"Machine {shown(place.native_id)} cannot be listed", cause=error.strerror or str(error)) from error
    listed = {disk.file for disk in stated.disks}
    return [*stated.disks, *(StatedDisk(name) for name in present if name not in listed)]


def _open_disk(path: Path, entry: StatedDisk, source: Path, *, settle: bool) -> OpenDisk:
    try:
        chain = _open_named(path, entry, source, settle=settle)
    except StrongroomError as error:
        if entry.include:
            raise
        return OpenDisk(_excluded(DiskDescription(entry.file, 0, "", str(path)), f" ({error.message})"), None)
    description = DiskDescription(entry.file, chain.size_bytes, chain.format.value, str(path), chain.used_bytes)
    return OpenDisk(description if entry.include else _excluded(description), chain)


def _excluded(description: DiskDescription, also: str = "") -> DiskDescription:
    return replace(description, included=False, reason=f"excluded in strongroom.toml{also}")


def _open_named(path: Path, entry: StatedDisk, source: Path, *, settle: bool) -> DiskChain:
    if not is_text(entry.file):
        raise DiskUnreadable(f"{shown(entry.file)} is passed by: its name is not valid UTF-8", action="Rename the file.")
    try:
        return open_chain(path, entry.format or stated_format(entry.file), source, settle=settle)
    except MachineVanished as error:
        if not path.parent.exists():
            raise
        raise DiskUnreadable(
            f"Disk {shown(str(path))} is not there",
            cause="the file, or what it links to, is missing",
            action="Put it back, or correct strongroom.toml.",
        ) from error


def _only_backs_another(disk: OpenDisk, disks: list[OpenDisk]) -> bool:
    if disk.chain is None:
        return False
    own = disk.chain.files[0].identity
    return any(own == file.identity for other in disks if other is not disk and other.chain is not None for file in other.chain.files[1:])
