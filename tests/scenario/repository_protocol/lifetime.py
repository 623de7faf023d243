"""A small repository with a past: two machines, several points, something pruned and something condemned; and how to judge it afterwards."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from strongroom.repository.checking.check import Tier, check
from strongroom.repository.counters import Counters
from strongroom.repository.protocol.collect import condemn, sweep
from strongroom.repository.protocol.prune import PruneEntry, PrunePlan, execute_prune
from strongroom.repository.protocol.prune_record import pruned_keys
from strongroom.repository.protocol.session import open_sessions, settle_session
from strongroom.repository.repository import Repository
from strongroom.repository.store.base import Store
from strongroom.repository.writing.writer import BackupWriter
from tests.scenario.repository.vault import Source, Vault, never

BLOCK = 64 * 1024
DISK_BYTES = 28 * BLOCK  # two slots, the second of them short


def content(seed: int) -> bytes:
    """A disk's bytes: the first slot common to all disks, of the second a little zero."""
    common = random.Random(0).randbytes(16 * BLOCK)
    return common + bytes(2 * BLOCK) + random.Random(seed).randbytes(DISK_BYTES - 18 * BLOCK)


def changed(before: bytes, seed: int) -> bytes:
    """The same disk with one block overwritten."""
    choice = random.Random(seed)
    at = choice.randrange(16, DISK_BYTES // BLOCK) * BLOCK
    return before[:at] + choice.randbytes(BLOCK) + before[at + BLOCK :]


class OneThreadVault(Vault):
    """Seals with one thread, so that the same backup always makes the same packs."""

    def open_writer(self, machine_id: str = "m", *, check: Callable[[], None] = never, verify: bool = True) -> BackupWriter:
        session_id = f"job-{secrets.token_hex(4)}"
        return BackupWriter.open(
            self.repository, machine_id, session_id, parent="newest", counters=self.counters, check=check, verify=verify, threads=1
        )


@dataclass
class Lifetime:
    """A vault and what each commit key must give back."""

    vault: Vault
    expected: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def begin(cls, store: Store | None = None) -> Lifetime:
        """Machine a with three points, b with one; a's first point given up, so that some packs are mostly dead."""
        life = cls(OneThreadVault(store))
        second = content(2)
        for machine, disk in (("a", content(1)), ("a", second), ("a", changed(second, 3)), ("b", content(4))):
            life.back_up(machine, disk)
        life.give_up(life.vault.repository.manifests("a")[0].commit_key)
        return life

    def back_up(self, machine: str, disk: bytes) -> str:
        manifest = self.vault.backup(Source(disk).disk("compare"), machine_id=machine)
        self.expected[manifest.commit_key] = disk
        return manifest.commit_key

    def give_up(self, *commit_keys: str) -> None:
        give_up(self.vault.repository, *commit_keys)

    def on(self, store: Store) -> Lifetime:
        """The same past, seen through another store."""
        vault = OneThreadVault.__new__(OneThreadVault)
        vault.store, vault.created, vault.numbers, vault.counters = store, self.vault.created, self.vault.numbers, Counters()
        return Lifetime(vault, dict(self.expected))

    def assert_whole(self) -> None:
        """Every recovery point that is there restores byte for byte, and nothing is wrong with any object."""
        repository = self.vault.repository
        given_up = pruned_keys(repository)
        for manifest in [point for point in repository.manifests() if point.commit_key not in given_up]:
            assert self.vault.restore(manifest) == self.expected[manifest.commit_key], manifest.commit_key
        report = check(repository, Tier.DATA, Counters(), never)
        assert report.problems == []

    def assert_goes_on(self) -> None:
        """Whoever died is settled, collection ends its work, the next backup commits; and still everything is whole."""
        repository = self.vault.repository
        for facts in open_sessions(repository):
            settle_session(repository, facts)
        assert open_sessions(repository) == []
        collect_all(repository)
        self.assert_whole()
        self.back_up("a", changed(content(1), 99))
        self.assert_whole()


def give_up(repository: Repository, *commit_keys: str) -> None:
    execute_prune(repository, PrunePlan(tuple(PruneEntry(key, "a", "test") for key in commit_keys), ()))


def collect_all(repository: Repository, check: Callable[[], None] = never) -> None:
    condemn(repository, threshold=0.9, check=check)
    sweep(repository, check=check)


Deed = Callable[[Lifetime], object]
