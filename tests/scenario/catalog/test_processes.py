"""Several real processes on one catalog file: they lose nothing, never meet a lock, and may die at any instant (feature B12)."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO

import pytest
from sqlmodel import select

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import AuditEntry, Lease
from strongroom.catalog.errors import CatalogExists
from tests.scenario.catalog.writer import ENTRIES_OF_A_CHANGE
from tests.unit.catalog.rows import NOW, new_catalog

ROOT = Path(__file__).parents[3]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with new_catalog(tmp_path) as made:
        yield made


@pytest.fixture
def start(catalog: Catalog) -> Iterator[Start]:
    """Starts a writer process on the catalog; all are killed at the end."""
    running: list[subprocess.Popen[str]] = []

    def begin(kind: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.scenario.catalog.writer", kind, str(catalog.path), *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "app"), str(ROOT)))}
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment)
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def operations(catalog: Catalog) -> list[str]:
    with catalog.read() as session:
        return [entry.operation for entry in session.exec(select(AuditEntry)).all()]


def assert_whole(catalog: Catalog) -> None:
    with catalog.read() as session:
        pragma = session.connection().exec_driver_sql
        assert pragma("PRAGMA integrity_check").scalar() == "ok"
        assert pragma("PRAGMA foreign_key_check").all() == []


def test_processes_that_write_at_once_lose_nothing_and_never_meet_a_lock(catalog: Catalog, start: Start) -> None:
    with catalog.write() as session:
        session.add(Lease(name="service", owner="", renewed_at=NOW))
    owners, turns = ("ann", "bob", "cem"), 250
    processes = [start("count", owner, turns) for owner in owners]
    assert [line(process.stdout) for process in processes] == ["ready"] * len(owners)
    for process in processes:
        assert process.stdin is not None
        print("go", file=process.stdin, flush=True)
    assert [process.communicate(timeout=100) for process in processes] == [("done\n", "")] * len(owners)
    with catalog.read() as session:
        assert session.exec(select(Lease)).one().counter == len(owners) * turns
    written = operations(catalog)
    assert sorted(written) == sorted(f"{owner}-{turn}" for owner in owners for turn in range(turns))
    changes_of_hand = sum(before[:3] != after[:3] for before, after in pairwise(written))
    assert changes_of_hand > turns  # they take turns: nobody waits while another writes on and on
    assert_whole(catalog)


def test_a_process_killed_at_any_instant_leaves_whole_changes_and_all_that_it_reported(catalog: Catalog, start: Start) -> None:
    dice, reported = random.Random(20261122), []
    for turn in range(6):
        first = turn * 1_000_000
        process = start("change", first)
        reported.append(int(line(process.stdout)))
        time.sleep(dice.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        rest, errors = process.communicate(timeout=60)
        reported += [int(words) for words in rest.split()]
        assert errors == ""
        found = Counter(operations(catalog))
        assert set(found.values()) == {ENTRIES_OF_A_CHANGE}
        assert {f"change-{number}" for number in reported} <= set(found)
        assert_whole(catalog)
    assert len(reported) > 6


def test_a_process_killed_while_it_holds_the_write_lock_leaves_no_lock_and_no_half_change(catalog: Catalog, start: Start) -> None:
    process = start("hold")
    assert line(process.stdout) == "holding"
    before = catalog.data_version()
    process.kill()
    process.wait()
    begun = time.monotonic()
    with catalog.write() as session:
        session.add(AuditEntry(at=NOW, caller="ann", operation="after", object=""))
    assert time.monotonic() - begun < 5
    assert operations(catalog) == ["after"]
    assert catalog.data_version() != before
    assert_whole(catalog)


def test_the_version_moves_when_another_process_commits_and_only_then(catalog: Catalog, start: Start) -> None:
    process = start("once")
    assert line(process.stdout) == "ready"
    before = catalog.data_version()
    for word in ("one", "two"):
        assert catalog.data_version() == before
        assert process.stdin is not None
        print(word, file=process.stdin, flush=True)
        assert line(process.stdout) == "committed"
        after = catalog.data_version()
        assert after != before
        assert word in operations(catalog)
        before = after


def create(path: str, outcomes: multiprocessing.SimpleQueue[str]) -> None:
    try:
        Catalog.create(Path(path)).close()
    except CatalogExists:
        outcomes.put("exists")
    else:
        outcomes.put("made")


def test_of_processes_that_make_the_same_catalog_at_once_one_makes_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    outcomes = context.SimpleQueue()
    path = tmp_path / "catalog.db"
    processes = [context.Process(target=create, args=(str(path), outcomes)) for _ in range(3)]
    for process in processes:
        process.start()
    found = sorted(outcomes.get() for _ in processes)
    for process in processes:
        process.join()
    assert found == ["exists", "exists", "made"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["catalog.db"]
    with Catalog.open(path) as catalog:
        assert_whole(catalog)
