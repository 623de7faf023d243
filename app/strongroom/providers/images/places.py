"""Where a source's machines are: the rule that turns folders into machines and cloud services.

Under the source's folder,

* a file that is a disk image is a machine by itself;
* a folder that directly holds an image or a ``strongroom.toml`` is one machine, and nothing below it is looked into;
* any other folder is a cloud service, and its folders that hold an image or a ``strongroom.toml`` are the machines in it.

Machines that stand directly under the source belong to the cloud service named after the source's own folder. Hidden names are passed by,
and links to folders are not followed, so no machine is found twice.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from strongroom.providers.errors import MachineVanished, SourceInvalid, SourceUnreachable
from strongroom.providers.images.formats import is_image_name
from strongroom.providers.images.names import DEFINITION_FILE, is_ours_or_hidden, is_text, shown


@dataclass(frozen=True, slots=True)
class Place:
    """A machine's place: ``path`` is its folder, or its only image."""

    path: Path
    cloud_service: str
    single: bool = False

    @property
    def native_id(self) -> str:
        """Its identity: the source's folder and the path below it, in one."""
        return str(self.path)

    @property
    def folder(self) -> Path:
        return self.path.parent if self.single else self.path

    @property
    def default_name(self) -> str:
        return self.path.stem if self.single else self.path.name


@dataclass(frozen=True, slots=True)
class Listing:
    """What one walk over a source found."""

    places: tuple[Place, ...]
    warnings: tuple[str, ...]


def list_places(source: Path) -> Listing:
    """Every machine's place under ``source``, in the order of names; ``SourceUnreachable`` if the folder itself cannot be read."""
    warnings: list[str] = []
    places: list[Place] = []
    try:
        entries = _entries(source, warnings)
    except OSError as error:
        raise unreachable(source, error) from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            places.extend(_below(entry, source, warnings))
        elif is_image_name(entry.name) and not _is_unusable_link(entry, warnings):
            places.append(Place(Path(entry.path), source.name, single=True))
    return Listing(tuple(places), tuple(warnings))


def find_place(source: Path, native_id: str) -> Place:
    """The place that ``native_id`` names, as it is now; ``MachineVanished`` if no machine is there any more."""
    path = Path(native_id)
    parts = path.relative_to(source).parts if path.is_relative_to(source) else ()
    if not 1 <= len(parts) <= 2 or ".." in parts or str(path) != native_id:  # noqa: PLR2004  SERVICE/MACHINE at most
        raise SourceInvalid(f"Machine {native_id!r} does not belong to source images://{source}")
    service = source.name if len(parts) == 1 else parts[0]
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
        in_folder = is_folder and not path.is_symlink() and _is_machine_folder(path)
        single = not is_folder and len(parts) == 1 and is_image_name(path.name)
    except OSError as error:
        _check_source(source)
        raise MachineVanished(f"Machine {shown(native_id)} is no longer there", cause=error.strerror or str(error)) from error
    if not (in_folder or single):
        raise MachineVanished(f"Machine {shown(native_id)} is no longer there", cause="its folder holds no disk image")
    return Place(path, service, single=single)


def image_names(folder: Path) -> list[str]:
    """The names of the image files directly in ``folder``, sorted; raises ``OSError``."""
    with os.scandir(folder) as found:
        return sorted(entry.name for entry in found if _is_image(entry))


def unreachable(source: Path, error: OSError) -> SourceUnreachable:
    """The error for a source's folder that cannot be listed."""
    return SourceUnreachable(
        f"Source images://{shown(str(source))} cannot be read",
        cause=error.strerror or str(error),
        action="Mount or create the folder, and let the user that runs strongroom read it.",
    )


def _check_source(source: Path) -> None:
    try:
        with os.scandir(source):
            pass
    except OSError as error:
        raise unreachable(source, error) from error


def _below(entry: os.DirEntry[str], source: Path, warnings: list[str]) -> Iterator[Place]:
    """The machine that a folder is, or the machines of the cloud service that it is."""
    folder = Path(entry.path)
    try:
        if _is_machine_folder(folder):
            yield Place(folder, source.name)
            return
        for inner in _entries(folder, warnings):
            if inner.is_dir(follow_symlinks=False) and _is_machine_folder_or_warn(Path(inner.path), warnings):
                yield Place(Path(inner.path), entry.name)
    except OSError as error:
        warnings.append(f"{shown(str(folder))} cannot be read: {error.strerror or error}")


def _is_machine_folder_or_warn(folder: Path, warnings: list[str]) -> bool:
    try:
        return _is_machine_folder(folder)
    except OSError as error:
        warnings.append(f"{shown(str(folder))} cannot be read: {error.strerror or error}")
        return False


def _is_machine_folder(folder: Path) -> bool:
    with os.scandir(folder) as found:
        return any(entry.name == DEFINITION_FILE or _is_image(entry) for entry in found)


def _is_image(entry: os.DirEntry[str]) -> bool:
    return is_image_name(entry.name) and not is_ours_or_hidden(entry.name) and not _leads_to_folder(entry)


def _entries(folder: Path, warnings: list[str]) -> list[os.DirEntry[str]]:
    """The visible entries of ``folder`` by name; names that are not text are left out with a warning."""
    with os.scandir(folder) as found:
        entries = sorted((entry for entry in found if not is_ours_or_hidden(entry.name)), key=lambda entry: entry.name)
    for entry in entries:
        if not is_text(entry.name):
            warnings.append(f"{shown(entry.path)} is passed by: its name is not valid UTF-8")
        elif entry.is_symlink() and _leads_to_folder(entry):
            warnings.append(f"{shown(entry.path)} is passed by: links to folders are not followed")
    return [entry for entry in entries if is_text(entry.name)]


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link that leads round in a circle


def _is_unusable_link(entry: os.DirEntry[str], warnings: list[str]) -> bool:
    if _leads_to_folder(entry):
        return True
    if entry.is_symlink() and not Path(entry.path).exists():
        warnings.append(f"{shown(entry.path)} is passed by: the file it links to is not there")
        return True
    return False
