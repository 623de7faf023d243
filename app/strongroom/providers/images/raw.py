"""Raw images: the file is the disk, and its holes are zeros."""

from __future__ import annotations

import os
from collections.abc import Iterator

from strongroom.providers.images.image_file import ImageFile
from strongroom.providers.images.layers import Run, RunKind


class RawLayer:
    """A raw image; any size in bytes."""

    def __init__(self, file: ImageFile) -> None:
        self.file = file
        self.size_bytes = file.size_bytes

    def runs(self, offset: int, length: int) -> Iterator[Run]:
        """Data and holes as the file system tells them; one that knows no holes says that everything is data."""
        at, end = offset, offset + length
        while at < end:
            data = self.file.seek(at, os.SEEK_DATA)
            data = end if data is None else min(max(data, at), end)
            if data > at:
                yield Run(at, data - at, RunKind.ZERO)
                at = data
                continue
            hole = self.file.seek(at, os.SEEK_HOLE)
            hole = end if hole is None else min(max(hole, at + 1), end)
            yield Run(at, hole - at, RunKind.STORED, at)
            at = hole

    def read_run(self, run: Run, view: memoryview) -> None:
        self.file.read_into(run.at, view)
