"""The header of a qcow2 image (docs/interop/qcow2 of QEMU): everything that decides whether and how it can be read."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.providers.errors import DiskFormatUnsupported, DiskUnreadable
from strongroom.providers.images.image_file import ImageFile

MAGIC = b"QFI\xfb"
_V2 = struct.Struct(">4sIQIIQIIQQIIQ")
_V3 = struct.Struct(">QQQII")
_VERSION_2, _VERSION_3 = 2, 3
_MIN_CLUSTER_BITS, _MAX_CLUSTER_BITS = 9, 21
_MIN_EXTENDED_CLUSTER_BITS = 14
_MAX_L1_BYTES = 32 << 20
_MAX_DISK_BYTES = 1 << 62
_MAX_BACKING_NAME_BYTES = 1023
_MAX_HEADER_BYTES = 1 << 16

_DIRTY, _CORRUPT, _DATA_FILE, _COMPRESSION, _EXTENDED_L2 = (1 << bit for bit in range(5))
# A dirty image has stale reference counts only; its tables, which reading uses, are right.
_READABLE = _DIRTY | _COMPRESSION | _EXTENDED_L2
_KNOWN_NAMES = {1: "corrupt", 2: "external data file"}
_END, _BACKING_FORMAT, _FEATURE_NAMES = 0, 0xE2792ACA, 0x6803F857
_ENCRYPTION = {1: "AES encryption", 2: "LUKS encryption"}
_DEFLATE, _ZSTD = 0, 1


@dataclass(frozen=True, slots=True)
class Qcow2Header:
    """The checked header; sizes in bytes."""

    size_bytes: int
    cluster_bits: int
    l1_offset: int
    l1_entries: int
    zstd: bool
    extended_l2: bool
    backing_name: str
    backing_format: str

    @property
    def cluster_bytes(self) -> int:
        return 1 << self.cluster_bits

    @property
    def l2_entries(self) -> int:
        """Entries of one level-2 table."""
        return self.cluster_bytes // (16 if self.extended_l2 else 8)

    @property
    def l2_span_bytes(self) -> int:
        """How much of the disk one level-2 table describes."""
        return self.l2_entries * self.cluster_bytes


def read_header(file: ImageFile) -> Qcow2Header:
    """Parse and check; ``DiskFormatUnsupported`` names a feature that we cannot read, ``DiskUnreadable`` damage."""
    data = file.read(0, _MAX_HEADER_BYTES)
    if len(data) < _V2.size or data[:4] != MAGIC:
        raise damaged(file, "it does not start with a qcow2 header")
    magic_and_rest = _V2.unpack_from(data)
    version, backing_at, backing_bytes, cluster_bits, size_bytes, crypt, l1_entries, l1_offset = magic_and_rest[1:9]
    if version not in (_VERSION_2, _VERSION_3):
        raise unsupported(file, f"qcow2 version {version}")
    if crypt:
        raise unsupported(file, _ENCRYPTION.get(crypt, f"encryption method {crypt}"))
    incompatible, header_bytes = 0, _V2.size
    if version == _VERSION_3:
        if len(data) < _V2.size + _V3.size:
            raise damaged(file, "its header is cut off")
        incompatible, _, _, _, header_bytes = _V3.unpack_from(data, _V2.size)
    extensions = dict(_extensions(data[: 1 << min(max(cluster_bits, 9), 16)], header_bytes, backing_at))
    _check_features(file, incompatible, extensions.get(_FEATURE_NAMES, b""))
    header = Qcow2Header(
        size_bytes=size_bytes,
        cluster_bits=cluster_bits,
        l1_offset=l1_offset,
        l1_entries=l1_entries,
        zstd=_uses_zstd(file, data, incompatible, header_bytes),
        extended_l2=bool(incompatible & _EXTENDED_L2),
        backing_name=_backing_name(file, data, backing_at, backing_bytes),
        backing_format=extensions.get(_BACKING_FORMAT, b"").decode("ascii", "replace").strip("\0").lower(),
    )
    _check_geometry(file, header)
    return header


def damaged(file: ImageFile, cause: str) -> DiskUnreadable:
    """The error for a qcow2 file that contradicts itself."""
    return DiskUnreadable(f"{file.name} is damaged", cause=cause, action=f"Look at it with: qemu-img check {file.name}")


def unsupported(file: ImageFile, feature: str) -> DiskFormatUnsupported:
    """The error for a feature that we cannot read."""
    return DiskFormatUnsupported(
        f"{file.name} uses a feature that cannot be read: {feature}",
        cause="Strongroom reads raw images and qcow2 versions 2 and 3 without encryption and without an external data file",
        action=f"Convert it: qemu-img convert -O qcow2 {file.name} NEW.qcow2 (or exclude the disk in strongroom.toml)",
    )


def _check_features(file: ImageFile, incompatible: int, names: bytes) -> None:
    if incompatible & _CORRUPT:
        raise damaged(file, "QEMU marked it as corrupt")
    unknown = incompatible & ~_READABLE
    if unknown:
        bits = [bit for bit in range(64) if unknown >> bit & 1]
        raise unsupported(file, ", ".join(_feature_name(names, bit) for bit in bits))


def _feature_name(table: bytes, bit: int) -> str:
    if bit in _KNOWN_NAMES:
        return _KNOWN_NAMES[bit]
    for at in range(0, len(table) - 47, 48):
        if table[at] == 0 and table[at + 1] == bit:
            name = table[at + 2 : at + 48].rstrip(b"\0").decode("ascii", "replace")
            return f"{name!r} (incompatible feature bit {bit})"
    return f"incompatible feature bit {bit}"


def _extensions(data: bytes, start: int, backing_at: int) -> Iterator[tuple[int, bytes]]:
    end = min(backing_at, len(data)) if backing_at else len(data)
    at = start
    while at + 8 <= end:
        kind, length = struct.unpack_from(">II", data, at)
        if kind == _END or at + 8 + length > end:
            return
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + (length + 7 & ~7)


def _uses_zstd(file: ImageFile, data: bytes, incompatible: int, header_bytes: int) -> bool:
    place = _V2.size + _V3.size
    kind = data[place] if incompatible & _COMPRESSION and header_bytes > place and len(data) > place else _DEFLATE
    if kind not in (_DEFLATE, _ZSTD):
        raise unsupported(file, f"compression type {kind}")
    return kind == _ZSTD


def _backing_name(file: ImageFile, data: bytes, at: int, length: int) -> str:
    if not at or not length:
        return ""
    if length > _MAX_BACKING_NAME_BYTES or at + length > len(data):
        raise damaged(file, "the name of its backing file is out of bounds")
    return os.fsdecode(data[at : at + length])


def _check_geometry(file: ImageFile, header: Qcow2Header) -> None:
    lowest = _MIN_EXTENDED_CLUSTER_BITS if header.extended_l2 else _MIN_CLUSTER_BITS
    if not lowest <= header.cluster_bits <= _MAX_CLUSTER_BITS:
        raise damaged(file, f"its clusters of 2^{header.cluster_bits} bytes are out of bounds")
    if header.size_bytes > _MAX_DISK_BYTES:
        raise damaged(file, f"its disk of {header.size_bytes} bytes is out of bounds")
    needed = -(-header.size_bytes // header.l2_span_bytes)
    if header.l1_entries < needed or needed * 8 > _MAX_L1_BYTES:
        raise damaged(file, f"its level-1 table of {header.l1_entries} entries does not fit a disk of {header.size_bytes} bytes")
    if needed and (header.l1_offset % header.cluster_bytes or header.l1_offset + needed * 8 > file.size_bytes):
        raise damaged(file, "its level-1 table is out of bounds")
