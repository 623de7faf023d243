"""Sessions: who is reading or writing, from which recovery point it inherits, and under which key it will commit.

The order of ``open_session`` is rule 1 of the protocol in ``docs/design/ordering.md``: declare, then look at what was given up (prune
records), then at what is condemned (trash). Whoever prunes or condemns looks the other way round, so one of the two sees the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from strongroom.repository.envelope import ObjectKind
from strongroom.repository.errors import ManifestMissing, ObjectDamaged, ObjectMissing, SessionFenced, StoreFull, StoreReadOnly
from strongroom.repository.format import pack_key
from strongroom.repository.host import is_surely_dead, this_host
from strongroom.repository.protocol import commit_key as keys
from strongroom.repository.protocol.commit_key import Outcome, void
from strongroom.repository.protocol.trash import condemned_packs
from strongroom.repository.sealed import Place, get_document, put_document, sealed_document

__all__ = [
    "Outcome",
    "Session",
    "SessionFacts",
    "beat",
    "dead_sessions",
    "end_session",
    "has_ended",
    "is_usable",
    "open_reading_session",
    "open_session",
    "open_sessions",
    "publish",
    "sessions",
    "settle_dead_sessions",
    "settle_session",
    "this_host",
    "void",
]

PREFIX = "sess/"
_BEAT = ".beat"


class TaggedPlace(Place, Protocol):
    """A place that knows under which tag a machine's recovery points are filed."""

    def machine_tag(self, machine_id: str) -> str: ...


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What ``sess/<id>`` says. ``commit_key`` is empty for a reader; ``pinned`` are the commit keys of manifests that must stay."""

    id: str
    commit_key: str
    pinned: tuple[str, ...]
    machine_id: str = ""
    host: Mapping[str, Any] = field(default_factory=dict)
    started_at: str = ""

    @property
    def key(self) -> str:
        return PREFIX + self.id


@dataclass(slots=True)
class Session:
    """An open session: ``pinned`` is the parent it may inherit from (None: inherit nothing), ``trash`` the packs it may not use."""

    place: Place
    facts: SessionFacts
    pinned: str | None
    trash: frozenset[str]
    stats: dict[str, bool] = field(default_factory=dict, repr=False)

    @property
    def id(self) -> str:
        return self.facts.id

    @property
    def commit_key(self) -> str:
        return self.facts.commit_key


def open_session(repository: TaggedPlace, machine_id: str, session_id: str, host: Mapping[str, Any], parent: str | None) -> Session:
    """Declare a backup of ``machine_id``; ``parent`` is the commit key of the manifest to inherit from, or None.

    Nothing of the backup may be written before this returns. A parent that is being pruned is silently no parent (``pinned`` is None).
    ``host`` is ``this_host()`` unless the backup runs elsewhere. ``ObjectExists`` if the session id was used before.
    """
    commit_key = keys.next_commit_key(repository, repository.machine_tag(machine_id))
    facts = SessionFacts(session_id, commit_key, (parent,) if parent else (), machine_id, dict(host or this_host()), _now())
    _declare(repository, facts)
    pinned = None if parent is None or keys.was_pruned(repository, parent) else parent
    return Session(repository, facts, pinned, condemned_packs(repository))


def open_reading_session(repository: Place, session_id: str, host: Mapping[str, Any], pins: Sequence[str]) -> Session:
    """Declare a reader (restore, verify, copy): the manifests ``pins`` stay until it ends. ``ManifestMissing`` if one is being pruned.

    A place that is full or may not be written is read without a pin: should the point be pruned meanwhile, the reader gets errors, never
    wrong bytes, and a restore from a full or write-protected disk is worth that.
    """
    facts = SessionFacts(session_id, "", tuple(pins), "", dict(host or this_host()), _now())
    with suppress(StoreFull, StoreReadOnly):
        _declare(repository, facts)
    session = Session(repository, facts, None, condemned_packs(repository))
    for pin in pins:
        if keys.was_pruned(repository, pin) or repository.store.stat(pin) is None:
            end_session(session)
            raise ManifestMissing(f"There is no recovery point {pin}", cause="it was pruned")
    return session


def _declare(place: Place, facts: SessionFacts) -> None:
    document = {
        "commit_key": facts.commit_key,
        "pinned": list(facts.pinned),
        "machine_id": facts.machine_id,
        "host": dict(facts.host),
        "started_at": facts.started_at,
    }
    put_document(place, ObjectKind.SESSION, facts.key, document)


def is_usable(session: Session, pack_id: str) -> bool:
    """Whether a chunk found in this pack need not be stored again (rule 2): not condemned, and there since we looked at the trash."""
    return not is_condemned(session, pack_id) and is_there(session, pack_id)


def is_condemned(session: Session, pack_id: str) -> bool:
    """Whether the pack may be deleted under us: its tombstone was there when we opened."""
    return pack_id in session.trash


def is_there(session: Session, pack_id: str) -> bool:
    """Whether the pack exists, by a stat made after the trash was listed; asked once per pack and session."""
    known = session.stats.get(pack_id)
    if known is None:
        known = session.stats[pack_id] = session.place.store.stat(pack_key(pack_id)) is not None
    return known


def publish(session: Session, manifest_bytes: bytes) -> None:
    """Commit: everything the manifest needs must be durable before. ``SessionFenced`` if the session was declared dead meanwhile."""
    if not session.commit_key:
        raise SessionFenced(f"Session {session.id} only reads: it has nothing to commit")
    keys.take(session.place, session.commit_key, manifest_bytes)


def end_session(session: Session) -> Outcome:
    """Close: a backup that did not commit is voided, then its session goes. Safe to repeat."""
    return settle_session(session.place, session.facts)


def settle_session(place: Place, facts: SessionFacts) -> Outcome:
    """End a session, one's own or one presumed dead: take its key, then delete it. Says whether it had committed.

    A reader has no key: deleting its session ends it, and what it pinned may go.
    """
    outcome = void(place, facts.commit_key) if facts.commit_key else Outcome.VOIDED
    with suppress(*(() if facts.commit_key else (StoreReadOnly,))):  # a reader there never declared itself
        place.store.delete(facts.key)
        place.store.delete(facts.key + _BEAT)
    return outcome


def beat(session: Session) -> None:
    """Say «still alive». Only ever a hint when to try ``settle_session``; costs one small write."""
    key = session.facts.key + _BEAT
    session.place.store.touch(key, sealed_document(session.place, ObjectKind.HEARTBEAT, key, {"at": _now()}))


def sessions(place: Place) -> list[SessionFacts]:
    """Every session object that is there; one that cannot be read is an error, for it may pin something."""
    found = []
    for info in place.store.list(PREFIX):
        if not info.key.endswith(_BEAT):
            try:
                found.append(_facts_of(info.key, get_document(place, ObjectKind.SESSION, info.key)))
            except ObjectMissing:
                continue  # ended since the listing
    return found


def dead_sessions(place: Place) -> list[SessionFacts]:
    """Those whose process has ended beyond doubt, committed or not: for ``settle_session``. Sessions of other hosts are never among them."""
    return [facts for facts in sessions(place) if is_surely_dead(facts.host)]


def settle_dead_sessions(place: Place) -> list[SessionFacts]:
    """Settle those; whoever asks ``void`` about their commit keys later gets the same outcome as if he had settled them."""
    found = dead_sessions(place)
    for facts in found:
        settle_session(place, facts)
    return found


def open_sessions(place: Place) -> list[SessionFacts]:
    """Those that have not ended."""
    return [facts for facts in sessions(place) if not has_ended(place, facts)]


def has_ended(place: Place, facts: SessionFacts) -> bool:
    """A backup has ended when its commit key is taken, a reader when its session is gone. No clock has a say."""
    if facts.commit_key:
        return keys.is_taken(place, facts.commit_key)
    return place.store.stat(facts.key) is None


def _facts_of(key: str, document: Mapping[str, Any]) -> SessionFacts:
    try:
        return SessionFacts(
            key.removeprefix(PREFIX),
            str(document["commit_key"]),
            tuple(str(pin) for pin in document["pinned"]),
            str(document["machine_id"]),
            dict(document["host"]),
            str(document["started_at"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ObjectDamaged(f"Session {key} is malformed", cause=str(error)) from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
