"""Where a restore will put what, decided and checked before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.domain.errors import InvalidInput, StrongroomError
from strongroom.providers.base import Placement, RestoreDisk, RestoreRequest
from strongroom.providers.errors import DiskFormatUnsupported, SourceInvalid, TargetExists
from strongroom.providers.images.chain import DiskChain
from strongroom.providers.images.definition import StatedDisk, StatedMachine, read_definition
from strongroom.providers.images.formats import ImageFormat, file_name_for, is_image_name
from strongroom.providers.images.machine import open_machine
from strongroom.providers.images.names import build_folder_name, checked_folder_name, kept_folder_name, name_problem, shown
from strongroom.providers.images.places import Place, find_place, list_places


@dataclass(frozen=True, slots=True)
class RouteDisk:
    """A disk to make and the name of its file."""

    disk: RestoreDisk
    format: ImageFormat
    file_name: str


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one restore.

    With ``whole_folder`` the build folder becomes ``folder`` by one rename; otherwise files move from it into ``folder``, which stands
    already, after those named in ``keep`` went to the folder ``kept_name``. ``stated`` is written as ``strongroom.toml`` if it is given.
    """

    folder: Path
    whole_folder: bool
    disks: tuple[RouteDisk, ...]
    build_name: str
    native_id: str = ""
    keep: tuple[str, ...] = ()
    kept_name: str = ""
    stays: tuple[str, ...] = ()
    stated: StatedMachine | None = field(default=None)

    @property
    def build_folder(self) -> Path:
        return (self.folder.parent if self.whole_folder else self.folder) / self.build_name


def route_of(source: Path, region: str, request: RestoreRequest) -> Route:
    """Decide; raises ``TargetExists``, ``InvalidInput``, ``SourceInvalid`` or ``DiskFormatUnsupported``. Makes nothing."""
    if request.start:
        raise InvalidInput("A folder of images cannot start machines", action="Restore without starting the machine.")
    if not request.disks:
        raise InvalidInput("A restore without disks has nothing to make")
    disks = _disks(request)
    if request.placement is Placement.DISKS:
        return _disks_route(request, disks)
    if request.folder:
        raise InvalidInput("A folder of images has no other storage than itself", action="Leave the storage empty.")
    if request.placement is Placement.ORIGINAL:
        return _original_route(source, region, request, disks)
    return _new_route(source, request, disks)


def _disks(request: RestoreRequest) -> tuple[RouteDisk, ...]:
    disks = []
    for disk in request.disks:
        try:
            wanted = ImageFormat(disk.format)
        except ValueError as error:
            raise DiskFormatUnsupported(
                f"Disk {shown(disk.id)} cannot be made as {disk.format!r}", action="Choose raw or qcow2."
            ) from error
        name = file_name_for(disk.id, wanted)
        problem = name_problem(name)
        if problem:
            raise InvalidInput(f"Disk {shown(disk.id)} cannot be a file", cause=problem)
        disks.append(RouteDisk(disk, wanted, name))
    if len({disk.file_name for disk in disks}) < len(disks):
        raise InvalidInput("Two disks would become one file", cause=", ".join(disk.file_name for disk in disks))
    return tuple(disks)


def _disks_route(request: RestoreRequest, disks: tuple[RouteDisk, ...]) -> Route:
    folder = Path(request.folder)
    if not folder.is_absolute():
        raise InvalidInput(f"Folder {request.folder!r} is not absolute", action="Give the whole path, from /.")
    build_name = build_folder_name(request.job_id)
    if not _exists(folder):
        return Route(folder, whole_folder=True, disks=disks, build_name=build_name)
    if not folder.is_dir():
        raise TargetExists(f"{shown(str(folder))} is not a folder")
    _refuse_taken(folder, disks)
    return Route(folder, whole_folder=False, disks=disks, build_name=build_name)


def _new_route(source: Path, request: RestoreRequest, disks: tuple[RouteDisk, ...]) -> Route:
    name = checked_folder_name(request.name, "Machine name")
    service = checked_folder_name(request.cloud_service or source.name, "Cloud service")
    parent = source if service == source.name else source / service
    for place in list_places(source).places:
        if _called(place) == (service, name):
            raise TargetExists(f"Machine {service}/{name} is there already", cause=f"it lies at {shown(place.native_id)}")
        if place.path == parent:
            raise TargetExists(f"{shown(str(parent))} is a machine and cannot be a cloud service", action="Choose another cloud service.")
    folder = parent / name
    if _exists(folder):
        raise TargetExists(f"{shown(str(folder))} is there already")
    return Route(
        folder,
        whole_folder=True,
        disks=disks,
        build_name=build_folder_name(request.job_id),
        native_id=str(folder),
        stated=_stated(request, disks, name, service),
    )


def _original_route(source: Path, region: str, request: RestoreRequest, disks: tuple[RouteDisk, ...]) -> Route:
    path = Path(request.native_id)
    parts = path.relative_to(source).parts if path.is_relative_to(source) else ()
    if not parts or any(name_problem(part) for part in parts) or len(parts) > 2:  # noqa: PLR2004  SERVICE/MACHINE at most
        raise SourceInvalid(f"Machine {request.native_id!r} does not belong to source images://{source}")
    renamed = [disk for disk in disks if disk.file_name != disk.disk.id]
    if renamed:
        raise InvalidInput(
            f"Disk {shown(renamed[0].disk.id)} cannot go back in place as {renamed[0].format}", action="Restore it as a new machine."
        )
    single = len(parts) == 1 and is_image_name(path.name) and not path.is_dir()
    if single and [disk.file_name for disk in disks] != [path.name]:
        raise InvalidInput(f"Only the disk {shown(path.name)} can go back to {shown(request.native_id)}")
    folder = path.parent if single else path
    if not _exists(folder):
        stated = _stated(request, disks, request.name or path.name, request.cloud_service)
        return Route(
            folder, whole_folder=True, disks=disks, build_name=build_folder_name(request.job_id), native_id=request.native_id, stated=stated
        )
    if not folder.is_dir():
        raise TargetExists(f"{shown(str(folder))} is not a folder")
    keep, stays = _kept_and_staying(source, region, request.native_id, folder, disks)
    return Route(
        folder,
        whole_folder=False,
        disks=disks,
        build_name=build_folder_name(request.job_id),
        native_id=request.native_id,
        keep=keep,
        kept_name=_fresh(folder, kept_folder_name(request.job_id)),
        stays=stays,
    )


def _fresh(folder: Path, name: str) -> str:
    """``name``, or with a number behind it: a job that is tried again must not mix what it kept aside before with the rest."""
    numbered = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    return next(candidate for candidate in numbered if not _exists(folder / candidate))


def _kept_and_staying(
    source: Path, region: str, native_id: str, folder: Path, disks: tuple[RouteDisk, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files to keep aside, and the machine's other disks, which stay.

    A backing file that only replaced disks use goes with them: left behind it would look like a disk of its own. Where the present images
    cannot be understood (that may be why they are restored), only the replaced files themselves are kept aside.
    """
    replaced = [disk.file_name for disk in disks if _exists(folder / disk.file_name)]
    try:
        with open_machine(find_place(source, native_id), source, region) as machine:
            chains = {disk.description.id: disk.chain for disk in machine.disks if disk.chain is not None}
            stays = tuple(disk.description.id for disk in machine.disks if disk.description.id not in replaced)
            below = {name for name in replaced if name in chains for name in _backing_names(chains[name], folder)}
            needed = {name for other in stays if other in chains for name in (other, *_backing_names(chains[other], folder))}
    except StrongroomError:
        return tuple(replaced), ()
    return (*replaced, *sorted(below - needed - set(replaced))), stays


def _backing_names(chain: DiskChain, folder: Path) -> list[str]:
    return [file.path.name for file in chain.files[1:] if file.path.parent.resolve() == folder.resolve()]


def _stated(request: RestoreRequest, disks: tuple[RouteDisk, ...], name: str, cloud_service: str) -> StatedMachine:
    definition = request.definition
    by_id = {disk.disk.id: disk for disk in disks}
    order = [str(entry["id"]) for entry in _entries(definition) if entry.get("id") in by_id]
    excluded = {entry["id"] for entry in _entries(definition) if entry.get("include") is False}
    ordered = [*(by_id[disk_id] for disk_id in order), *(disk for disk in disks if disk.disk.id not in order)]
    return StatedMachine(
        name=name,
        cloud_service=cloud_service,
        region=str(definition.get("region") or ""),
        operating_system=str(definition.get("operating_system") or ""),
        disks=tuple(StatedDisk(disk.file_name, disk.format, disk.disk.id not in excluded) for disk in ordered),
    )


def _entries(definition: Mapping[str, object]) -> list[Mapping[str, object]]:
    entries = definition.get("disks")
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list | tuple) else []


def _refuse_taken(folder: Path, disks: tuple[RouteDisk, ...]) -> None:
    for disk in disks:
        if _exists(folder / disk.file_name):
            raise TargetExists(f"{shown(str(folder / disk.file_name))} is there already")


def _called(place: Place) -> tuple[str, str]:
    try:
        stated = StatedMachine() if place.single else read_definition(place.folder)
    except StrongroomError:
        stated = StatedMachine()
    return stated.cloud_service or place.cloud_service, stated.name or place.default_name


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()
