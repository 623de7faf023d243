"""Every rule of the protocol, and how to leave it out: the tests must notice each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from strongroom.repository.errors import SessionFenced
from strongroom.repository.protocol import collection, commit_key, condemn, prune, session, sweep, trash
from strongroom.repository.protocol.commit_key import Outcome
from strongroom.repository.protocol.session import SessionFacts
from strongroom.repository.protocol.trash import Tombstone, Witness
from strongroom.repository.sealed import Place

Patch = pytest.MonkeyPatch


def drop_pin(patch: Patch) -> None:
    """Prune deletes what an open session pins."""
    patch.setattr(prune, "pinned_manifests", lambda _place: frozenset())


def drop_seen_after_tombstone(patch: Patch) -> None:
    """The sessions are listed before the tombstone is durable."""

    def bury(place: Place, packs: Sequence[str]) -> str:
        witnesses = condemn.open_witnesses(place)
        trash.put_tombstone(place, Tombstone("early", tuple(packs)))
        trash.put_seen(place, "early", witnesses)
        return "early"

    patch.setattr(condemn, "bury", bury)


def drop_mark_after_ended(patch: Patch) -> None:
    """The mark is made before the witnesses are known to have ended."""

    def mark_then_settle(place: Place, chunks: Any, mine: Any, marks: Any, check: Callable[[], None]) -> Any:
        collection.mark(place, chunks, marks, check)
        return sweep.settled(place, mine)

    patch.setattr(sweep, "settle_then_mark", mark_then_settle)


def drop_void(patch: Patch) -> None:
    """A session ends when its object is deleted; nothing fences its commit but a look whether it is still there."""

    def settle(place: Place, facts: SessionFacts) -> Outcome:
        place.store.delete(facts.key)
        return Outcome.VOIDED

    def publish(opened: session.Session, manifest: bytes) -> None:
        if opened.place.store.stat(opened.facts.key) is None:
            raise SessionFenced("expired")
        opened.place.store.put_new(opened.commit_key, manifest)

    def witness_ended(place: Place, witness: Witness) -> bool:
        return place.store.stat(f"sess/{witness.session_id}") is None

    patch.setattr(session, "settle_session", settle)
    patch.setattr(session, "publish", publish)
    patch.setattr(session, "has_ended", lambda place, facts: place.store.stat(facts.key) is None)
    patch.setattr(sweep, "_has_ended", witness_ended)


class Reprieved(SessionFenced):
    """The mutant of «no reprieve» stops here."""


def drop_no_reprieve(patch: Patch) -> None:
    """A condemned pack that turns out to live is let go instead of being copied."""

    def spare(chunks: Any, homeless: dict[bytes, list[str]]) -> int:
        if not homeless:
            return 0
        for tombstone in trash.tombstones(chunks._place):
            chunks._place.store.delete(f"trash/{tombstone.gc_id}.seen")
            chunks._place.store.delete(f"trash/{tombstone.gc_id}")
        raise Reprieved("let go")

    patch.setattr(sweep, "_copy", spare)


def drop_stat(patch: Patch) -> None:
    """What the index says is believed."""
    patch.setattr(session, "is_there", lambda _opened, _pack: True)


def drop_trash_filter(patch: Patch) -> None:
    """Condemned packs are used again."""
    patch.setattr(session, "is_condemned", lambda _opened, _pack: False)


def drop_cover_outside_trash(patch: Patch) -> None:
    """A condemned pack counts as a safe place."""
    patch.setattr(sweep, "may_cover", lambda _pack, _trash: True)


def drop_sign_on(patch: Patch) -> None:
    """A tombstone is forgotten while another collection may still delete."""
    patch.setattr(trash, "_is_signed", lambda _place, _gc_id: False)


def drop_key_stays_taken(patch: Patch) -> None:
    """A commit key comes free with its manifest."""
    patch.setattr(commit_key, "was_pruned", lambda _place, _key: False)


RULES: dict[str, Callable[[Patch], None]] = {
    "pin": drop_pin,
    "seen after tombstone": drop_seen_after_tombstone,
    "mark after ended": drop_mark_after_ended,
    "VOID": drop_void,
    "no reprieve": drop_no_reprieve,
    "stat": drop_stat,
    "trash filter": drop_trash_filter,
    "cover outside trash": drop_cover_outside_trash,
    "tombstone outlives collections": drop_sign_on,
    "a pruned key stays taken": drop_key_stays_taken,
}
