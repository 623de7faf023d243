"""What every store must do, as tests: subclass ``StoreSuite``, give it a fixture ``store``, and run pytest."""

from __future__ import annotations

import threading

import pytest

from strongroom.repository.errors import ObjectExists, ObjectMissing, ObjectTruncated, StoreLocked
from strongroom.repository.store.base import Store
from strongroom.repository.store.probe import probe_store

_RACERS = 8


class StoreSuite:
    """The store contract of ``repository.store.base``; ``store`` is a fresh, empty store."""

    @pytest.fixture
    def store(self) -> Store:
        """Override: the store under test."""
        raise pytest.UsageError("a subclass of StoreSuite gives the fixture «store»")

    def test_what_was_put_is_read_back(self, store: Store) -> None:
        """Invariant 2: a put is whole, from one buffer or from many."""
        store.put_new("snap/a/1", b"one")
        store.put_new("packs/00/x", [b"he", bytearray(b"ll"), memoryview(b"o"), b""])
        assert store.get("snap/a/1") == b"one"
        assert store.get("packs/00/x") == b"hello"

    def test_a_second_put_of_other_bytes_is_refused_and_changes_nothing(self, store: Store) -> None:
        """Invariant 3: write-once."""
        store.put_new("snap/a/1", b"one")
        with pytest.raises(ObjectExists):
            store.put_new("snap/a/1", b"two")
        with pytest.raises(ObjectExists):
            store.put_new("snap/a/1", b"one and more")
        assert store.get("snap/a/1") == b"one"

    def test_a_second_put_of_the_same_bytes_is_success(self, store: Store) -> None:
        """Invariant 3: a retry is harmless."""
        store.put_new("snap/a/1", [b"o", b"ne"])
        store.put_new("snap/a/1", b"one")
        assert store.get("snap/a/1") == b"one"

    def test_one_of_many_racing_puts_wins(self, store: Store) -> None:
        """Invariant 15: the commit key is taken once."""
        outcomes: list[int | None] = []
        gate = threading.Barrier(_RACERS)

        def contend(number: int) -> None:
            gate.wait()
            try:
                store.put_new("snap/a/7", bytes([number]) * 1000)
            except ObjectExists:
                outcomes.append(None)
            else:
                outcomes.append(number)

        threads = [threading.Thread(target=contend, args=(number,)) for number in range(_RACERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [number for number in outcomes if number is not None]
        assert len(outcomes) == _RACERS
        assert len(winners) == 1
        assert store.get("snap/a/7") == bytes(winners) * 1000

    def test_a_listing_has_every_object_of_the_prefix_and_no_other(self, store: Store) -> None:
        """Invariant 6."""
        keys = {"snap/a/1", "snap/a/2", "snap/ab/1", "sess/q", "trash/g", "trash/g.seen"}
        for key in keys:
            store.put_new(key, key.encode())
        for prefix in ("snap/a/", "snap/a", "snap/", "", "trash/g", "event/"):
            listed = {info.key: info.size_bytes for info in store.list(prefix)}
            assert listed == {key: len(key) for key in keys if key.startswith(prefix)}

    def test_ranges_are_exact_or_an_error(self, store: Store) -> None:
        """Invariant 5: a short read is never taken for the whole."""
        store.put_new("packs/00/x", b"0123456789")
        assert store.get_range("packs/00/x", 2, 3) == b"234"
        assert store.get_range("packs/00/x", -4, 4) == b"6789"
        assert store.get_range("packs/00/x", 10, 0) == b""
        for offset, length in ((8, 3), (-11, 4), (11, 1)):
            with pytest.raises(ObjectTruncated):
                store.get_range("packs/00/x", offset, length)

    def test_what_is_missing_is_said_to_be_missing(self, store: Store) -> None:
        """Invariant 17: «there is none» is certain."""
        assert store.stat("snap/a/1") is None
        with pytest.raises(ObjectMissing):
            store.get("snap/a/1")
        with pytest.raises(ObjectMissing):
            store.get_range("packs/00/x", 0, 1)

    def test_stat_tells_the_size(self, store: Store) -> None:
        store.put_new("snap/a/1", b"12345")
        info = store.stat("snap/a/1")
        assert info is not None
        assert (info.key, info.size_bytes) == ("snap/a/1", 5)

    def test_a_deleted_object_is_gone_and_deleting_again_is_success(self, store: Store) -> None:
        store.put_new("trash/g", b"1")
        store.delete("trash/g")
        store.delete("trash/g")
        assert store.stat("trash/g") is None
        assert list(store.list("trash/")) == []
        store.put_new("trash/g", b"2")
        assert store.get("trash/g") == b"2"

    def test_a_heartbeat_can_be_replaced(self, store: Store) -> None:
        store.touch("sess/a.beat", b"1")
        store.touch("sess/a.beat", b"2")
        assert store.get("sess/a.beat") == b"2"
        assert [info.key for info in store.list("sess/")] == ["sess/a.beat"]

    @pytest.mark.parametrize("key", ["", "/", "a//b", "../x", "a/../b", "a/.", "a b", "ä", "a\n", "x" * 201, ".hidden/x"])
    def test_a_name_that_is_no_key_is_refused(self, store: Store, key: str) -> None:
        with pytest.raises(ValueError, match="Not a store key"):
            store.put_new(key, b"1")

    def test_the_lock_is_exclusive_and_comes_back(self, store: Store) -> None:
        with store.lock("upkeep"):
            with pytest.raises(StoreLocked), store.lock("upkeep"):
                pass
            with store.lock("other"):
                pass
        with store.lock("upkeep"):
            pass

    def test_used_room_grows_with_what_is_put(self, store: Store) -> None:
        before = store.space().used_bytes
        content = bytes(1000)
        store.put_new("packs/00/x", content)
        assert store.space().used_bytes - before == len(content)

    def test_the_probe_finds_it_fit_and_leaves_nothing(self, store: Store) -> None:
        """A1: a vault's place is probed."""
        probe_store(store)
        assert list(store.list("")) == []
