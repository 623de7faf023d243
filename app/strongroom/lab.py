"""The demo lab: folders of small disk images with real partition tables and file systems, and a way to change files inside them.

The images are shipped as one compressed stream of everything in them that is not zero (``data/lab``, made by its ``build.py``), with a map of
where each piece goes and where the files lie that a guest would change. Unpacking and changing need nothing but Python.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import zstandard

from strongroom import resources
from strongroom.domain.errors import InvalidInput

MACHINE_FILE = "strongroom.toml"
_WINDOW_BYTES_MAX = 128 * 1024 * 1024
_REWRITTEN_WHOLE_BYTES_MAX = 16 * 1024
_PAGE_BYTES = 4096
_PAGES_CHANGED = 3


@dataclass(frozen=True, slots=True)
class GuestFile:
    """A file inside a disk image whose content may be changed: its path in the guest, and its ``(offset, length)`` runs in the image file."""

    path: str
    disk: Path
    runs: tuple[tuple[int, int], ...]

    @property
    def size_bytes(self) -> int:
        return sum(length for _, length in self.runs)


@dataclass(frozen=True, slots=True)
class LabVolume:
    """A file system on a disk of the lab; ``clean`` as its own flags say (for tests: the product finds out by itself)."""

    kind: str
    disk: Path
    offset_bytes: int
    size_bytes: int
    clean: bool


@dataclass(frozen=True, slots=True)
class LabMachine:
    """One machine of the lab; ``path`` is its folder, or its only image at the top of the source."""

    name: str
    cloud_service: str
    region: str
    path: Path
    disks: tuple[Path, ...]
    volumes: tuple[LabVolume, ...]
    files: tuple[GuestFile, ...]

    @property
    def clean(self) -> bool:
        """Whether every file system on it was left clean."""
        return all(volume.clean for volume in self.volumes)


@dataclass(frozen=True, slots=True)
class LabSource:
    """A folder of disk images, to be added as ``images:`` source of its region."""

    path: Path
    region: str


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab on disk."""

    folder: Path
    sources: tuple[LabSource, ...]
    machines: tuple[LabMachine, ...]

    def machine(self, name: str, cloud_service: str) -> LabMachine:
        """The machine of that name in that cloud service; ``KeyError`` if the lab has none."""
        for machine in self.machines:
            if (machine.name, machine.cloud_service) == (name, cloud_service):
                return machine
        raise KeyError((name, cloud_service))


@dataclass(frozen=True, slots=True)
class Changed:
    """A guest file that was changed, and how many of its bytes."""

    path: str
    changed_bytes: int


def build_lab(folder: Path, *, region_names: tuple[str, str] = ("Frankfurt", "Dublin")) -> Lab:
    """Unpack the lab below ``folder``: one source folder per region, five machines, sparse disks of 544 MiB that occupy about 13 MiB.

    ``web01`` is there twice, in the cloud services ``hall-a`` and ``hall-b``; the one in ``hall-b`` lost power (its ext4 wants its journal replayed);
    ``db01`` has two disks; ``kiosk`` is a single qcow2 file. Raises ``InvalidInput`` if a source's folder is already there.
    """
    listing = json.loads(resources.data_file("lab", "lab.json").read_text())
    sources = tuple(LabSource(folder / region.lower(), region) for region in region_names)
    for source in sources:
        if source.path.exists():
            raise InvalidInput(f"The lab's folder {source.path} is already there", action="Give the lab an empty folder.")
    machines = tuple(_machine_of(record, sources[record["source"]]) for record in listing["machines"])
    with resources.data_file("lab", "lab.zst").open("rb") as packed:
        stream = cast("BinaryIO", zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES_MAX).stream_reader(packed))
        for record, machine in zip(listing["machines"], machines, strict=True):
            _unpack(record, machine, stream)
    return Lab(folder, sources, machines)


def change_guest_files(lab: Lab, machine: LabMachine) -> list[Changed]:
    """Change files inside the machine's disks as a guest would, in place: small files whole, a few pages of larger ones.

    Lengths and file-system structures stay as they are, so the file systems stay valid. Every call changes the bytes again.
    """
    if machine not in lab.machines:
        raise InvalidInput(f"The machine {machine.name} does not belong to the lab at {lab.folder}")
    return [Changed(file.path, _change(file)) for file in machine.files]


def read_guest_file(file: GuestFile) -> bytes:
    """The content of a changeable file, read from its disk image."""
    with file.disk.open("rb") as image:
        return b"".join(os.pread(image.fileno(), length, offset) for offset, length in file.runs)


def _machine_of(record: Mapping[str, Any], source: LabSource) -> LabMachine:
    place = source.path / record["cloud_service"] / record["name"] if record["folder"] else source.path
    disks = tuple(place / disk["file"] for disk in record["disks"])
    volumes = (LabVolume(disk=path, **volume) for path, disk in zip(disks, record["disks"], strict=True) for volume in disk["volumes"])
    files = (GuestFile(file["path"], place / file["disk"], tuple((at, length) for at, length in file["runs"])) for file in record["files"])
    return LabMachine(
        name=record["name"],
        cloud_service=record["cloud_service"],
        region=source.region,
        path=place if record["folder"] else disks[0],
        disks=disks,
        volumes=tuple(volumes),
        files=tuple(files),
    )


def _unpack(record: Mapping[str, Any], machine: LabMachine, stream: BinaryIO) -> None:
    for path, disk in zip(machine.disks, record["disks"], strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as image:
            image.truncate(disk["size_bytes"])
            for offset, length in disk["extents"]:
                image.seek(offset)
                image.write(_exactly(stream, length))
    if record["folder"]:
        (machine.path / MACHINE_FILE).write_text(_machine_file(record, machine))


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise resources.ResourceMissing(
            "The lab's images end early", cause="data/lab/lab.zst and data/lab/lab.json do not belong together."
        )
    return data


def _machine_file(record: Mapping[str, Any], machine: LabMachine) -> str:
    """TOML's plain strings are JSON's, so that any name is safe."""
    values = {
        "name": machine.name,
        "cloud_service": machine.cloud_service,
        "region": machine.region,
        "os": record["os"],
        "disks": [path.name for path in machine.disks],
    }
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def _change(file: GuestFile) -> int:
    before = read_guest_file(file)
    after = bytearray(before)
    if len(before) <= _REWRITTEN_WHOLE_BYTES_MAX:
        spans = [(0, len(before))]
    else:
        step = len(before) // _PAGES_CHANGED
        spans = [(number * step, _PAGE_BYTES) for number in range(_PAGES_CHANGED)]
    for at, length in spans:
        after[at : at + length] = _new_text(before[at : at + length])
    with file.disk.open("r+b") as image:
        for offset, part in _split(bytes(after), file.runs):
            os.pwrite(image.fileno(), part, offset)
    return sum(length for _, length in spans)


def _new_text(before: bytes) -> bytes:
    """As many bytes of text that follow from what was there, so that they differ from it at every call."""
    line = f"rewritten after {hashlib.sha256(before).hexdigest()}\n".encode()
    return (line * (len(before) // len(line) + 1))[: len(before)]


def _split(content: bytes, runs: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, bytes]]:
    at = 0
    for offset, length in runs:
        yield offset, content[at : at + length]
        at += length
