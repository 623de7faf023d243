"""Objects as files of a local file system, published so that neither a crash nor a second writer can leave half of one.

Temporary file, sync, link without replacing, sync of the folder. A link is the publishing step because it fails when the name is
taken, which a rename does not. Temporary files are held by ``flock``, so a stale one is known without looking at a clock.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from strongroom.repository.errors import (
    ObjectExists,
    ObjectMissing,
    ObjectTruncated,
    RepositoryNotFound,
    StoreLocked,
    StoreUnreachable,
)
from strongroom.repository.store.base import Buffer, ObjectInfo, Space
from strongroom.repository.store.file_bytes import holds, read_at
from strongroom.repository.store.files import Files, UnsyncedFiles
from strongroom.repository.store.keys import TOP_FOLDERS, checked_key, folder_of_prefix
from strongroom.repository.store.temporary import remove_if_stale, temporary_file
from strongroom.repository.store.translation import translated

_ATTEMPTS = 3
_TEMPORARY = ".tmp"
_LOCKS = ".lock"


RESERVE_BYTES = 16 * 1024 * 1024  # thousands of sessions, records and tombstones
RESERVE_SHARE = 64  # but no more than this part of a small file system


class LocalStore:
    """A ``Store`` in the folder ``root``; ``fsync=False`` gives up durability (tests and labs only).

    Packs leave ``reserve_bytes`` of the file system free (by default 16 MiB, on a small one a 64th): a repository that is full for backups still has room for what a prune and a
    collection must write before they can delete (invariant 19).

    Opening it touches nothing; ``create`` makes the folders. ``StoreUnreachable`` when the folders are not there, so that an
    unmounted file system is never taken for an empty repository (invariant 6).
    """

    def __init__(self, root: Path, *, fsync: bool = True, files: Files | None = None, reserve_bytes: int | None = None) -> None:
        self.root = Path(root)
        self._reserve_bytes = reserve_bytes
        self._files = files or (Files() if fsync else UnsyncedFiles())
        self._durable_folders: set[Path] = set()

    @classmethod
    def create(cls, root: Path, *, fsync: bool = True, files: Files | None = None) -> LocalStore:
        """Make every folder that will ever be listed or filled often, durably; safe to repeat after a crash."""
        store = cls(root, fsync=fsync, files=files)
        with translated("create", str(root)):
            root.parent.mkdir(parents=True, exist_ok=True)
            packs = [f"packs/{number:02x}" for number in range(256)]
            for name in ("", *TOP_FOLDERS, _TEMPORARY, _LOCKS, *packs):
                with suppress(FileExistsError):
                    store._files.make_folder(root / name)
            for folder in (root.parent, root, root / "packs"):
                store._files.sync_folder(folder)
        return store

    # -- writing ------------------------------------------------------------------------------------------------------------------

    def put_new(self, key: str, data: Buffer | Sequence[Buffer]) -> None:
        """See ``Store``. A failed sync is retried from memory under a new name: the kernel may have dropped the dirty pages."""
        path = self._path(key)
        buffers = [data] if isinstance(data, (bytes, bytearray, memoryview)) else list(data)
        with translated("write", key):
            if key.startswith("packs/"):
                self._leave_reserve(sum(memoryview(buffer).nbytes for buffer in buffers))
            # EIO: the sync failed; ENOENT: a tidier took the temporary file before we locked it.
            _persist({errno.EIO, errno.ENOENT}, lambda: self._link(key, path, buffers))
            # Once the name was there, it is never made again: somebody may have deleted it for good meanwhile.
            _persist({errno.EIO}, lambda: self._files.sync_folder(path.parent))

    def _leave_reserve(self, size_bytes: int) -> None:
        facts = os.statvfs(self.root)
        reserve_bytes = self._reserve_bytes
        if reserve_bytes is None:
            reserve_bytes = min(RESERVE_BYTES, facts.f_blocks * facts.f_frsize // RESERVE_SHARE)
        if facts.f_bavail * facts.f_frsize < size_bytes + reserve_bytes:
            raise OSError(errno.ENOSPC, "what is left is kept for pruning and collection")

    def _link(self, key: str, path: Path, buffers: Sequence[Buffer]) -> None:
        """A synced file under its name; that the name is durable is for the caller to see to, whoever made it."""
        self._need_folder(path.parent)
        with temporary_file(self._files, self.root / _TEMPORARY, buffers) as temporary:
            try:
                self._files.link(temporary, path)
            except FileExistsError:
                if not holds(path, buffers):
                    raise ObjectExists(f"{key} exists with other content") from None

    def _need_folder(self, folder: Path) -> None:
        """Make the missing folders between the root's own and this one, each durable in its parent before it is used.

        A folder that is there may be another thread's that is not durable yet, so it is synced once by each of us all the same.
        """
        parts = folder.relative_to(self.root).parts
        if not (self.root / "".join(parts[:1])).is_dir():
            raise _not_there(self.root, "".join(parts[:1]))
        if len(parts) <= 1 or parts[0] == "packs" or folder in self._durable_folders:
            return
        self._need_folder(folder.parent)
        with suppress(FileExistsError):
            self._files.make_folder(folder)
        self._files.sync_folder(folder.parent)
        self._durable_folders.add(folder)

    def touch(self, key: str, data: Buffer) -> None:
        """See ``Store``. Not synced beyond its own bytes: a heartbeat that is lost is only a heartbeat."""
        path = self._path(key)
        with translated("touch", key):
            self._need_folder(path.parent)
            with temporary_file(self._files, self.root / _TEMPORARY, [data]) as temporary:
                self._files.replace(temporary, path)

    def delete(self, key: str) -> None:
        """See ``Store``. The folder is synced even if the name was gone: an earlier delete may have failed in its sync."""
        path = self._path(key)
        with translated("delete", key):
            with suppress(FileNotFoundError):
                self._files.unlink(path)
            if path.parent.is_dir():
                self._files.sync_folder(path.parent)
            elif not self.root.is_dir():
                raise _not_there(self.root, "root")

    # -- reading ------------------------------------------------------------------------------------------------------------------

    def get(self, key: str) -> bytes:
        """See ``Store``."""
        path = self._path(key)
        with translated("read", key), self._missing(key):
            return path.read_bytes()

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """See ``Store``."""
        path = self._path(key)
        with translated("read", key), self._missing(key):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                start = offset if offset >= 0 else os.fstat(descriptor).st_size + offset
                data = read_at(descriptor, start, length) if start >= 0 else b""
            finally:
                os.close(descriptor)
        if len(data) != length:
            raise ObjectTruncated(f"{key} ends before {offset}+{length} bytes")
        return data

    def stat(self, key: str) -> ObjectInfo | None:
        """See ``Store``. None only while the store's folders are there."""
        path = self._path(key)
        with translated("look at", key):
            try:
                facts = path.stat()
            except FileNotFoundError:
                self._must_be_there(key)
                return None
        return ObjectInfo(key, facts.st_size, facts.st_mtime)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See ``Store``. The folders are read while it is consumed; a folder that cannot be read is an error."""
        folder = folder_of_prefix(prefix)
        with translated("list", prefix):
            self._must_be_there(folder)
            if (self.root / folder).is_dir():
                yield from self._walk(self.root / folder, prefix)

    def _walk(self, folder: Path, prefix: str) -> Iterator[ObjectInfo]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or (folder == self.root and entry.name == "lost+found"):
                    continue
                key = entry.path.removeprefix(f"{self.root}/")
                if entry.is_dir(follow_symlinks=False):
                    if key.startswith(prefix) or prefix.startswith(f"{key}/"):
                        yield from self._walk(Path(entry.path), prefix)
                elif key.startswith(prefix):
                    with suppress(FileNotFoundError):  # deleted since the folder was read: it is no more
                        facts = entry.stat(follow_symlinks=False)
                        yield ObjectInfo(key, facts.st_size, facts.st_mtime)

    def space(self) -> Space:
        """See ``Store``. Walks the whole store."""
        used_bytes = sum(info.size_bytes for info in self.list(""))
        with translated("measure", str(self.root)):
            facts = os.statvfs(self.root)
        return Space(used_bytes, facts.f_bavail * facts.f_frsize)

    # -- upkeep -------------------------------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """See ``Store``. The kernel drops it with the process."""
        path = self.root / _LOCKS / checked_key(name)
        with translated("lock", name):
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreLocked(f"{self.root}: {name} is running in another process", action="Wait for it to end.") from None
            yield
        finally:
            os.close(descriptor)

    def tidy(self) -> int:
        """Remove temporary files whose writers are dead; how many there were."""
        removed = 0
        with translated("tidy", str(self.root)):
            for path in (self.root / _TEMPORARY).iterdir():
                removed += remove_if_stale(path)
        return removed

    # -- places -------------------------------------------------------------------------------------------------------------------

    def _path(self, key: str) -> Path:
        return self.root / checked_key(key)

    @contextmanager
    def _missing(self, key: str) -> Iterator[None]:
        """Tell «no such object» from «the place is gone» (invariant 17)."""
        try:
            yield
        except FileNotFoundError as error:
            self._must_be_there(key)
            raise ObjectMissing(f"There is no object {key}", cause=f"{self.root / key} does not exist") from error

    def _must_be_there(self, key: str) -> None:
        top = key.partition("/")[0] if "/" in key or key in TOP_FOLDERS else "packs"
        if not (self.root / top).is_dir():
            raise _not_there(self.root, top)


def open_local_store(root: Path) -> LocalStore:
    """The store in an existing folder; ``RepositoryNotFound`` if there is none."""
    if not (root / "packs").is_dir():
        raise RepositoryNotFound(f"No repository lies in {root}", action="Check the path and that its file system is mounted.")
    return LocalStore(root)


def _persist(passing: set[int], deed: Callable[[], None]) -> None:
    """Do it again when it fails with one of these error numbers, a few times."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return deed()
        except OSError as error:
            if error.errno not in passing:
                raise
    return deed()


def _not_there(root: Path, name: str) -> StoreUnreachable:
    return StoreUnreachable(f"{root} does not answer", cause=f"its folder {name!r} is not there: is the file system mounted?")
