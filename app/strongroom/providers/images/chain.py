"""A disk as its chain of files: the image on top, its backing files below."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from strongroom.domain.disk import Extent, ExtentKind
from strongroom.providers.errors import DiskFormatUnsupported, DiskUnreadable, MachineVanished
from strongroom.providers.images.formats import ImageFormat, probed_format
from strongroom.providers.images.image_file import ImageFile, fill_zero
from strongroom.providers.images.layers import Layer, Run, RunKind
from strongroom.providers.images.names import shown
from strongroom.providers.images.qcow2 import Qcow2Layer
from strongroom.providers.images.raw import RawLayer

MAX_FILES = 100
# A protocol (nbd:, json:, https:) stands before the first slash; file: is a path all the same.
_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class DiskChain:
    """A readable disk. ``layers`` run from the image on top to its last backing file. Reads are thread-safe."""

    def __init__(self, layers: tuple[Layer, ...], image_format: ImageFormat) -> None:
        self.layers = layers
        self.format = image_format
        self.size_bytes = layers[0].size_bytes

    @property
    def files(self) -> tuple[ImageFile, ...]:
        return tuple(layer.file for layer in self.layers)

    @property
    def used_bytes(self) -> int:
        """What the chain takes on disk, at most the disk's size."""
        return min(self.size_bytes, sum(file.allocated_bytes for file in self.files))

    def extents(self) -> Iterator[Extent]:
        """The whole disk in order, DATA and ZERO; an ordered walk that holds no list, whatever the size."""
        for _, run in self._resolved(0, 0, self.size_bytes):
            yield Extent(run.offset, run.length, ExtentKind.ZERO if run.kind is RunKind.ZERO else ExtentKind.DATA)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from ``offset`` of the disk, the whole view or an error."""
        if offset < 0 or offset + len(view) > self.size_bytes:
            raise DiskUnreadable(f"{self.files[0].name} has no bytes {offset}+{len(view)}", cause=f"the disk has {self.size_bytes} bytes")
        flat = view.cast("B")
        for layer, run in self._resolved(0, offset, len(flat), reading=True):
            part = flat[run.offset - offset : run.end - offset]
            if run.kind is RunKind.ZERO:
                fill_zero(part)
            else:
                layer.read_run(run, part)

    def close(self) -> None:
        for file in self.files:
            file.close()

    def _resolved(self, level: int, offset: int, length: int, *, reading: bool = False) -> Iterator[tuple[Layer, Run]]:
        """The range as runs that are STORED, PACKED or ZERO, each with the layer that holds it."""
        layer = self.layers[level]
        inside = max(0, min(length, layer.size_bytes - offset))
        for run in layer.runs(offset, inside, reading=reading):
            if run.kind is not RunKind.BELOW:
                yield layer, run
            elif level + 1 < len(self.layers):
                yield from self._resolved(level + 1, run.offset, run.length, reading=reading)
            else:
                yield layer, Run(run.offset, run.length, RunKind.ZERO)
        if inside < length:  # a backing file may be shorter than its overlay: zeros follow it
            yield layer, Run(offset + inside, length - inside, RunKind.ZERO)


def open_chain(path: Path, image_format: ImageFormat | None, source: Path, *, settle: bool = False) -> DiskChain:
    """Open an image and every file below it; ``image_format`` None looks at the content; ``settle`` as in ``ImageFile``.

    Raises ``DiskUnreadable``, ``DiskFormatUnsupported`` or ``MachineVanished``. Loops are refused. A backing file may lie anywhere that we
    may read, unless the content alone says that its overlay is qcow2: then a guest may have written that name, so only files inside
    ``source`` are followed.
    """
    layers: list[Layer] = []
    seen: set[tuple[int, int]] = set()
    top_format: ImageFormat | None = None
    stated = True
    with ExitStack() as opened:
        while True:
            file = _open_file(path, layers, settle=settle)
            opened.callback(file.close)
            _refuse_loop(file, seen)
            stated = stated and image_format is not None
            actual = image_format or probed_format(file.read(0, 4))
            top_format = top_format or actual
            layer = Qcow2Layer(file) if actual is ImageFormat.QCOW2 else RawLayer(file)
            layers.append(layer)
            if not isinstance(layer, Qcow2Layer) or not layer.header.backing_name:
                break
            if len(layers) == MAX_FILES:
                raise DiskFormatUnsupported(f"{layers[0].file.name} has more than {MAX_FILES} backing files", action="Commit some of them.")
            path = _backing_path(layer, None if stated else source)
            image_format = _backing_format(layer)
        opened.pop_all()
    return DiskChain(tuple(layers), top_format)


def _open_file(path: Path, above: list[Layer], *, settle: bool) -> ImageFile:
    try:
        return ImageFile(path, settle=settle)
    except MachineVanished as error:
        if not above:
            raise
        raise DiskUnreadable(f"The backing file {shown(str(path))} of {above[-1].file.name} is not there") from error


def _refuse_loop(file: ImageFile, seen: set[tuple[int, int]]) -> None:
    if file.identity in seen:
        raise DiskUnreadable(f"{file.name} is its own backing file", cause="the chain of backing files runs in a circle")
    seen.add(file.identity)


def _backing_path(layer: Qcow2Layer, within: Path | None) -> Path:
    """The backing file's path, relative names taken from the overlay's folder; must lie in ``within`` if that is given."""
    name = layer.header.backing_name
    if "\0" in name:
        raise DiskUnreadable(f"{layer.file.name} is damaged", cause="the name of its backing file holds a NUL character")
    if name.startswith("file:"):
        name = name.removeprefix("file:")
    elif _PROTOCOL.match(name.partition("/")[0]):
        raise DiskFormatUnsupported(
            f"{layer.file.name} has a backing file that is not a file: {shown(name)}",
            action="Rebase the image on a file (qemu-img rebase).",
        )
    path = layer.file.path.parent / name
    if within is not None and not _lies_in(path, within):
        raise DiskUnreadable(
            f"{layer.file.name} names a backing file outside of its source: {shown(str(path))}",
            cause="only the image's content says that it is qcow2, so its guest may have written that name",
            action='If the image really is qcow2, say so: name it .qcow2, or give it format = "qcow2" in strongroom.toml.',
        )
    return path


def _lies_in(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return False


def _backing_format(layer: Qcow2Layer) -> ImageFormat | None:
    name = layer.header.backing_format
    if not name:
        return None
    try:
        return ImageFormat(name)
    except ValueError as error:
        raise DiskFormatUnsupported(
            f"The backing file of {layer.file.name} has the format {shown(name)}, which cannot be read",
            action="Rebase or convert the image (qemu-img).",
        ) from error
