"""A recovery point as the repository keeps it: the manifest, whose existence at the commit key is the commit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import zstandard

from strongroom.repository.errors import ObjectDamaged

_LEVEL: Final = 3


@dataclass(frozen=True, slots=True)
class DiskRecord:
    """One disk of a recovery point.

    ``root`` is the tree's root in hexadecimal, empty for a disk of 0 bytes; ``tracking`` is the provider's own record; ``mode`` and ``reason``
    say how the disk was read and why; ``used_bytes`` is what does not read as zero, ``new_bytes`` plain and ``stored_bytes`` as stored.
    """

    id: str
    size_bytes: int
    format: str
    root: str
    tracking: Mapping[str, Any]
    mode: str
    reason: str
    used_bytes: int = 0
    read_bytes: int = 0
    new_bytes: int = 0
    stored_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """One committed recovery point of one machine.

    ``packs`` are those that this backup wrote, ``tips`` the newest seq known of some other machines by tag (at most 16), ``facts`` is the engine's
    own JSON, given back verbatim. Times are RFC 3339 in UTC.
    """

    commit_key: str
    machine_id: str
    seq: int
    session_id: str
    taken_at: str
    committed_at: str
    disks: tuple[DiskRecord, ...]
    packs: tuple[str, ...] = ()
    tips: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def disk(self, disk_id: str) -> DiskRecord | None:
        """The disk of that id, if the point has it."""
        return next((disk for disk in self.disks if disk.id == disk_id), None)

    def encode(self) -> bytes:
        """The payload of the sealed object: JSON, compressed."""
        text = json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))
        return zstandard.ZstdCompressor(level=_LEVEL).compress(text.encode("utf-8", "surrogatepass"))

    @classmethod
    def decode(cls, object_key: str, payload: bytes) -> Manifest:
        """The manifest in an unsealed payload; ``ObjectDamaged`` if it names another place than ``object_key``."""
        try:
            fields = json.loads(zstandard.ZstdDecompressor().decompress(payload).decode("utf-8", "surrogatepass"))
            disks = tuple(DiskRecord(**disk) for disk in fields.pop("disks"))
            manifest = cls(disks=disks, packs=tuple(fields.pop("packs")), **fields)
        except (ValueError, KeyError, TypeError, zstandard.ZstdError) as error:
            raise ObjectDamaged(f"Object {object_key} is no manifest", cause=str(error)) from None
        if manifest.commit_key != object_key:
            raise ObjectDamaged(f"Object {object_key} is the manifest of {manifest.commit_key}", cause="objects were swapped")
        return manifest
