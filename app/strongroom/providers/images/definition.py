"""A machine's own words about itself: ``strongroom.toml`` beside its images."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from strongroom.providers.errors import DiskUnreadable, SourceInvalid
from strongroom.providers.images.formats import ImageFormat
from strongroom.providers.images.names import DEFINITION_FILE, is_text, shown

_KEYS = ("name", "cloud_service", "region", "os", "disks")
_DISK_KEYS = ("file", "format", "include")
_MAX_BYTES = 1 << 20
_MAX_WORDS = 255


@dataclass(frozen=True, slots=True)
class StatedDisk:
    """One entry of ``disks``: a file name alone, or a table."""

    file: str
    format: ImageFormat | None = None
    include: bool = True


@dataclass(frozen=True, slots=True)
class StatedMachine:
    """What the operator wrote; an empty string where nothing is said."""

    name: str = ""
    cloud_service: str = ""
    region: str = ""
    operating_system: str = ""
    disks: tuple[StatedDisk, ...] = ()


def read_definition(folder: Path) -> StatedMachine:
    """The machine's ``strongroom.toml``, or an empty statement where there is none; ``SourceInvalid`` names the line that is wrong."""
    path = folder / DEFINITION_FILE
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return StatedMachine()
    except OSError as error:
        raise DiskUnreadable(f"{shown(str(path))} cannot be read", cause=error.strerror or str(error)) from error
    if len(data) > _MAX_BYTES:
        raise _invalid(path, f"it is longer than {_MAX_BYTES} bytes")
    try:
        text = data.decode()
        return _Statement(path, text, tomllib.loads(text)).machine()
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _invalid(path, str(error)) from error


def write_definition(machine: StatedMachine) -> str:
    """The text of a ``strongroom.toml`` that says ``machine``."""
    document = tomlkit.document()
    words = {"name": machine.name, "cloud_service": machine.cloud_service, "region": machine.region, "os": machine.operating_system}
    for key, value in words.items():
        if value:
            document[key] = value
    disks = tomlkit.aot()
    for disk in machine.disks:
        table = tomlkit.table()
        table["file"] = disk.file
        if disk.format is not None:
            table["format"] = disk.format.value
        if not disk.include:
            table["include"] = False
        disks.append(table)
    if machine.disks:
        document["disks"] = disks
    return tomlkit.dumps(document)


class _Statement:
    """One file being checked; every complaint carries its line."""

    def __init__(self, path: Path, text: str, values: Mapping[str, Any]) -> None:
        self._path = path
        self._text = text
        self._values = values

    def machine(self) -> StatedMachine:
        self._known_only(self._values, _KEYS)
        return StatedMachine(
            name=self._word("name"),
            cloud_service=self._word("cloud_service"),
            region=self._word("region"),
            operating_system=self._word("os"),
            disks=self._disks(),
        )

    def _word(self, key: str) -> str:
        value = self._values.get(key, "")
        if not isinstance(value, str) or len(value) > _MAX_WORDS or not is_text(value):
            raise self._wrong(key, f"{key} must be text of at most {_MAX_WORDS} characters")
        return value.strip()

    def _disks(self) -> tuple[StatedDisk, ...]:
        entries = self._values.get("disks", [])
        if not isinstance(entries, list):
            raise self._wrong("disks", "disks must be a list of file names or tables")
        disks = tuple(self._disk(entry) for entry in entries)
        names = [disk.file for disk in disks]
        for name in names:
            if names.count(name) > 1:
                raise self._wrong("disks", f"disks names {name!r} twice")
        return disks

    def _disk(self, entry: object) -> StatedDisk:
        table: Mapping[str, Any] = {"file": entry} if isinstance(entry, str) else entry if isinstance(entry, dict) else {}
        self._known_only(table, _DISK_KEYS)
        file, include = table.get("file"), table.get("include", True)
        if not isinstance(file, str) or not file or "/" in file or file.startswith("."):
            raise self._wrong("disks", f"a disk's file must be the name of a visible file in the machine's folder, not {file!r}")
        if not isinstance(include, bool):
            raise self._wrong("include", "include must be true or false")
        return StatedDisk(file, self._format(table), include)

    def _format(self, table: Mapping[str, Any]) -> ImageFormat | None:
        value = table.get("format")
        if value is None:
            return None
        try:
            return ImageFormat(value)
        except ValueError as error:
            raise self._wrong("format", f'format must be "raw" or "qcow2", not {value!r}') from error

    def _known_only(self, table: Mapping[str, Any], known: Sequence[str]) -> None:
        for key in table:
            if key not in known:
                raise self._wrong(key, f"{key!r} is not a key here; known are {', '.join(known)}")

    def _wrong(self, key: str, cause: str) -> SourceInvalid:
        # The parser keeps no positions, but a key can only stand at the start of a line, in a heading, or in an inline table.
        found = re.search(rf"(?m)(?:^|[\[{{,])\s*[\"']?{re.escape(key)}[\"']?\s*[=.\]]", self._text)
        if found is None:
            return _invalid(self._path, cause)
        start = found.start() + len(found[0]) - len(found[0].lstrip("\n"))
        return _invalid(self._path, f"line {self._text.count(chr(10), 0, start) + 1}: {cause}")


def _invalid(path: Path, cause: str) -> SourceInvalid:
    return SourceInvalid(
        f"{shown(str(path))} cannot be understood", cause=cause, action="Correct the file, then discover the source again."
    )
