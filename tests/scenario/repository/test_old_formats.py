"""Old formats for ever: a repository of every released format is opened and restored (invariant 20)."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from strongroom.repository.counters import Counters
from strongroom.repository.errors import RepositoryTooNew
from strongroom.repository.journal import replay
from strongroom.repository.keys.keyring import Sheet, unlock_with_passphrase, unlock_with_recovery
from strongroom.repository.keys.master import MasterKey
from strongroom.repository.reading.reader import PointReader
from strongroom.repository.repository import Repository
from strongroom.repository.store.local import LocalStore
from tests.fixtures.make_repository_sr1 import PASSPHRASE
from tests.scenario.repository.stranger import Stranger
from tests.scenario.repository.vault import never

FIXTURE = Path(__file__).parents[2] / "fixtures" / "repository-sr1"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    shutil.copytree(FIXTURE / "store", tmp_path / "store")
    return LocalStore.create(tmp_path / "store")  # git keeps no empty folders


def restored(repository: Repository) -> list[str]:
    hashes = []
    for point in repository.manifests():
        target = bytearray(point.disks[0].size_bytes)

        def write(offset: int, view: memoryview, target: bytearray = target) -> None:
            target[offset : offset + len(view)] = view

        with PointReader.open(repository, point, counters=Counters(), check=never) as reader:
            assert reader.copy("vda", write).bad_ranges == ()
        hashes.append(hashlib.sha256(target).hexdigest())
    return hashes


@pytest.mark.parametrize("way", ["passphrase", "recovery key", "sheet"])
def test_a_repository_of_format_1_is_restored(way: str, store: LocalStore) -> None:
    """Invariant 20: whichever way it is opened, every point gives back what was backed up then."""
    expected = json.loads((FIXTURE / "expected.json").read_text())
    repository = Repository.open(store, unlock(way, store, expected["recovery_key"]))
    assert restored(repository) == expected["sha256"]
    assert [event.kind for event in replay(repository)] == ["vault-created", "policy-created"]


def unlock(way: str, store: LocalStore, recovery_key: str) -> MasterKey:
    if way == "passphrase":
        return unlock_with_passphrase(store, PASSPHRASE)
    place = Sheet.parse((FIXTURE / "sheet.txt").read_text()) if way == "sheet" else store
    return unlock_with_recovery(place, recovery_key)


@pytest.mark.parametrize(
    ("name", "readable", "writable"), [("compat-x", True, True), ("rocompat-x", True, False), ("incompat-x", False, False)]
)
def test_features_of_a_later_version_are_respected(name: str, readable: bool, writable: bool, store: LocalStore) -> None:
    """Invariant 20: an unknown incompat refuses, an unknown rocompat is read-only, an unknown compat does not matter."""
    key = unlock_with_passphrase(store, PASSPHRASE)
    store.put_new(f"feature/{name}", b"")
    if not readable:
        with pytest.raises(RepositoryTooNew):
            Repository.open(store, key)
        return
    repository = Repository.open(store, key)
    assert repository.read_only is not writable
    assert len(restored(repository)) == 2


def test_a_repository_of_a_later_format_is_refused(store: LocalStore) -> None:
    """A19: the error says to upgrade."""
    header = store.root / "sr1.json"
    header.chmod(0o600)
    header.write_text(header.read_text().replace('"SR1"', '"SR2"'))
    with pytest.raises(RepositoryTooNew, match="Upgrade"):
        unlock_with_passphrase(store, PASSPHRASE)


def test_a_stranger_reads_the_fixture_by_the_document_alone() -> None:
    """Invariant 20, C4: ``docs/design/format.md`` is enough to write a reader."""
    expected = json.loads((FIXTURE / "expected.json").read_text())
    stranger = Stranger(FIXTURE / "store", expected["recovery_key"])
    disks = [stranger.disk(manifest["disks"][0]) for manifest in stranger.manifests()]
    assert [hashlib.sha256(disk).hexdigest() for disk in disks] == expected["sha256"]
