"""What a file looked like when it was read: the proof, next time, that nobody wrote to it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from strongroom.domain.plan import Tracking, TrackingFacts

TRACKING_KIND = "image-stamps-1"
# A file system may keep times in steps of up to two seconds: a write in the step of an earlier read leaves no trace.
SETTLED_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class FileStamp:
    """One file of an image at one moment; times in nanoseconds since 1970 as the file system keeps them."""

    path: str
    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, path: str, facts: os.stat_result) -> FileStamp:
        return cls(path, facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)

    @property
    def newest_ns(self) -> int:
        return max(self.mtime_ns, self.ctime_ns)

    def difference(self, other: FileStamp) -> str:
        """What differs between the same file's two stamps, in words; empty if nothing does."""
        if (self.device, self.inode) != (other.device, other.inode):
            return "was replaced by another file"
        if self.size_bytes != other.size_bytes:
            return f"changed its size from {self.size_bytes} to {other.size_bytes} bytes"
        if self.mtime_ns != other.mtime_ns:
            return "was written"
        return "changed" if self.ctime_ns != other.ctime_ns else ""


def record(files: Sequence[FileStamp], *, started_at_ns: int, local: bool) -> Tracking:
    """The tracking record of a disk whose read began at ``started_at_ns`` and whose chain of files is ``files``, top first."""
    return {"kind": TRACKING_KIND, "started_at_ns": started_at_ns, "local": local, "files": [asdict(stamp) for stamp in files]}


def compare(previous: Tracking, now: Sequence[FileStamp], *, local: bool) -> TrackingFacts:
    """Whether the files are those of ``previous``, unwritten since its read began. Only «unchanged» is ever proved: images keep no change map."""
    try:
        then = _files(previous)
        started_at_ns = int(previous["started_at_ns"])
    except (KeyError, TypeError, ValueError):
        return TrackingFacts(reason="the parent was not read from a folder of images")
    if not (local and previous.get("local") is True):
        return TrackingFacts(reason="the image is not on a local file system, so its times prove nothing")
    if len(then) != len(now):
        return TrackingFacts(reason="the image has another number of backing files than at the last backup")
    for before, after in zip(then, now, strict=True):
        difference = before.difference(after)
        if difference:
            return TrackingFacts(reason=f"{os.path.basename(after.path)} {difference} since the last backup")  # noqa: PTH119  (any string)
        if after.newest_ns > started_at_ns - SETTLED_NS:
            return TrackingFacts(reason="the image was written less than 2 s before the last backup read it")
    return TrackingFacts(unchanged=True, reason="no file of the image changed since it was last read")


def _files(tracking: Mapping[str, Any]) -> list[FileStamp]:
    if tracking["kind"] != TRACKING_KIND:
        raise ValueError(tracking["kind"])
    return [FileStamp(**file) for file in tracking["files"]]
