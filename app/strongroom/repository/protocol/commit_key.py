"""The commit key: one name per backup of a machine, taken once, by its manifest or by a VOID (invariant 15).

Whoever takes it first decides what became of the backup. A session that lost it cannot commit any more, however late it wakes up, and
this needs no clock and no lease. A key stays taken after its manifest was pruned: the prune record outlives the manifest.
"""

from __future__ import annotations

from enum import StrEnum

from strongroom.repository.envelope import ObjectKind, kind_of, unseal
from strongroom.repository.errors import ObjectExists, ObjectMissing, SessionFenced
from strongroom.repository.format import parse_snap_key, snap_key
from strongroom.repository.protocol.prune_record import pruned_keys
from strongroom.repository.sealed import Place, put_document


class Outcome(StrEnum):
    """What became of a backup once its commit key is taken."""

    VOIDED = "voided"
    COMMITTED = "committed"


def next_commit_key(place: Place, tag: str) -> str:
    """A key of this machine that was never taken. Two sessions may get the same one: the first to take it wins."""
    prefix = f"snap/{tag}/"
    present = {info.key for info in place.store.list(prefix)}
    taken = present | pruned_keys(place, tag)
    sequence = [parsed[1] for key in taken if (parsed := parse_snap_key(key)) is not None]
    return snap_key(tag, max(sequence, default=0) + 1)


def take(place: Place, commit_key: str, manifest: bytes) -> None:
    """Commit: publish the sealed manifest at its key; ``SessionFenced`` if somebody else took it. The same bytes again are success.

    A manifest that was pruned leaves its name free in the store. The second look, at the prune records, catches the loser of a race who
    sleeps until then: the record was durable before the name came free, so who finds no record has truly committed.
    """
    try:
        place.store.put_new(commit_key, manifest)
    except ObjectExists:
        raise _fenced(commit_key) from None
    if was_pruned(place, commit_key):
        raise _fenced(commit_key)


def void(place: Place, commit_key: str) -> Outcome:
    """Take the key so that nobody can commit there any more; says who was first. Safe to repeat, from anywhere, at any time."""
    try:
        put_document(place, ObjectKind.VOID, commit_key, {})
    except ObjectExists:
        return _found(place, commit_key)
    return Outcome.COMMITTED if was_pruned(place, commit_key) else Outcome.VOIDED


def _found(place: Place, commit_key: str) -> Outcome:
    try:
        data = place.store.get(commit_key)
    except ObjectMissing:  # pruned since: only manifests ever are
        return Outcome.COMMITTED
    kind = ObjectKind.VOID if kind_of(commit_key, data) is ObjectKind.VOID else ObjectKind.MANIFEST
    unseal(place.key, place.id, kind, commit_key, data)
    return Outcome.VOIDED if kind is ObjectKind.VOID else Outcome.COMMITTED


def is_taken(place: Place, commit_key: str) -> bool:
    """Whether its session has ended. First the key, then the records: a key is recorded before its manifest is deleted."""
    return place.store.stat(commit_key) is not None or was_pruned(place, commit_key)


def was_pruned(place: Place, commit_key: str) -> bool:
    """Whether a prune record names the key; nothing below that name is a recovery point any more."""
    parsed = parse_snap_key(commit_key)
    return parsed is not None and commit_key in pruned_keys(place, parsed[0])


def _fenced(commit_key: str) -> SessionFenced:
    return SessionFenced(f"The backup may not commit as {commit_key}", cause="another process took its commit key")
