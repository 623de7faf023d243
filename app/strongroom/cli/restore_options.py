"""Words of the command line for where a restore goes and what it must be."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from strongroom.domain.states import Consistency

if TYPE_CHECKING:
    from strongroom.providers.base import Placement


class Place(StrEnum):
    """Where a restore goes, as one word."""

    NEW_MACHINE = "new-machine"
    ORIGINAL = "original"
    DISKS = "disks"

    @property
    def placement(self) -> Placement:
        """The same, as providers know it."""
        from strongroom.providers.base import Placement

        return Placement[self.name]


class Level(StrEnum):
    """A consistency level, as one short word."""

    CRASH = "crash"
    FILE_SYSTEM = "file-system"
    APPLICATION = "application"

    @property
    def level(self) -> Consistency:
        """The same, as points know it."""
        return Consistency[self.name]


class DiskFormat(StrEnum):
    """Formats in which disks can be restored."""

    RAW = "raw"
    QCOW2 = "qcow2"
