"""Which files are disk images, and of which format."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePath

from strongroom.providers.errors import DiskFormatUnsupported
from strongroom.providers.images.names import shown
from strongroom.providers.images.qcow2_header import MAGIC


class ImageFormat(StrEnum):
    RAW = "raw"
    QCOW2 = "qcow2"


# A name that states its format is believed. Raw content is the guest's: looking into it would let a guest choose how it is read.
_STATED = {".raw": ImageFormat.RAW, ".qcow2": ImageFormat.QCOW2, ".qcow": ImageFormat.QCOW2}
_UNSTATED = ".img"
_FOREIGN = {".vmdk": "VMDK", ".vdi": "VDI", ".vhd": "VHD", ".vhdx": "VHDX", ".qed": "QED"}


def is_image_name(name: str) -> bool:
    """Whether a file of this name is taken for a disk: .raw .img .qcow2 .qcow, and the formats that are refused by name."""
    suffix = _suffix(name)
    return suffix in _STATED or suffix == _UNSTATED or suffix in _FOREIGN


def stated_format(name: str) -> ImageFormat | None:
    """The format that the name states, or None where the content must tell; ``DiskFormatUnsupported`` for a foreign one."""
    suffix = _suffix(name)
    if suffix in _FOREIGN:
        raise DiskFormatUnsupported(
            f"{shown(name)} is a {_FOREIGN[suffix]} image, which cannot be read",
            action=f"Convert it: qemu-img convert -O qcow2 {shown(name)} NEW.qcow2 (or exclude the disk in strongroom.toml)",
        )
    return _STATED.get(suffix)


def probed_format(head: bytes) -> ImageFormat:
    """The format by the first bytes of the file: qcow2 by its magic, else raw."""
    return ImageFormat.QCOW2 if head.startswith(MAGIC) else ImageFormat.RAW


def file_name_for(disk_id: str, wanted: ImageFormat) -> str:
    """A file name for a restored disk that does not contradict its format: ``vda`` becomes ``vda.qcow2``, ``root.img`` stays."""
    name = disk_id.replace("/", "_")
    suffix = _suffix(name)
    return name if suffix == _UNSTATED or _STATED.get(suffix) is wanted else f"{name}.{wanted.value}"


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()
