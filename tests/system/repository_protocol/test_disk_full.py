"""A file system of a few MiB that really runs full (invariant 19)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.repository.checking.check import Tier, check
from strongroom.repository.counters import Counters
from strongroom.repository.errors import StoreFull
from strongroom.repository.protocol.collect import condemn, sweep
from strongroom.repository.store.local import LocalStore
from tests.parts import require_part
from tests.scenario.repository.vault import never
from tests.scenario.repository_protocol.lifetime import Lifetime, content

pytestmark = pytest.mark.system


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 12 MiB."""
    require_part("root")
    mounted = tmp_path / "small"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "strongroom-test", str(mounted)], check=True)
    try:
        yield mounted
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def _fill(life: Lifetime) -> int:
    """Back up ever more until nothing goes any more; how many backups committed."""
    for number in range(100):
        try:
            life.back_up("full", content(100 + number))
        except StoreFull:
            return number
    raise AssertionError("12 MiB hold more than expected")


def _pour(path: Path, piece: bytes) -> None:
    """Append for ever."""
    with path.open("ab", buffering=0) as file:
        while True:
            file.write(piece)


def test_a_disk_that_runs_full_stays_readable_and_collection_makes_room_again(small: Path) -> None:
    """Invariant 19, A19."""
    life = Lifetime.begin(LocalStore.create(small / "repository"))
    assert _fill(life) > 3
    life.assert_whole()
    life.give_up(*[manifest.commit_key for manifest in life.vault.repository.manifests("full")][:-1])
    condemn(life.vault.repository, threshold=0.5, check=never)
    assert sweep(life.vault.repository, check=never).deleted_bytes > 1_000_000
    life.assert_whole()
    life.back_up("full", content(300))
    life.assert_whole()


def test_a_disk_filled_to_the_last_byte_by_somebody_else_can_be_restored_from(small: Path) -> None:
    """Invariant 19, A16: no session can be declared, and yet every point comes back."""
    life = Lifetime.begin(LocalStore.create(small / "repository"))
    for piece in (bytes(64 * 1024), b"x"):
        with pytest.raises(OSError, match="No space"):
            _pour(small / "somebody", piece)
    for manifest in life.vault.repository.manifests():
        assert life.vault.restore(manifest) == life.expected[manifest.commit_key]
    with pytest.raises(StoreFull):
        life.back_up("b", content(50))
    (small / "somebody").unlink()
    life.assert_goes_on()


def test_a_repository_on_a_read_only_file_system_can_be_restored_and_checked(small: Path) -> None:
    """A16, B3: from a snapshot, a mirror or a disk in another machine."""
    life = Lifetime.begin(LocalStore.create(small / "repository"))
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    life.assert_whole()
    assert check(life.vault.repository, Tier.DATA, Counters(), never).problems == []


def test_a_limit_on_the_size_of_files_is_a_full_store(tmp_path: Path) -> None:
    """Invariant 19: RLIMIT_FSIZE, which needs no rights."""
    LocalStore.create(tmp_path / "repository")
    script = (
        "import resource, sys; from pathlib import Path; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "from strongroom.repository.store.local import LocalStore; from strongroom.repository.errors import StoreFull;"
        "store = LocalStore(Path(sys.argv[1])); store.put_new('sess/a', bytes(900))\n"
        "try: store.put_new('packs/00/x', bytes(2000))\n"
        "except StoreFull: print('full', store.stat('packs/00/x'), list((store.root / '.tmp').iterdir()))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path("app").resolve())])}
    command = [sys.executable, "-c", script, str(tmp_path / "repository")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "full None []\n"
