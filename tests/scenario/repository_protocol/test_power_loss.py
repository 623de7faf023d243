"""The power goes at any system call; what had been promised durable is there after the reboot (invariant 2)."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from strongroom.domain.errors import StrongroomError
from strongroom.repository.errors import StoreUnreachable
from strongroom.repository.store.local import LocalStore
from strongroom.testing.power import PowerLossStore, PowerLost
from tests.scenario.repository_protocol.lifetime import Lifetime, changed, collect_all, content

_MOST_CALLS = 110  # about as many as the work below makes


@pytest.fixture
def life(tmp_path: Path) -> Lifetime:
    """A past on a real folder that is wholly durable."""
    return Lifetime.begin(LocalStore.create(tmp_path / "repository", fsync=False))


def _work(life: Lifetime) -> None:
    life.back_up("b", changed(content(4), 5))
    life.give_up(*[manifest.commit_key for manifest in life.vault.repository.manifests("b")][:-1])
    collect_all(life.vault.repository)
    life.back_up("c", content(6))


@pytest.mark.parametrize("seed", [None, 1])
def test_power_lost_at_any_call_leaves_every_committed_point_whole(life: Lifetime, tmp_path: Path, seed: int | None) -> None:
    """Invariants 1 and 2: with the worst a disk may do, and with any part of it."""
    _lose_power_at(range(1 + (seed or 0), _MOST_CALLS, 5), life, tmp_path, None if seed is None else random.Random(seed))


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [None, 2, 3, 4])
def test_power_lost_at_every_call_leaves_every_committed_point_whole(life: Lifetime, tmp_path: Path, seed: int | None) -> None:
    """Invariants 1 and 2, call by call."""
    _lose_power_at(range(1, _MOST_CALLS), life, tmp_path, None if seed is None else random.Random(seed))


def _lose_power_at(calls: Iterable[int], life: Lifetime, tmp_path: Path, choice: random.Random | None) -> None:
    """Every reboot goes on from what the last one found."""
    lost_power = 0
    for stop_at in calls:
        disk = PowerLossStore(tmp_path / "repository", tmp_path / f"graveyard{stop_at}", stop_at=stop_at)
        working = life.on(disk)
        try:
            _work(working)
        except PowerLost:
            lost_power += 1
        survivor = life.on(disk.lose_power(choice))
        present = {manifest.commit_key for manifest in survivor.vault.repository.manifests()}
        assert not working.expected.keys() - life.expected.keys() - present, "a backup that had committed is gone"
        survivor.expected = working.expected | _late_commits(survivor, present - working.expected.keys())
        survivor.assert_whole()
        life.expected = {key: disk_bytes for key, disk_bytes in survivor.expected.items() if key in present}
        shutil.rmtree(tmp_path / f"graveyard{stop_at}")
    assert lost_power > _MOST_CALLS // 10
    LocalStore(tmp_path / "repository").tidy()
    life.assert_goes_on()


def _late_commits(life: Lifetime, keys: set[str]) -> dict[str, bytes]:
    """Points whose commit was under way: there or not, but if they are there they are whole."""
    machine_b = life.vault.repository.machine_tag("b")
    return {key: changed(content(4), 5) if f"/{machine_b}/" in key else content(6) for key in keys}


def test_a_disk_that_only_pretends_to_sync_would_be_noticed(life: Lifetime, tmp_path: Path) -> None:
    """Invariant 2: the mutation test of the test above."""
    disk = PowerLossStore(tmp_path / "repository", tmp_path / "graveyard", forget_sync=True)
    working = life.on(disk)
    working.back_up("b", changed(content(4), 5))
    survivor = life.on(disk.lose_power())
    survivor.expected = working.expected
    with pytest.raises((AssertionError, StrongroomError)):
        survivor.assert_whole()


def test_a_place_that_is_not_mounted_is_no_empty_repository(tmp_path: Path) -> None:
    """Invariants 6 and 17: neither «no objects» nor «no such object» is said of a folder that is not the repository's."""
    store = LocalStore.create(tmp_path / "repository", fsync=False)
    store.put_new("snap/a/1", b"1")
    store.root.rename(tmp_path / "elsewhere")
    store.root.mkdir()
    for question in (
        lambda: list(store.list("snap/")),
        lambda: list(store.list("")),
        lambda: store.stat("snap/a/1"),
        lambda: store.get("snap/a/1"),
    ):
        with pytest.raises(StoreUnreachable):
            question()
    with pytest.raises(StoreUnreachable):
        store.put_new("snap/a/1", b"1")
