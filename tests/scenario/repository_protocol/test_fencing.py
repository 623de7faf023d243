"""The commit key decides who has committed, whoever wakes up when (invariant 15; A18, B12)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from strongroom.repository.errors import ManifestMissing, SessionFenced
from strongroom.repository.keys.keyring import create_repository, write_key_file
from strongroom.repository.protocol.session import (
    Outcome,
    dead_sessions,
    end_session,
    open_session,
    open_sessions,
    sessions,
    settle_session,
    this_host,
    void,
)
from strongroom.repository.repository import Repository
from strongroom.repository.store.local import LocalStore
from tests.scenario.repository.vault import TAKEN_AT, Source
from tests.scenario.repository_protocol.lifetime import Lifetime, changed, collect_all, content


@pytest.fixture
def life() -> Lifetime:
    return Lifetime.begin()


def test_a_backup_that_was_declared_dead_cannot_commit(life: Lifetime) -> None:
    """Invariant 15."""
    writer = life.vault.open_writer("b")
    writer.write_disk(Source(changed(content(4), 5)).disk("compare"))
    assert void(life.vault.repository, writer.commit_key) is Outcome.VOIDED
    with pytest.raises(SessionFenced):
        writer.commit(TAKEN_AT, {})
    writer.abort()
    with pytest.raises(ManifestMissing):
        life.vault.repository.manifest(writer.commit_key)
    life.assert_goes_on()


def test_a_backup_that_had_committed_is_told_to_whoever_voids_it(life: Lifetime) -> None:
    """Invariant 15: reconciliation adopts the point instead of failing the job."""
    repository = life.vault.repository
    writer = life.vault.open_writer("b")
    writer.write_disk(Source(content(4)).disk("compare"))
    life.expected[writer.commit_key] = content(4)
    writer.commit(TAKEN_AT, {})
    (facts,) = open_sessions(repository) or sessions(repository)
    assert settle_session(repository, facts) is Outcome.COMMITTED
    assert sessions(repository) == []
    assert void(repository, writer.commit_key) is Outcome.COMMITTED
    life.assert_whole()


def test_of_two_hosts_that_back_up_one_machine_one_commits(life: Lifetime) -> None:
    """Invariant 15: the same key serialises them; the loser can simply run again."""
    first, second = life.vault.open_writer("b"), life.vault.open_writer("b")
    assert first.commit_key == second.commit_key
    for writer, disk in ((first, content(7)), (second, content(8))):
        writer.write_disk(Source(disk).disk("compare"))
    second.commit(TAKEN_AT, {})
    life.expected[second.commit_key] = content(8)
    second.close()
    with pytest.raises(SessionFenced):
        first.commit(TAKEN_AT, {})
    first.abort()
    life.assert_whole()
    assert life.back_up("b", content(7)) > second.commit_key


def test_the_loser_of_a_race_does_not_commit_under_a_pruned_name(life: Lifetime) -> None:
    """Invariant 15: the winner's point was pruned and its name is free in the store again."""
    first, second = life.vault.open_writer("b"), life.vault.open_writer("b")
    first.write_disk(Source(content(7)).disk("compare"))
    second.write_disk(Source(content(8)).disk("compare"))
    second.commit(TAKEN_AT, {})
    second.close()
    life.give_up(second.commit_key)
    collect_all(life.vault.repository)
    with pytest.raises(SessionFenced):
        first.commit(TAKEN_AT, {})
    first.abort()
    life.assert_goes_on()
    assert second.commit_key not in [manifest.commit_key for manifest in life.vault.repository.manifests()]


def test_a_parent_that_is_being_pruned_is_no_parent(life: Lifetime) -> None:
    """Invariant 7: nothing is inherited from a point that is given up."""
    repository = life.vault.repository
    newest = life.vault.newest("b").commit_key
    pinning = life.vault.open_writer("b")
    life.give_up(newest)
    assert newest in [manifest.commit_key for manifest in repository.manifests()], "it is pinned"
    late = life.vault.open_writer("b")
    assert late.parent is None
    late.abort()
    pinning.abort()
    collect_all(repository)
    assert repository.manifests("b") == []


def test_ending_a_session_twice_is_harmless(life: Lifetime) -> None:
    session = open_session(life.vault.repository, "b", "twice", {}, None)
    assert end_session(session) is Outcome.VOIDED
    assert end_session(session) is Outcome.VOIDED


_STOPPED_BACKUP = """
import os, signal, sys
from pathlib import Path
from strongroom.repository.errors import SessionFenced
from strongroom.repository.keys.keyring import read_key_file
from strongroom.repository.repository import Repository
from strongroom.repository.store.local import LocalStore
from tests.scenario.repository.vault import Source, TAKEN_AT, never
from strongroom.repository.writing.writer import BackupWriter, Counters

repository = Repository.open(LocalStore(Path(sys.argv[1])), read_key_file(Path(sys.argv[2])))
with BackupWriter.open(repository, "m", "job", parent=None, counters=Counters(), check=never) as writer:
    writer.write_disk(Source(bytes(range(256)) * 4096).disk())
    os.kill(os.getpid(), signal.SIGSTOP)
    try:
        writer.commit(TAKEN_AT, {})
    except SessionFenced:
        print("fenced")
"""


def test_a_process_stopped_before_its_commit_and_voided_meanwhile_aborts(tmp_path: Path) -> None:
    """Invariant 15, with a real SIGSTOP."""
    store = LocalStore.create(tmp_path / "repository")
    created = create_repository(store)
    write_key_file(tmp_path / "key", created.key, created.repository_id)
    repository = Repository.open(store, created.key)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _STOPPED_BACKUP, str(store.root), str(tmp_path / "key")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            (facts,) = open_sessions(repository)
            assert settle_session(repository, facts) is Outcome.VOIDED
        finally:
            process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output == "fenced\n"
    assert repository.manifests() == []


def test_sessions_of_dead_processes_are_found_and_of_living_ones_not(life: Lifetime) -> None:
    """A18: reconciliation after a crash."""
    repository = life.vault.repository
    dead = {**this_host(), "started": "0"}
    for name, host in (("gone", dead), ("here", this_host()), ("elsewhere", {"name": "other"})):
        open_session(repository, "b", name, host, None)
    assert [facts.id for facts in dead_sessions(repository)] == ["gone"]
    assert [settle_session(repository, facts) for facts in dead_sessions(repository)] == [Outcome.VOIDED]
    assert dead_sessions(repository) == []
