"""Loss of power, simulated: what was not synced may be gone, in any combination (invariant 2).

``PowerLossFiles`` stands between a real ``LocalStore`` and a real folder and remembers what has been promised durable: a file's bytes by
``sync``, a folder's names by ``sync_folder``. ``lose_power`` then takes back what was not, as a file system that keeps to POSIX and to
nothing more is allowed to do.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from strongroom.repository.store.base import Buffer
from strongroom.repository.store.files import Files
from strongroom.repository.store.local import LocalStore


@dataclass(frozen=True, slots=True)
class _Change:
    """A name that was added to or taken from a folder and is not durable yet; ``undo`` brings the folder back."""

    folder: Path
    undo: Callable[[], None]


class PowerLossFiles(Files):
    """System calls on real files with a memory of what is not durable.

    ``stop_at`` makes the n-th changing call (counted from 1) and all later ones raise ``PowerLost``; ``forget_sync`` makes it a disk
    that lies about files, to prove that the tests would notice.
    """

    def __init__(self, graveyard: Path, *, stop_at: int = 0, forget_sync: bool = False) -> None:
        self.calls: list[str] = []
        self._graveyard = graveyard
        self._stop_at = stop_at
        self._forget_sync = forget_sync
        self._unsynced: set[int] = set()  # inodes
        self._changes: list[_Change] = []
        self._guard = threading.RLock()
        graveyard.mkdir(parents=True, exist_ok=True)

    def _step(self, name: str) -> None:
        self.calls.append(name)
        if self._stop_at and len(self.calls) >= self._stop_at:
            raise PowerLost(f"at call {len(self.calls)}, {name}")

    def create(self, path: Path) -> int:
        with self._guard:
            self._step("create")
            descriptor = super().create(path)
            self._unsynced.add(os.fstat(descriptor).st_ino)
            self._added(path)
            return descriptor

    def write(self, descriptor: int, data: Buffer) -> None:
        with self._guard:
            self._step("write")
            self._unsynced.add(os.fstat(descriptor).st_ino)
            super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        with self._guard:
            self._step("sync")
            if not self._forget_sync:
                self._unsynced.discard(os.fstat(descriptor).st_ino)

    def link(self, source: Path, target: Path) -> None:
        with self._guard:
            self._step("link")
            super().link(source, target)
            self._added(target)

    def replace(self, source: Path, target: Path) -> None:
        with self._guard:
            self._step("replace")
            if target.exists():
                self._removed(target)
            self._removed(source)
            super().replace(source, target)
            self._added(target)

    def unlink(self, path: Path) -> None:
        with self._guard:
            self._step("unlink")
            self._removed(path)
            super().unlink(path)

    def make_folder(self, path: Path) -> None:
        with self._guard:
            self._step("make_folder")
            super().make_folder(path)
            self._changes.append(_Change(path.parent, lambda: shutil.rmtree(path, ignore_errors=True)))

    def sync_folder(self, path: Path) -> None:
        with self._guard:
            self._step("sync_folder")
            self._changes = [change for change in self._changes if change.folder != path]

    def _added(self, path: Path) -> None:
        self._changes.append(_Change(path.parent, lambda: path.unlink(missing_ok=True)))

    def _removed(self, path: Path) -> None:
        """Keep the bytes reachable: an unsynced removal may turn out not to have happened."""
        kept = self._graveyard / f"{len(self.calls)}-{path.name}"
        os.link(path, kept)

        def undo() -> None:
            if path.parent.is_dir() and not path.exists():
                os.link(kept, path)

        self._changes.append(_Change(path.parent, undo))

    def lose_power(self, root: Path, choice: random.Random | None = None) -> None:
        """Leave in ``root`` what a reboot may find: without ``choice`` the worst (all that is not durable is undone), else any part of it."""
        for change in reversed(self._changes):
            if choice is None or choice.getrandbits(1):
                change.undo()
        for path in root.rglob("*"):
            if path.is_file() and path.stat().st_ino in self._unsynced:
                size_bytes = path.stat().st_size
                os.truncate(path, 0 if choice is None else choice.randint(0, size_bytes))
        self._changes.clear()
        self._unsynced.clear()


class PowerLost(BaseException):
    """The machine is off: no handler of ours may go on."""


class PowerLossStore(LocalStore):
    """A real ``LocalStore`` on a disk that forgets; ``lose_power`` gives the store as it is found after the reboot."""

    def __init__(self, root: Path, graveyard: Path, *, stop_at: int = 0, forget_sync: bool = False) -> None:
        self.disk = PowerLossFiles(graveyard, stop_at=stop_at, forget_sync=forget_sync)
        super().__init__(root, files=self.disk)

    def lose_power(self, choice: random.Random | None = None) -> LocalStore:
        """The same folder after a reboot, opened by an ordinary store."""
        self.disk.lose_power(self.root, choice)
        return LocalStore(self.root)
