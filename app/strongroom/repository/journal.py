"""The journal: what happened to the vault, sealed, append-only and chained, so that a lost catalog can be folded again from it (C4).

Every writer has its own chain: event n names the hash of event n-1. A missing, altered or re-ordered event breaks the chain; only the newest events
can be taken away unnoticed, and that is what the tips in catalogs, manifests and sheets are for.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from blake3 import blake3

from strongroom.domain.clock import Clock, SystemClock
from strongroom.domain.errors import InvalidInput
from strongroom.repository.envelope import ObjectKind, seal, unseal
from strongroom.repository.errors import ObjectDamaged, ObjectExists, StoreLocked
from strongroom.repository.repository import Repository

PREFIX: Final = "event/"
_WRITER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY = re.compile(r"event/([A-Za-z0-9_-]{1,64})/([0-9]{10})")
_ATTEMPTS: Final = 100


@dataclass(frozen=True, slots=True)
class Event:
    """One entry: ``seq`` counts from 1 within its writer, ``at`` is RFC 3339 in UTC, ``payload`` is JSON."""

    writer: str
    seq: int
    kind: str
    at: str
    payload: Mapping[str, Any]

    @property
    def object_key(self) -> str:
        return f"{PREFIX}{self.writer}/{self.seq:010d}"


class Journal:
    """One writer's chain. Processes may share a writer's name: the store lets only one of them have the next place."""

    def __init__(self, repository: Repository, writer: str, clock: Clock | None = None) -> None:
        """``InvalidInput`` unless ``writer`` is 1-64 letters, digits, ``-`` and ``_``; it can be seen without a key."""
        if not _WRITER.fullmatch(writer):
            raise InvalidInput(f"{writer!r} cannot name a journal", action="Use letters, digits, - and _.")
        self._repository = repository
        self._writer = writer
        self._clock = clock or SystemClock()
        self._tip: tuple[int, str] | None = None

    def append(self, kind: str, payload: Mapping[str, Any]) -> Event:
        """Add an event; it is durable when this returns. ``StoreLocked`` if others keep taking the next place."""
        repository = self._repository
        for _ in range(_ATTEMPTS):
            seq, previous = self._tip or self._last()
            at = self._clock.now().astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
            event = Event(self._writer, seq + 1, kind, at, payload)
            sealed = seal(repository.key, repository.id, ObjectKind.EVENT, event.object_key, _encoded(event, previous))
            try:
                repository.store.put_new(event.object_key, sealed)
            except ObjectExists:
                self._tip = None  # another process of the same writer was first
                continue
            self._tip = (event.seq, _hash_of(sealed))
            return event
        raise StoreLocked(f"Journal {self._writer} is being written by others")

    def _last(self) -> tuple[int, str]:
        store, last = self._repository.store, 0
        for info in store.list(f"{PREFIX}{self._writer}/"):
            last = max(last, _place(info.key)[1])
        if last == 0:
            return 0, ""
        return last, _hash_of(store.get(f"{PREFIX}{self._writer}/{last:010d}"))


def replay(repository: Repository) -> Iterator[Event]:
    """Every event of every writer, chains verified, ordered by (time, writer, seq); within a writer always by seq, however its clock jumped.

    Raises ``ObjectDamaged`` where a chain breaks: what follows cannot be believed.
    """
    lengths: dict[str, int] = {}
    counts: dict[str, int] = {}
    for info in repository.store.list(PREFIX):
        writer, seq = _place(info.key)
        lengths[writer] = max(lengths.get(writer, 0), seq)
        counts[writer] = counts.get(writer, 0) + 1
    for writer, length in sorted(lengths.items()):
        if counts[writer] != length:
            raise ObjectDamaged(f"Journal {writer} is broken", cause=f"{length - counts[writer]} of its {length} events are missing")
    chains = (_timed(_chain(repository, writer, length)) for writer, length in lengths.items())
    for _, event in heapq.merge(*chains, key=lambda timed: (timed[0], timed[1].writer, timed[1].seq)):
        yield event


def _timed(events: Iterator[Event]) -> Iterator[tuple[str, Event]]:
    latest = ""
    for event in events:
        latest = max(latest, event.at)
        yield latest, event


def _chain(repository: Repository, writer: str, length: int) -> Iterator[Event]:
    previous = ""
    for seq in range(1, length + 1):
        object_key = f"{PREFIX}{writer}/{seq:010d}"
        sealed = repository.store.get(object_key)
        payload = unseal(repository.key, repository.id, ObjectKind.EVENT, object_key, sealed)
        yield _decoded(object_key, payload, previous)
        previous = _hash_of(sealed)


def _encoded(event: Event, previous: str) -> bytes:
    fields = {"kind": event.kind, "at": event.at, "payload": event.payload, "previous": previous}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _decoded(object_key: str, payload: bytes, previous: str) -> Event:
    writer, seq = _place(object_key)
    try:
        fields = json.loads(payload.decode("utf-8", "surrogatepass"))
        event = Event(writer, seq, str(fields["kind"]), str(fields["at"]), fields["payload"])
        found = fields["previous"]
    except (ValueError, KeyError, TypeError) as error:
        raise ObjectDamaged(f"Object {object_key} is no event", cause=str(error)) from None
    if found != previous:
        raise ObjectDamaged(f"Journal {writer} is broken before event {seq}", cause="an event was exchanged or left out")
    return event


def _place(object_key: str) -> tuple[str, int]:
    match = _KEY.fullmatch(object_key)
    if match is None:
        raise ObjectDamaged(f"Object {object_key} has no place in a journal", cause="its name is no event's")
    return match[1], int(match[2])


def _hash_of(sealed: bytes) -> str:
    return blake3(sealed).hexdigest()
