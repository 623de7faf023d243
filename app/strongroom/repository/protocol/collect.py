"""Collection over a real repository: ``condemn``, and later ``sweep``. Between them and beside them backups and restores go on."""

from __future__ import annotations

from strongroom.repository.errors import RepositoryTooNew
from strongroom.repository.index.store import compact_index
from strongroom.repository.protocol.collection import Check
from strongroom.repository.protocol.condemn import DEFAULT_THRESHOLD, CondemnReport, condemn_packs
from strongroom.repository.protocol.pack_copier import PackChunks
from strongroom.repository.protocol.session import settle_dead_sessions
from strongroom.repository.protocol.sweep import SweepReport, sweep_packs
from strongroom.repository.repository import Repository

__all__ = ["CondemnReport", "SweepReport", "condemn", "sweep"]

_LOCK = "collect"


def condemn(repository: Repository, *, threshold: float = DEFAULT_THRESHOLD, check: Check) -> CondemnReport:
    """Condemn packs with less than ``threshold`` of live bytes; nothing is deleted.

    Raises ``StoreLocked`` while another process of this host collects, ``ChunkMissing`` or ``ObjectDamaged`` if some recovery point cannot be
    walked: then nothing is known to be dead. Killed anywhere, it leaves nothing to repair.
    """
    _must_be_writable(repository)
    with repository.store.lock(_LOCK):
        return condemn_packs(repository, PackChunks(repository, check), threshold, check)


def sweep(repository: Repository, *, check: Check) -> SweepReport:
    """Delete condemned packs whose witnesses have ended, what lives in them copied first; the report says for whom the rest waits.

    Also settles sessions whose process is surely dead, and deletes manifests that were given up and are no longer pinned. Raises as ``condemn``, and ``StoreFull`` if the copies find no room.
    """
    _must_be_writable(repository)
    with repository.store.lock(_LOCK):
        settle_dead_sessions(repository)
        report = sweep_packs(repository, PackChunks(repository, check), check)
        if report.gone:
            compact_index(repository, frozenset(report.gone))
    return report


def _must_be_writable(repository: Repository) -> None:
    if repository.read_only:
        raise RepositoryTooNew("The repository may only be read by this version", cause="it has a feature that writers must know")
