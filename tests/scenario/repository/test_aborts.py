"""However a backup ends early, its threads end, its commit key is taken, and nothing half done is visible (features A18 and A19)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from strongroom.domain.disk import SLOT_BYTES, Extent, ExtentsBroken
from strongroom.domain.errors import Cancelled
from strongroom.repository.counters import Counters
from strongroom.repository.envelope import ObjectKind, kind_of
from strongroom.repository.errors import SessionFenced, StoreFull, StoreUnreachable
from strongroom.repository.protocol.session import void
from strongroom.repository.reading.reader import PointReader
from strongroom.testing.stores import FaultStore, MemoryStore
from tests.scenario.repository.vault import DATA, UNCHANGED, ZERO, Source, Vault, never

NOISE = random.Random(0).randbytes(SLOT_BYTES)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 3
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert set(threading.enumerate()) - before == set()


def stops_at(calls: int) -> Callable[[], None]:
    """A check that cancels at its n-th call, and from then on."""
    count = iter(range(1, 1_000_000))

    def check() -> None:
        if next(count) >= calls:
            raise Cancelled("by the test")

    return check


def assert_nothing_happened(vault: Vault) -> None:
    assert vault.repository.manifests() == []
    assert vault.keys("sess/") == []
    (taken,) = vault.keys("snap/")
    assert kind_of(taken, vault.store.get(taken)) is ObjectKind.VOID


@pytest.mark.parametrize("calls", [1, 2, 30, 60])
def test_a_cancelled_backup_leaves_a_void_and_no_session(calls: int) -> None:
    """A18: in every phase."""
    vault = Vault()
    with pytest.raises(Cancelled):
        vault.backup(Source(NOISE * 40).disk(), check=stops_at(calls))
    assert_nothing_happened(vault)


def test_a_source_that_hangs_is_cancelled_within_a_second() -> None:
    """A18: a thread stuck in a read does not keep the session."""
    vault, source, hang = Vault(), Source(NOISE * 8), threading.Event()
    source.before_read = lambda _offset: hang.wait(10) and None
    cancelled_at = time.monotonic() + 0.3

    def check() -> None:
        if time.monotonic() > cancelled_at:
            raise Cancelled("by the test")

    try:
        with pytest.raises(Cancelled):
            vault.backup(source.disk(), check=check)
        assert time.monotonic() - cancelled_at < 1.5
    finally:
        hang.set()
    assert_nothing_happened(vault)


def test_a_huge_sparse_disk_is_cancelled_too() -> None:
    """A18: runs without reads look up as well."""
    vault, size_bytes = Vault(), 1 << 42
    source = Source(b"")
    disk = source.disk()
    extents = [Extent(at, 1 << 32, ZERO if at >> 32 & 1 else DATA) for at in range(0, size_bytes, 1 << 32)]
    disk = type(disk)("vda", size_bytes, "raw", "full", "", {}, lambda: iter(extents), lambda: iter(extents), lambda _offset, _view: None)
    with pytest.raises(Cancelled):
        vault.backup(disk, check=stops_at(500))
    assert_nothing_happened(vault)


@pytest.mark.parametrize("slot", [0, 7, 19])
def test_an_error_of_the_source_ends_the_backup(slot: int) -> None:
    """A19: what the source raised is what the caller sees."""
    vault, source = Vault(), Source(NOISE * 20)

    def fail(offset: int) -> None:
        if offset == slot * SLOT_BYTES:
            raise OSError(5, "a sector cannot be read")

    source.before_read = fail
    with pytest.raises(OSError, match="a sector cannot be read"):
        vault.backup(source.disk())
    assert_nothing_happened(vault)


def test_broken_extents_end_the_backup() -> None:
    """Invariant 9: a gap in a description is never left out in silence."""
    vault = Vault()
    with pytest.raises(ExtentsBroken):
        vault.backup(Source(NOISE * 2).disk("full", [Extent(0, SLOT_BYTES, DATA)]))
    assert_nothing_happened(vault)


def test_a_full_disk_leaves_the_repository_readable() -> None:
    """Invariant 19: what was committed restores; the failed backup is no point."""
    vault = Vault(MemoryStore(capacity_bytes=45 * SLOT_BYTES))
    first = vault.backup(Source(NOISE * 2).disk())
    with pytest.raises(StoreFull):
        vault.backup(Source(random.Random(1).randbytes(80 * SLOT_BYTES)).disk(), machine_id="other")
    assert vault.restore(first) == NOISE * 2
    assert [point.commit_key for point in vault.repository.manifests()] == [first.commit_key]


@pytest.mark.parametrize("verb", ["put_new", "get", "list", "stat"])
def test_any_failing_store_call_aborts_cleanly(verb: str) -> None:
    """A18: one failure at any call of that kind; either the point is there whole, or nothing is."""
    content, calls = NOISE * 3, []
    vault = Vault()
    recorder = FaultStore(vault.store)
    vault.store = recorder
    vault.backup(Source(content).disk())
    calls = [number for number, (operation, _) in enumerate(recorder.calls, 1) if operation == verb]
    for number in calls:
        fresh = Vault()
        inner = fresh.store
        fresh.store = FaultStore(inner, fail_at=number, error=StoreUnreachable("once"))
        try:
            fresh.backup(Source(content).disk())
        except StoreUnreachable:
            fresh.store = inner
            assert fresh.repository.manifests() == []
        else:
            fresh.store = inner
            assert fresh.restore() == content


def test_a_voided_backup_cannot_commit() -> None:
    """Invariant 15: the commit key fences; declared dead elsewhere, it ends with SessionFenced."""
    vault = Vault()
    with vault.open_writer() as writer:
        writer.write_disk(Source(NOISE).disk())
        void(vault.repository, writer.commit_key)
        with pytest.raises(SessionFenced):
            writer.commit("2026-01-01T00:00:00Z", {})
    assert_nothing_happened(vault)


def test_leaving_without_a_commit_is_an_abort() -> None:
    """A18: a writer that is closed without committing takes its key with a VOID."""
    vault = Vault()
    with vault.open_writer() as writer:
        writer.write_disk(Source(NOISE).disk())
    assert_nothing_happened(vault)


def test_a_failed_backup_does_not_disturb_the_next() -> None:
    """A18: the parent is still the last point that committed."""
    vault, content = Vault(), bytearray(NOISE * 4)
    vault.backup(Source(content).disk())
    with pytest.raises(Cancelled):
        vault.backup(Source(NOISE * 40).disk(), check=stops_at(3))
    record = vault.backup(Source(content).disk("incremental", [Extent(0, len(content), UNCHANGED)])).disks[0]
    assert (record.mode, record.read_bytes) == ("incremental", 0)
    assert vault.restore() == content


def test_a_cancelled_restore_stops_and_lets_its_pin_go() -> None:
    """A18: restore and verification look up as well."""
    vault = Vault()
    point = vault.backup(Source(random.Random(2).randbytes(40 * SLOT_BYTES)).disk())
    with (
        pytest.raises(Cancelled),
        PointReader.open(vault.repository, point, counters=Counters(), check=stops_at(3)) as reader,
    ):
        reader.copy("vda", lambda _offset, _view: None)
    assert vault.keys("sess/") == []


def test_a_target_that_fails_ends_the_restore_with_its_error() -> None:
    """A19: a full target is not a bad range."""
    vault = Vault()
    point = vault.backup(Source(NOISE * 4).disk())

    def write(_offset: int, _view: memoryview) -> None:
        raise StoreFull("the target is full")

    with PointReader.open(vault.repository, point, counters=Counters(), check=never) as reader, pytest.raises(StoreFull):
        reader.copy("vda", write)
