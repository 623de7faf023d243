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
        self._known = Run(0, 0, RunKind.ZERO)

    def runs(self, offset: int, length: int, *, reading: bool = False) -> Iterator[Run]:
        """Data and holes as the file system tells them; one that knows no holes says that everything is data."""
        end = offset + length
        if reading and length:
            yield Run(offset, length, RunKind.STORED, offset)
            return
        while offset < end:
            known = self._around(offset)
            stop = min(known.end, end)
            yield Run(offset, stop - offset, known.kind, offset)
            offset = stop

    def read_run(self, run: Run, view: memoryview) -> None:
        self.file.read_into(run.at, view)

    def _around(self, offset: int) -> Run:
        """What is known from ``offset`` on, from the last answer if it reaches so far.

        A file system may have to walk far to find the next hole, and an overlay asks for every gap between its own clusters.
        """
        known = self._known
        if not known.offset <= offset < known.end:
            self._known = known = self._look(offset)
        return known

    def _look(self, offset: int) -> Run:
        data = self.file.seek(offset, os.SEEK_DATA)
        data = self.size_bytes if data is None else min(data, self.size_bytes)
        if data > offset:
            return Run(offset, data - offset, RunKind.ZERO)
        hole = self.file.seek(offset, os.SEEK_HOLE)
        hole = self.size_bytes if hole is None else min(max(hole, offset + 1), self.size_bytes)
        return Run(offset, hole - offset, RunKind.STORED)
