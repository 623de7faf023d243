"""Room comes back, beside running backups and restores, and the index is only ever a hint (B4, invariants 3 and 8)."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from strongroom.domain.errors import Cancelled, StrongroomError
from strongroom.repository.checking.rebuild import rebuild_index
from strongroom.repository.counters import Counters
from strongroom.repository.errors import StoreLocked
from strongroom.repository.index.index import Index
from strongroom.repository.protocol.collect import condemn, sweep
from strongroom.repository.protocol.prune import PruneCandidate, execute_prune, finish_prunes, plan_prune
from strongroom.repository.protocol.prune_record import MOST_RECORDS, prune_reasons
from strongroom.repository.protocol.session import end_session, open_reading_session, open_session, open_sessions, settle_session, this_host
from strongroom.repository.reading.reader import PointReader
from strongroom.repository.store.base import Buffer
from strongroom.repository.store.local import LocalStore
from strongroom.testing.stores import MemoryStore
from tests.scenario.repository.vault import Source, never
from tests.scenario.repository_protocol.lifetime import BLOCK, Lifetime, changed, collect_all, content


@pytest.fixture
def life() -> Lifetime:
    return Lifetime.begin()


def _give_up_all(life: Lifetime, machine: str) -> None:
    life.give_up(*[manifest.commit_key for manifest in life.vault.repository.manifests(machine)])


def test_what_nobody_needs_goes_and_what_lives_beside_it_is_copied_first(life: Lifetime) -> None:
    """B4."""
    before = life.vault.store.space().used_bytes
    _give_up_all(life, "a")
    condemned = condemn(life.vault.repository, threshold=0.9, check=never)
    assert condemned.live_bytes > BLOCK * 16
    swept = sweep(life.vault.repository, check=never)
    assert swept.deleted_packs == len(condemned.packs)
    assert swept.copied_chunks > 0
    assert before - life.vault.store.space().used_bytes > 1_000_000
    life.assert_whole()
    assert [key for key in life.vault.keys("") if key.startswith("trash/")] == []


def test_a_repository_without_garbage_is_left_alone(life: Lifetime) -> None:
    """B4."""
    collect_all(life.vault.repository)
    packs = life.vault.keys("packs/")
    assert condemn(life.vault.repository, check=never).packs == ()
    sweep(life.vault.repository, check=never)
    assert life.vault.keys("packs/") == packs


def test_after_everything_is_given_up_no_pack_is_left(life: Lifetime) -> None:
    """B4, A17: «delete data»."""
    _give_up_all(life, "a")
    _give_up_all(life, "b")
    collect_all(life.vault.repository)
    assert life.vault.keys("packs/") == []
    assert life.vault.repository.manifests() == []
    assert life.back_up("a", content(1)).endswith("0000000004"), "a sequence number is never used again"
    life.assert_whole()


def test_packs_of_an_open_backup_wait_for_its_end(life: Lifetime) -> None:
    """Invariant 7."""
    _give_up_all(life, "a")
    writer = life.vault.open_writer("b")
    condemned = condemn(life.vault.repository, threshold=0.9, check=never)
    waiting = sweep(life.vault.repository, check=never)
    assert waiting.deleted_packs == 0
    assert waiting.waiting_for == tuple(facts.id for facts in open_sessions(life.vault.repository))
    writer.abort()
    assert sweep(life.vault.repository, check=never).deleted_packs == len(condemned.packs)
    life.assert_whole()


def test_a_process_that_died_holds_nothing_up(life: Lifetime) -> None:
    """A18, B4: sessions of processes that are surely gone are settled by the next collection; others are waited for."""
    repository = life.vault.repository
    point = life.vault.newest("b").commit_key
    dead = {**this_host(), "started": "0"}
    open_session(repository, "b", "dead-backup", dead, point)
    open_reading_session(repository, "dead-restore", dead, [point])
    living = open_reading_session(repository, "restore", {}, [point])
    _give_up_all(life, "a")
    condemn(repository, threshold=0.9, check=never)
    assert sweep(repository, check=never).waiting_for == ("restore",)
    end_session(living)
    assert sweep(repository, check=never).deleted_packs > 0
    life.assert_whole()


def test_a_restore_under_way_keeps_its_point_and_its_packs(life: Lifetime) -> None:
    """Invariant 7, A16."""
    point = life.vault.newest("b")
    with PointReader.open(life.vault.repository, point, counters=Counters(), check=never) as reader:
        _give_up_all(life, "b")
        collect_all(life.vault.repository)
        assert reader.read("vda", 0, len(content(4))) == content(4)
    assert finish_prunes(life.vault.repository).deleted == (point.commit_key,)


def test_a_collection_on_the_same_host_is_politely_refused(life: Lifetime) -> None:
    """A18."""
    with life.vault.store.lock("collect"), pytest.raises(StoreLocked):
        condemn(life.vault.repository, check=never)


@pytest.mark.parametrize("calls", [1, 3, 6, 9, 12])
def test_a_collection_can_be_cancelled_anywhere(life: Lifetime, calls: int) -> None:
    """A18: and leaves nothing to repair."""
    _give_up_all(life, "a")
    left = itertools.count(calls, -1)

    def cancel() -> None:
        if next(left) <= 0:
            raise Cancelled("the operator wants to stop")

    with pytest.raises(Cancelled):
        collect_all(life.vault.repository, cancel)
    life.assert_whole()
    collect_all(life.vault.repository)
    life.assert_whole()
    assert [key for key in life.vault.keys("") if key.startswith("trash/")] == []


def test_the_plan_that_was_shown_is_what_is_done(life: Lifetime) -> None:
    """Invariant 18, B4: a point that came since the dry run is not touched, nor is the floor."""
    repository = life.vault.repository
    shown = plan_prune([PruneCandidate(manifest.commit_key, "a", "expired") for manifest in repository.manifests("a")])
    later = life.back_up("a", changed(content(2), 40))
    report = execute_prune(repository, shown)
    assert report.deleted == tuple(entry.commit_key for entry in shown.remove)
    assert [manifest.commit_key for manifest in repository.manifests("a")] == [*(entry.commit_key for entry in shown.keep), later]
    life.assert_whole()


def test_the_index_comes_back_from_the_packs_alone(life: Lifetime) -> None:
    """Invariant 8, C4."""

    def known() -> set[tuple[bytes, str, int]]:
        index = Index.load(life.vault.repository)
        ids = index.only_in(index.named_packs())
        return {(found, location.pack_id, location.entry.offset) for found in ids for location in index.find(found)}

    before = known()
    for key in life.vault.keys("index/"):
        life.vault.store.delete(key)
    assert rebuild_index(life.vault.repository) == len(life.vault.keys("packs/"))
    assert known() == before
    assert rebuild_index(life.vault.repository) == len(life.vault.keys("packs/")), "it may be repeated"
    assert known() == before
    life.assert_whole()


def test_a_collection_without_any_index_still_loses_nothing(life: Lifetime) -> None:
    """Invariant 8: hints that are not there cost a copy, never a chunk."""
    _give_up_all(life, "a")
    for key in life.vault.keys("index/"):
        life.vault.store.delete(key)
    collect_all(life.vault.repository)
    life.assert_whole()


class _Ledger(MemoryStore):
    """Notes every object that a put would have changed."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: set[str] = set()
        self.ever: dict[str, bytes] = {}

    def put_new(self, key: str, data: Buffer | Sequence[Buffer]) -> None:
        super().put_new(key, data)
        assert self.ever.setdefault(key, self.objects[key]) == self.objects[key], f"{key} came back with other bytes"

    def touch(self, key: str, data: Buffer) -> None:
        self.touched.add(key)
        super().touch(key, data)


def test_a_name_never_means_two_things_but_for_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 3: over a whole life of backups, prunes and collections."""
    monkeypatch.setattr("strongroom.repository.writing.writer.HEARTBEAT_SECONDS", 0.0)
    store = _Ledger()
    life = Lifetime.begin(store)
    _give_up_all(life, "a")
    collect_all(life.vault.repository)
    life.back_up("a", content(9))
    life.assert_whole()
    assert store.touched
    assert all(key.startswith("sess/") and key.endswith(".beat") for key in store.touched)


def _until(stop: threading.Event, errors: list[BaseException], deed: Callable[[int], object]) -> threading.Thread:
    def run() -> None:
        turn = 0
        while not stop.is_set():
            try:
                deed(turn)
            except StoreLocked:
                pass
            except BaseException as error:  # noqa: BLE001 (the main thread raises it)
                errors.append(error)
                return
            turn += 1

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("seconds", [4, pytest.param(90, marks=[pytest.mark.long, pytest.mark.timeout(300)])])
def test_collection_runs_beside_four_writers(tmp_path: Path, seconds: int) -> None:
    """Invariant 7, B4: real threads on a real folder, each machine with retention of one point, and nothing is ever lost."""
    life = Lifetime.begin(LocalStore.create(tmp_path / "repository", fsync=False))
    stop, errors = threading.Event(), list[BaseException]()
    latest: dict[str, bytes] = {}
    swept = []

    def write(machine: str) -> Callable[[int], object]:
        def deed(turn: int) -> None:
            disk = changed(latest.get(machine, content(ord(machine))), turn)
            life.vault.backup(Source(disk).disk("compare"), machine_id=machine)
            latest[machine] = disk
            points = [manifest.commit_key for manifest in life.vault.repository.manifests(machine)]
            life.give_up(*points[:-1])

        return deed

    def collect(_: int) -> None:
        condemn(life.vault.repository, threshold=0.9, check=never)
        swept.append(sweep(life.vault.repository, check=never).deleted_packs)

    threads = [_until(stop, errors, write(machine)) for machine in "wxyz"]
    threads.append(_until(stop, errors, collect))
    stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(latest) == 4
    for machine, disk in latest.items():
        assert life.vault.restore(life.vault.newest(machine)) == disk
        life.expected |= {manifest.commit_key: disk for manifest in life.vault.repository.manifests(machine)[-1:]}
    for facts in open_sessions(life.vault.repository):
        settle_session(life.vault.repository, facts)
    try:
        collect_all(life.vault.repository)
    except StrongroomError as error:
        raise AssertionError(str(error)) from error
    life.assert_whole()
    assert sum(swept) > 0


def test_prune_records_stay_few_and_forget_nothing(life: Lifetime) -> None:
    """B4, invariant 13: whatever was ever given up stays explained."""
    tag = life.vault.repository.machine_tag("a")
    for number in range(25):
        life.back_up("a", changed(content(2), number))
        life.give_up(life.vault.repository.manifests("a")[0].commit_key)
    assert len(life.vault.keys(f"prune/{tag}/")) <= MOST_RECORDS + 1
    reasons = prune_reasons(life.vault.repository, tag)
    assert sorted(reasons) == [f"snap/{tag}/{seq:010d}" for seq in range(1, 27)]
    assert set(reasons.values()) == {"test"}
    life.assert_whole()
