"""Qcow2 files put together by hand, right or wrong, without any code of the product."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

CLUSTER = 65536
L1_AT = CLUSTER
FIRST_L2_AT = 2 * CLUSTER


@dataclass
class Qcow2File:
    """One level-2 table, its clusters behind it; every field of the header may lie."""

    size_bytes: int
    version: int = 3
    backing: bytes = b""
    backing_format: bytes = b""
    crypt: int = 0
    incompatible: int = 0
    compression: int = 0
    cluster_bits: int = 16
    l1_entries: int | None = None
    l1_offset: int = L1_AT
    l1_entry: int | None = None
    stated_size: int | None = None
    backing_at: int | None = None
    backing_length: int | None = None
    feature_names: list[tuple[int, bytes]] = field(default_factory=list)
    entries: dict[int, int] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)

    def store(self, cluster: int, content: bytes) -> None:
        self.entries[cluster] = self._append(content.ljust(CLUSTER, b"\0")) | 1 << 63

    def zero(self, cluster: int) -> None:
        self.entries[cluster] = 1

    def pack(self, cluster: int, packed: bytes) -> None:
        place = self._append(packed + b"\xee" * CLUSTER)
        sectors = (len(packed) + 511) // 512 - 1
        self.entries[cluster] = 1 << 62 | sectors << (62 - 8) | place

    def write(self, path: Path) -> None:
        path.write_bytes(self.bytes())

    def bytes(self) -> bytes:
        image = bytearray(max(self._end(), FIRST_L2_AT + CLUSTER))
        header = self._header()
        image[: len(header)] = header
        entry = self.l1_entry if self.l1_entry is not None else (FIRST_L2_AT | 1 << 63 if self.entries else 0)
        struct.pack_into(">Q", image, L1_AT, entry)
        for cluster, value in self.entries.items():
            struct.pack_into(">Q", image, FIRST_L2_AT + 8 * cluster, value)
        image[FIRST_L2_AT + CLUSTER : FIRST_L2_AT + CLUSTER + len(self.data)] = self.data
        return bytes(image)

    def _header(self) -> bytes:
        needed = max(1, -(-self.size_bytes // (8192 * CLUSTER)))
        extensions = b""
        if self.backing_format:
            extensions += _extension(0xE2792ACA, self.backing_format)
        if self.feature_names:
            extensions += _extension(0x6803F857, b"".join(struct.pack(">BB46s", 0, bit, name) for bit, name in self.feature_names))
        extensions += bytes(8)
        length = 72 if self.version == 2 else 112
        at = self.backing_at if self.backing_at is not None else (length + len(extensions) if self.backing else 0)
        header = struct.pack(
            ">4sIQIIQIIQQIIQ",
            *(b"QFI\xfb", self.version, at, self.backing_length or len(self.backing), self.cluster_bits),
            *(self.stated_size if self.stated_size is not None else self.size_bytes, self.crypt),
            *(self.l1_entries if self.l1_entries is not None else needed, self.l1_offset, 0, 0, 0, 0),
        )
        if self.version != 2:
            header += struct.pack(">QQQIIB7x", self.incompatible, 0, 0, 4, length, self.compression)
        return header + extensions + self.backing

    def _append(self, content: bytes) -> int:
        place = FIRST_L2_AT + CLUSTER + len(self.data)
        self.data += content
        return place

    def _end(self) -> int:
        return FIRST_L2_AT + CLUSTER + len(self.data)


def _extension(kind: int, content: bytes) -> bytes:
    return struct.pack(">II", kind, len(content)) + content.ljust(-(-len(content) // 8) * 8, b"\0")
