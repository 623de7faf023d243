"""What a local store does when the disk does not do as it is told (invariants 2, 3 and 19)."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from strongroom.repository.errors import RepositoryNotFound, StoreFull, StoreReadOnly, StoreUnfit, StoreUnreachable
from strongroom.repository.store.base import Buffer, ObjectInfo
from strongroom.repository.store.files import Files
from strongroom.repository.store.local import LocalStore, open_local_store
from strongroom.repository.store.probe import probe_store
from strongroom.repository.store.temporary import temporary_file
from strongroom.testing.stores import MemoryStore


class TroubledFiles(Files):
    """Fails the given calls, each once, with the given errno."""

    def __init__(self, *troubles: tuple[str, int]) -> None:
        self.troubles = list(troubles)
        self.calls: list[str] = []

    def _maybe(self, call: str) -> None:
        self.calls.append(call)
        if self.troubles and self.troubles[0][0] == call:
            code = self.troubles.pop(0)[1]
            raise OSError(code, os.strerror(code))

    def write(self, descriptor: int, data: Buffer) -> None:
        self._maybe("write")
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._maybe("sync")
        super().sync(descriptor)

    def link(self, source: Path, target: Path) -> None:
        self._maybe("link")
        super().link(source, target)

    def sync_folder(self, path: Path) -> None:
        self._maybe("sync_folder")
        super().sync_folder(path)

    def unlink(self, path: Path) -> None:
        self._maybe("unlink")
        super().unlink(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return LocalStore.create(tmp_path / "repository", fsync=False).root


def _temporaries(root: Path) -> list[Path]:
    return list((root / ".tmp").iterdir())


def test_the_file_is_synced_before_it_is_linked_and_the_folder_after(root: Path) -> None:
    """Invariant 2."""
    files = TroubledFiles()
    LocalStore(root, files=files).put_new("snap/a/1", [b"1", b"2"])
    assert files.calls == ["sync_folder", "write", "write", "sync", "link", "unlink", "sync_folder"]


def test_a_failed_sync_is_made_good_by_writing_everything_again(root: Path) -> None:
    """Invariant 2: after a failed sync the kernel may have dropped the pages, so syncing again proves nothing."""
    files = TroubledFiles(("sync", errno.EIO))
    LocalStore(root, files=files).put_new("sess/a", b"content")
    assert files.calls.count("write") == 2
    assert LocalStore(root).get("sess/a") == b"content"
    assert _temporaries(root) == []


def test_a_name_that_was_deleted_while_its_folder_was_synced_is_not_made_again(root: Path) -> None:
    """Invariant 7: a pack that was collected must not come back."""

    class Deleting(TroubledFiles):
        def sync_folder(self, path: Path) -> None:
            (path / "x").unlink(missing_ok=True)
            super().sync_folder(path)

    LocalStore(root, files=Deleting(("sync_folder", errno.EIO))).put_new("packs/00/x", b"content")
    assert LocalStore(root).stat("packs/00/x") is None


def test_syncs_that_keep_failing_are_an_error(root: Path) -> None:
    """Invariant 2: nothing is called durable that is not."""
    store = LocalStore(root, files=TroubledFiles(*[("sync", errno.EIO)] * 3))
    with pytest.raises(StoreUnreachable):
        store.put_new("sess/a", b"content")
    assert LocalStore(root).stat("sess/a") is None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("call", ["write", "sync", "link"])
def test_a_full_disk_leaves_nothing_half_written(root: Path, call: str, code: int) -> None:
    """Invariant 19."""
    store = LocalStore(root, files=TroubledFiles((call, code)))
    with pytest.raises(StoreFull):
        store.put_new("packs/00/x", b"content")
    assert _temporaries(root) == []
    assert store.stat("packs/00/x") is None
    store.put_new("packs/00/x", b"content")


def test_packs_leave_room_for_what_a_collection_must_write(root: Path) -> None:
    """Invariant 19."""
    store = LocalStore(root, fsync=False, reserve_bytes=1 << 60)
    with pytest.raises(StoreFull):
        store.put_new("packs/00/x", b"content")
    store.put_new("trash/a", b"content")


def test_temporary_files_of_dead_writers_are_tidied_and_of_living_ones_not(root: Path) -> None:
    """Invariant 2: no clock is asked."""
    (root / ".tmp" / "123-dead").write_bytes(b"half")
    store = LocalStore(root)
    with temporary_file(Files(), root / ".tmp", [b"being written"]) as living:
        assert store.tidy() == 1
        assert _temporaries(root) == [living]
    assert store.tidy() == 0


def test_a_temporary_file_that_a_tidier_took_is_written_again(root: Path) -> None:
    """Invariant 2."""
    files = TroubledFiles(("link", errno.ENOENT))
    LocalStore(root, files=files).put_new("sess/a", b"content")
    assert LocalStore(root).get("sess/a") == b"content"


def test_a_place_that_may_not_be_written_says_so(root: Path) -> None:
    """A19."""
    store = LocalStore(root, files=TroubledFiles(("write", errno.EROFS)))
    with pytest.raises(StoreReadOnly):
        store.put_new("sess/a", b"content")


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    """A19."""
    with pytest.raises(RepositoryNotFound):
        open_local_store(tmp_path)


class _Replacing(MemoryStore):
    def put_new(self, key: str, data: object) -> None:
        self.objects.pop(key, None)
        super().put_new(key, data)  # type: ignore[arg-type]


class _Forgetful(MemoryStore):
    def list(self, prefix: str):  # type: ignore[no-untyped-def]
        yield from ()


class _Undead(MemoryStore):
    def delete(self, key: str) -> None:
        """Does nothing, and says that it did."""

    def stat(self, key: str) -> ObjectInfo | None:
        return None


@pytest.mark.parametrize("store", [_Replacing(), _Forgetful(), _Undead()])
def test_the_probe_refuses_a_place_that_lies(store: MemoryStore) -> None:
    """A1: better no vault than one that loses data later."""
    with pytest.raises(StoreUnfit):
        probe_store(store)
