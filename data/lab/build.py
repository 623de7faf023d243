"""Make the demo lab's images: run by hand as root-less ``python data/lab/build.py``; the product ships only what it writes.

Wants mke2fs, debugfs, mkfs.fat, mcopy, mmd and qemu-img. Writes ``lab.zst`` (the bytes of all images that are not zero, in one
compressed stream) and ``lab.json`` (which machine has which disks, where those bytes go, and where the files that the demo changes lie).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import zstandard
from content import Files, files_of
from tables import Partition, write_gpt, write_mbr

HERE = Path(__file__).resolve().parent
MIB = 1024 * 1024
PAGE_BYTES = 4096
SECTOR_BYTES = 512  # the smallest piece in which any of the file systems places a file
ZERO_PAGE, ZERO_SECTOR = bytes(PAGE_BYTES), bytes(SECTOR_BYTES)
COMPRESSION_LEVEL = 22
WINDOW_LOG = 26  # 64 MiB: machines share many files, and the stream is compressed as one


@dataclass(frozen=True)
class Volume:
    """One file system: ``start_mib`` and ``size_mib`` within its disk, ``files`` by the name of their set in ``content``."""

    kind: str
    start_mib: int
    size_mib: int
    files: str
    clean: bool = True


@dataclass(frozen=True)
class Disk:
    file: str
    size_mib: int
    table: str
    volumes: tuple[Volume, ...]


@dataclass(frozen=True)
class Machine:
    """``source`` counts the lab's regions; a machine without a folder is a single image at the top of its source."""

    source: int
    cloud_service: str
    name: str
    operating_system: str
    disks: tuple[Disk, ...]
    folder: bool = True


MACHINES = (
    Machine(
        0,
        "hall-a",
        "web01",
        "Debian 12",
        (Disk("system.raw", 96, "mbr", (Volume("fat16", 1, 16, "boot"), Volume("ext4", 17, 78, "web-a"))),),
    ),
    Machine(
        0,
        "hall-a",
        "db01",
        "Debian 12",
        (
            Disk("system.raw", 64, "gpt", (Volume("fat16", 1, 16, "boot"), Volume("ext4", 17, 46, "system"))),
            Disk("data.raw", 128, "gpt", (Volume("ext4", 1, 126, "database"),)),
        ),
    ),
    Machine(
        0,
        "hall-b",
        "web01",
        "Debian 12",
        (Disk("system.raw", 96, "mbr", (Volume("fat16", 1, 16, "boot"), Volume("ext4", 17, 78, "web-b", clean=False))),),
    ),
    Machine(0, "", "kiosk", "", (Disk("kiosk.qcow2", 64, "mbr", (Volume("ext4", 1, 62, "kiosk"),)),), folder=False),
    Machine(
        1,
        "quay-1",
        "files01",
        "Windows and Linux shares",
        (Disk("shares.raw", 96, "mbr", (Volume("fat32", 1, 40, "shares"), Volume("ext4", 41, 54, "homes"))),),
    ),
)


@dataclass
class Stream:
    """The bytes of every image, one after the other, and the map of where each piece belongs."""

    data: bytearray = field(default_factory=bytearray)

    def add(self, image: bytes) -> list[list[int]]:
        """Append what is not zero in ``image``, page by page; returns its extents as ``[offset, length]``."""
        extents: list[list[int]] = []
        for offset in range(0, len(image), PAGE_BYTES):
            page = image[offset : offset + PAGE_BYTES]
            if page == ZERO_PAGE[: len(page)]:
                continue
            if extents and sum(extents[-1]) == offset:
                extents[-1][1] += len(page)
            else:
                extents.append([offset, len(page)])
            self.data += page
        return extents


def run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def make_ext4(image: Path, volume: Volume, files: Files, folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    size_pages = volume.size_mib * MIB // PAGE_BYTES
    image.touch()
    run("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-N", "256", "-m", "0", "-E", "root_owner=0:0", "-d", folder, image, f"{size_pages}")
    if not volume.clean:  # what a host that lost power leaves behind: a journal that wants to be replayed
        run("debugfs", "-w", "-R", "feature needs_recovery", image)


def make_fat(image: Path, volume: Volume, files: Files, folder: Path) -> None:
    with image.open("wb") as file:
        file.truncate(volume.size_mib * MIB)
    sectors_a_cluster = "1" if volume.kind == "fat32" else "4"
    run("mkfs.fat", "-F", volume.kind.removeprefix("fat"), "-s", sectors_a_cluster, image)
    for parent in sorted({parent.as_posix() for name in files for parent in Path(name).parents if parent != Path()}):
        run("mmd", "-i", image, f"::/{parent}")
    for name, content in files.items():
        source = folder / "file"
        source.write_bytes(content)
        run("mcopy", "-i", image, source, f"::/{name}")


def make_volume(volume: Volume, files: Files) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "tree"
        folder.mkdir()
        folder.chmod(0o755)
        image = Path(name) / "volume"
        (make_ext4 if volume.kind == "ext4" else make_fat)(image, volume, files, folder)
        return image.read_bytes()


def make_disk(disk: Disk) -> bytes:
    """The image's bytes as they lie in the file: raw, or qcow2 made from it."""
    raw = bytearray(disk.size_mib * MIB)
    partitions = [Partition(v.start_mib * MIB, v.size_mib * MIB, v.kind) for v in disk.volumes]
    (write_gpt if disk.table == "gpt" else write_mbr)(raw, partitions)
    for volume in disk.volumes:
        start = volume.start_mib * MIB
        raw[start : start + volume.size_mib * MIB] = make_volume(volume, files_of(volume.files))
    if not disk.file.endswith(".qcow2"):
        return bytes(raw)
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "raw").write_bytes(raw)
        run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", Path(name) / "raw", Path(name) / "qcow2")
        return (Path(name) / "qcow2").read_bytes()


class Sectors:
    """Every sector of an image that is not zero, with the places where it lies."""

    def __init__(self, image: bytes) -> None:
        self._places: dict[bytes, list[int]] = {}
        for at in range(0, len(image), SECTOR_BYTES):
            sector = image[at : at + SECTOR_BYTES]
            if sector != ZERO_SECTOR:
                self._places.setdefault(sector, []).append(at)

    def runs_of(self, content: bytes) -> list[list[int]]:
        """Where a file lies, as ``[offset, length]`` runs in the file's order; its sectors must be unlike all others."""
        runs: list[list[int]] = []
        for at in range(0, len(content), SECTOR_BYTES):
            piece = content[at : at + SECTOR_BYTES]
            places = self._places.get(piece.ljust(SECTOR_BYTES, b"\0"), [])
            if len(places) != 1:
                sys.exit(f"a sector of a changeable file is found {len(places)} times: {piece[:60]!r}")
            if runs and sum(runs[-1]) == places[0]:
                runs[-1][1] += len(piece)
            else:
                runs.append([places[0], len(piece)])
        return runs


def describe_files(disk: Disk, image: bytes) -> list[dict[str, object]]:
    """The map of the files that the demo changes."""
    sectors = Sectors(image)
    return [
        {"path": f"/{name}", "disk": disk.file, "volume": number, "runs": sectors.runs_of(content)}
        for number, volume in enumerate(disk.volumes)
        for name, content in files_of(volume.files).changeable.items()
    ]


def describe_machine(machine: Machine, stream: Stream) -> dict[str, object]:
    disks, files = [], []
    for disk in machine.disks:
        image = make_disk(disk)
        volumes = [
            {"kind": v.kind, "offset_bytes": v.start_mib * MIB, "size_bytes": v.size_mib * MIB, "clean": v.clean} for v in disk.volumes
        ]
        disks.append({"file": disk.file, "size_bytes": len(image), "volumes": volumes, "extents": stream.add(image)})
        files += describe_files(disk, image)
    return {
        "source": machine.source,
        "cloud_service": machine.cloud_service,
        "name": machine.name,
        "os": machine.operating_system,
        "folder": machine.folder,
        "disks": disks,
        "files": files,
    }


def main() -> None:
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    stream = Stream()
    machines = [describe_machine(machine, stream) for machine in MACHINES]
    settings = zstandard.ZstdCompressionParameters.from_level(COMPRESSION_LEVEL, window_log=WINDOW_LOG, enable_ldm=True)
    compressed = zstandard.ZstdCompressor(compression_params=settings).compress(bytes(stream.data))
    (HERE / "lab.zst").write_bytes(compressed)
    listing = json.dumps({"format": 1, "machines": machines}, separators=(",", ":"))
    (HERE / "lab.json").write_text(
        listing.replace('{"source"', '\n{"source"').replace('{"file"', '\n{"file"').replace('{"path"', '\n{"path"') + "\n"
    )
    print(f"{len(stream.data)} bytes of images in {len(compressed)} bytes")


if __name__ == "__main__":
    main()
