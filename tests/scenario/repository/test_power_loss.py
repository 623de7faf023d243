"""A backup through a simulated loss of power (invariant 2), and keys and nonces that never repeat (invariant 14)."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from strongroom.domain.disk import SLOT_BYTES
from strongroom.domain.errors import InternalError
from strongroom.repository.envelope import ObjectKind, seal
from strongroom.repository.packs.cipher import PackCipher
from strongroom.repository.packs.pack import Codec, EntryKind, PackWriter, read_trailer
from strongroom.repository.repository import Repository
from strongroom.repository.store.local import LocalStore
from strongroom.testing.power import PowerLossStore, PowerLost
from tests.scenario.repository.vault import Source, Vault


@pytest.mark.parametrize("seed", range(4))
def test_a_committed_point_survives_loss_of_power_at_any_call(seed: int, tmp_path: Path) -> None:
    """Invariant 2: whatever was not synced may be gone; what was committed restores, and what was not is no point."""
    choice, content = random.Random(seed), random.Random(seed).randbytes(2 * SLOT_BYTES)
    total = len(powered(tmp_path / "whole", content, stop_at=0)[1].disk.calls)
    for stop_at in sorted(choice.sample(range(1, total + 1), 12)):
        vault, store, committed = powered(tmp_path / f"stop-{stop_at}", content, stop_at=stop_at)
        vault.store = store.lose_power(choice)
        points = vault.repository.manifests()
        assert len(points) == 1 or not committed
        assert all(vault.restore(point) == content for point in points)


def powered(place: Path, content: bytes, *, stop_at: int) -> tuple[Vault, PowerLossStore, bool]:
    """A backup of ``content`` to a new repository whose power goes at one call; whether it had committed by then."""
    vault = Vault(LocalStore.create(place / "repository"))
    store = PowerLossStore(place / "repository", place / "graveyard", stop_at=stop_at)
    vault.store = store
    try:
        vault.backup(Source(content).disk())
    except PowerLost:
        return vault, store, False
    return vault, store, True


def nonces_of(vault: Vault) -> list[tuple[bytes, int, int, bytes]]:
    """Everything that enters (key, nonce) of a pack's entries."""
    used = []
    for key in vault.keys("packs/"):
        trailer = read_trailer(vault.repository, key[-64:])
        used += [(trailer.salt, entry.kind, entry.ordinal, entry.id[:8]) for entry in trailer.entries]
    return used


def test_no_key_and_nonce_seal_twice() -> None:
    """Invariant 14: a salt a pack, an ordinal an entry; repeated and deduplicated content included."""
    vault = Vault()
    for turn in range(4):
        vault.backup(Source(random.Random(turn % 2).randbytes(3 * SLOT_BYTES)).disk(), machine_id=f"m{turn}")
    used = nonces_of(vault)
    assert len(used) == len(set(used))
    assert len({salt for salt, *_ in used}) == len(vault.keys("packs/"))


def test_the_envelope_draws_its_key_anew_each_time() -> None:
    """Invariant 14: the same payload for the same place never has the same key."""
    repository: Repository = Vault().repository
    first, second = (seal(repository.key, repository.id, ObjectKind.BAD, "bad/x", b"same") for _ in range(2))
    assert first[8:40] != second[8:40]
    assert first[40:] != second[40:]


def test_a_fork_never_continues_a_pack() -> None:
    """Invariant 14: two processes with one salt would repeat ordinals."""
    repository = Vault().repository
    writer = PackWriter(repository.key, repository.id, "s", bytearray(1 << 20))
    child = os.fork()
    if child == 0:
        try:
            writer.add(EntryKind.DATA, Codec.RAW, bytes(32), b"", b"x", 1)
        except InternalError:
            os._exit(17)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17


def test_packs_with_other_salts_have_other_keys() -> None:
    """Invariant 14: what one pack's key sealed, another's does not open."""
    repository = Vault().repository
    first, second = (PackCipher(repository.key, repository.id, salt * 32) for salt in (b"a", b"b"))
    assert first.seal_trailer(b"same") != second.seal_trailer(b"same")
