"""A restore under construction: built in a hidden folder, durable, then visible at once or gone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from strongroom.providers.base import DiskTarget, Restored, RestoreRequest
from strongroom.providers.errors import MachineInUse, TargetExists
from strongroom.providers.images import away, locks, swap
from strongroom.providers.images.definition import write_definition
from strongroom.providers.images.filesystem import sync_folder
from strongroom.providers.images.formats import ImageFormat
from strongroom.providers.images.names import DEFINITION_FILE, shown
from strongroom.providers.images.qcow2_writer import Qcow2Target
from strongroom.providers.images.route import Route, RouteDisk, route_of
from strongroom.providers.images.targets import NewFile, RawTarget, Target, writing
from strongroom.providers.images.tidy import tidy


class ImageRestore:
    """See ``RestoreSession``."""

    def __init__(self, route: Route, name: str, targets: Mapping[str, Target]) -> None:
        self._name = name
        self._route = route
        self._targets = targets
        self.disks: Mapping[str, DiskTarget] = targets

    def publish(self) -> Restored:
        """Make everything durable, then visible; ``TargetFull``, ``TargetExists``, or ``MachineInUse`` if the old machine was started."""
        route = self._route
        for target in self._targets.values():
            target.finish()
            target.close()
        if route.stated is not None:
            _write_text(route.build_folder / DEFINITION_FILE, write_definition(route.stated))
        with writing(route.folder):
            if route.whole_folder:
                self._publish_folder()
            else:
                self._publish_files()
        return Restored(
            native_id=route.native_id,
            name=self._name or Path(route.native_id).name,
            paths={disk.disk.id: str(route.folder / disk.file_name) for disk in route.disks},
            kept_aside=tuple(str(route.folder / route.kept_name / name) for name in route.keep),
        )

    def _publish_files(self) -> None:
        route = self._route
        refuse_writers(route.folder, route.keep)
        swap.write_journal(route.build_folder, place=[disk.file_name for disk in route.disks], keep=route.keep, kept_name=route.kept_name)
        swap.carry_out(route.build_folder)

    def _publish_folder(self) -> None:
        folder = self._route.folder
        sync_folder(self._route.build_folder)
        if os.path.lexists(folder):
            raise TargetExists(f"{shown(str(folder))} is there already")
        try:
            # A folder that appears in this very moment stops the rename, unless it is empty: then nothing is lost.
            self._route.build_folder.rename(folder)
        except OSError as error:
            if not os.path.lexists(folder):
                raise
            raise TargetExists(f"{shown(str(folder))} is there already") from error
        sync_folder(folder.parent)


@contextmanager
def restore(source: Path, region: str, request: RestoreRequest) -> Iterator[ImageRestore]:
    """Make room for ``request``; leaving without ``publish`` removes everything again, folders made on the way included."""
    # An earlier attempt of the same job may have left something, even a swap half done: settle it before looking at what is there.
    tidy(source, lambda job_id: job_id != request.job_id)
    route = route_of(source, region, request)
    refuse_writers(route.folder, route.keep)
    with ExitStack() as undo:
        for folder in _make_parents(route.build_folder.parent):
            undo.callback(_remove_if_empty, folder)
        _make_build_folder(route.build_folder)
        undo.callback(_remove_unpublished, route.build_folder)
        undo.enter_context(away.noted(source, route.build_folder))
        targets: dict[str, Target] = {}
        for disk in route.disks:
            targets[disk.disk.id] = target = _target(route.build_folder, disk)
            undo.callback(target.close)
        yield ImageRestore(route, request.name, targets)


def refuse_writers(folder: Path, names: Iterable[str]) -> None:
    """``MachineInUse`` if a program holds one of the files for writing."""
    for name in names:
        try:
            fd = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            continue  # a file that cannot be opened can still be kept aside
        try:
            holder = locks.writer(fd)
        finally:
            os.close(fd)
        if holder:
            raise MachineInUse(
                f"{shown(str(folder / name))} is in use and cannot be replaced",
                cause=holder,
                action="Shut the machine down, or restore it as a new machine.",
            )


def _target(build: Path, disk: RouteDisk) -> Target:
    make = Qcow2Target if disk.format is ImageFormat.QCOW2 else RawTarget
    return make(build / disk.file_name, disk.disk.size_bytes)


def _make_parents(folder: Path) -> list[Path]:
    """Make ``folder`` and what is missing above it; returns what was made, outermost first."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    for part in reversed(missing):
        with writing(part):
            part.mkdir(exist_ok=True)
            sync_folder(part.parent)
    return missing[::-1]


def _make_build_folder(build: Path) -> None:
    with writing(build):
        if build.exists():  # elsewhere, and its note was lost
            shutil.rmtree(build)
        build.mkdir(mode=0o755)


def _remove_unpublished(build: Path) -> None:
    if build.exists() and not swap.is_decided(build):
        shutil.rmtree(build)
        sync_folder(build.parent)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _write_text(path: Path, text: str) -> None:
    file = NewFile(path)
    try:
        file.write(0, memoryview(text.encode()))
        file.sync()
    finally:
        file.close()
