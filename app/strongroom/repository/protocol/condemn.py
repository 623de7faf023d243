"""Collect 1: choose packs that are dead or mostly dead, and condemn them (rule 6 of the protocol)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from strongroom.repository.errors import ObjectDamaged, ObjectMissing
from strongroom.repository.format import pack_of_key
from strongroom.repository.protocol.collection import Check, Chunks, mark
from strongroom.repository.protocol.live_marks import LiveMarks
from strongroom.repository.protocol.quarantine import bad_packs
from strongroom.repository.protocol.session import open_sessions
from strongroom.repository.protocol.trash import Tombstone, Witness, condemned_packs, put_seen, put_tombstone
from strongroom.repository.sealed import Place

DEFAULT_THRESHOLD = 0.7  # a pack with less than this share of live bytes is worth copying what lives


@dataclass(frozen=True, slots=True)
class CondemnReport:
    """``gc_ids`` are the tombstones, none if nothing was worth it; ``live_bytes`` of the packs' ``pack_bytes`` will be copied first."""

    gc_ids: tuple[str, ...]
    packs: tuple[str, ...]
    pack_bytes: int
    live_bytes: int


@dataclass(slots=True)
class _Weighed:
    """The packs under judgement, by number, with what each holds in sealed bytes."""

    packs: list[str] = field(default_factory=list)
    sealed_bytes: list[int] = field(default_factory=list)
    live_bytes: list[int] = field(default_factory=list)


def condemn_packs(place: Place, chunks: Chunks, threshold: float, check: Check) -> CondemnReport:
    """Condemn every pack that holds less than ``threshold`` live bytes and that no open session wrote."""
    weighed = _weigh(place, chunks, check)
    bad = bad_packs(place)
    chosen = [
        number
        for number, pack in enumerate(weighed.packs)
        if _is_worth_it(weighed.live_bytes[number], weighed.sealed_bytes[number], threshold, is_bad=pack in bad)
    ]
    packs = tuple(weighed.packs[number] for number in chosen)
    # What is wholly dead has its own tombstone: it can go, and make room, though there be no room to copy what lives in the others.
    dead = [weighed.packs[number] for number in chosen if weighed.live_bytes[number] == 0]
    sparse = [weighed.packs[number] for number in chosen if weighed.live_bytes[number] > 0]
    gc_ids = tuple(bury(place, condemned) for condemned in (dead, sparse) if condemned)
    return CondemnReport(
        gc_ids, packs, sum(weighed.sealed_bytes[number] for number in chosen), sum(weighed.live_bytes[number] for number in chosen)
    )


def _is_worth_it(live_bytes: int, sealed_bytes: int, threshold: float, *, is_bad: bool) -> bool:
    """A damaged pack goes only when nothing in it is needed: repair never deletes (invariant 16)."""
    return live_bytes == 0 or (not is_bad and live_bytes < threshold * sealed_bytes)


def _weigh(place: Place, chunks: Chunks, check: Check) -> _Weighed:
    """First the packs, then who is open, then the mark: a backup that ends between has its manifest marked."""
    listed = [pack for info in place.store.list("packs/") if (pack := pack_of_key(info.key))]
    trash = condemned_packs(place)
    writing = {facts.id for facts in open_sessions(place)}
    weighed = _Weighed()
    with LiveMarks() as marks:
        mark(place, chunks, marks, check)
        rows = _rows(chunks, [pack for pack in listed if pack not in trash], writing, weighed, check)
        for row in marks.live_rows(rows):
            weighed.live_bytes[row.pack_number] += row.sealed_bytes
    return weighed


def _rows(chunks: Chunks, packs: Sequence[str], writing: set[str], weighed: _Weighed, check: Check) -> Iterator[tuple[bytes, int, int]]:
    """Every (chunk id, pack number, sealed bytes) of the packs that may be judged; the numbers are given out here."""
    for pack in packs:
        check()
        try:
            contents = chunks.contents(pack)
        except (ObjectMissing, ObjectDamaged):
            continue  # deleted since, or it cannot say what it holds: not ours to judge
        if contents.session_id in writing:
            continue
        number = len(weighed.packs)
        weighed.packs.append(pack)
        weighed.sealed_bytes.append(sum(sealed_bytes for _, sealed_bytes in contents.rows))
        weighed.live_bytes.append(0)
        for chunk_id, sealed_bytes in contents.rows:
            yield chunk_id, number, sealed_bytes


def bury(place: Place, packs: Sequence[str]) -> str:
    """Condemn for ever: the tombstone first, and only when it is durable the list of who may not have seen it. The act's id."""
    gc_id = secrets.token_hex(16)
    put_tombstone(place, Tombstone(gc_id, tuple(packs)))
    put_seen(place, gc_id, open_witnesses(place))
    return gc_id


def open_witnesses(place: Place) -> list[Witness]:
    """Who is open now; to be called when the tombstone is durable, not before."""
    return [Witness(facts.id, facts.commit_key) for facts in open_sessions(place)]
