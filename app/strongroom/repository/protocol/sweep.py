"""Collect 2: delete condemned packs, after whatever still lives in them is safe elsewhere (rule 7 of the protocol).

Every step stands where it does because leaving it out, or doing it earlier, loses a live chunk in the model of the protocol; see
``docs/design/ordering.md``. Two of these may run at once, and either may stop for ever anywhere.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from strongroom.repository.errors import ObjectDamaged, ObjectMissing, StoreFull
from strongroom.repository.format import pack_key
from strongroom.repository.protocol.collection import Check, Chunks, Rescue, mark
from strongroom.repository.protocol.commit_key import is_taken
from strongroom.repository.protocol.condemn import open_witnesses
from strongroom.repository.protocol.live_marks import LiveMarks
from strongroom.repository.protocol.prune import finish_prunes
from strongroom.repository.protocol.quarantine import bad_packs
from strongroom.repository.protocol.session import PREFIX as SESSION_PREFIX
from strongroom.repository.protocol.trash import (
    Tombstone,
    Witness,
    condemned_packs,
    forget_done,
    put_done,
    put_seen,
    sign_off,
    sign_on,
    tombstones,
    witnesses_of,
)
from strongroom.repository.sealed import Place

_COPY_BATCH = 20_000  # chunks to remember before they are copied: a few MB
_COVER_PACKS = 512  # packs whose ids are kept at hand


@dataclass(slots=True)
class SweepReport:
    """``gone`` are the ids of the packs deleted; ``waiting_for`` are the ids of open sessions that keep some condemned packs from going yet.

    ``unreadable`` condemned packs stay with their whole tombstone: what they hold is not known.
    """

    deleted_packs: int = 0
    deleted_bytes: int = 0
    copied_chunks: int = 0
    waiting_for: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    gone: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Cover:
    """Which packs may stand in for a condemned one; what was found out about each, since the trash was listed."""

    place: Place
    chunks: Chunks
    trash: frozenset[str]
    bad: frozenset[str]
    _held: dict[str, frozenset[bytes]] = field(default_factory=dict)

    def covers(self, chunk_id: bytes) -> bool:
        """Whether some healthy pack that is not condemned holds the chunk, by its own trailer."""
        return any(
            may_cover(pack, self.trash) and pack not in self.bad and chunk_id in self._ids(pack) for pack in self.chunks.hints(chunk_id)
        )

    def _ids(self, pack: str) -> frozenset[bytes]:
        if pack not in self._held:
            if len(self._held) >= _COVER_PACKS:
                self._held.clear()
            self._held[pack] = ids_in(self.place, self.chunks, pack)
        return self._held[pack]


def sweep_packs(place: Place, chunks: Chunks, check: Check) -> SweepReport:
    """Delete what was condemned and whose witnesses have ended. Raises rather than delete anything it is not sure of."""
    finish_prunes(place)
    run_id = secrets.token_hex(8)
    mine = [tombstone for tombstone in tombstones(place) if sign_on(place, tombstone.gc_id, run_id)]
    try:
        report = _sweep(place, chunks, mine, check)
    finally:  # a run that is killed here stays signed on until its host knows that it is dead
        for tombstone in mine:
            sign_off(place, tombstone.gc_id, run_id)
    forget_done(place)
    return report


def _sweep(place: Place, chunks: Chunks, mine: Sequence[Tombstone], check: Check) -> SweepReport:
    report = SweepReport()
    with LiveMarks() as marks:
        ready, report.waiting_for = settle_then_mark(place, chunks, mine, marks, check)
        full: StoreFull | None = None
        for tombstone in ready:
            try:
                _execute(place, chunks, marks, tombstone, report, check)
            except StoreFull as error:  # others may go without copies, and make the room that this one needs
                full = error
        if full is not None:
            raise full
    return report


def _execute(place: Place, chunks: Chunks, marks: LiveMarks, tombstone: Tombstone, report: SweepReport, check: Check) -> None:
    copied, unreadable = make_safe(place, chunks, marks, tombstone.packs, check)
    report.copied_chunks += copied
    report.unreadable += tuple(sorted(unreadable))
    if not unreadable:
        _delete(place, tombstone, report)


def settle_then_mark(
    place: Place, chunks: Chunks, mine: Sequence[Tombstone], marks: LiveMarks, check: Check
) -> tuple[list[Tombstone], tuple[str, ...]]:
    """Which tombstones' witnesses have all ended, and then the mark: what the witnesses committed is in it. Also who is waited for."""
    ready, waiting_for = settled(place, mine)
    if ready:
        mark(place, chunks, marks, check)
    return ready, waiting_for


def settled(place: Place, mine: Sequence[Tombstone]) -> tuple[list[Tombstone], tuple[str, ...]]:
    """The tombstones that may be executed; one without witnesses (its collector died) gets them now and is judged like the others."""
    ready: list[Tombstone] = []
    waiting_for: set[str] = set()
    for tombstone in mine:
        open_ids = {witness.session_id for witness in _witnesses(place, tombstone.gc_id) if not _has_ended(place, witness)}
        waiting_for |= open_ids
        if not open_ids:
            ready.append(tombstone)
    return ready, tuple(sorted(waiting_for))


def _witnesses(place: Place, gc_id: str) -> Sequence[Witness]:
    recorded = witnesses_of(place, gc_id)
    if recorded is not None:
        return recorded
    witnesses = open_witnesses(place)
    put_seen(place, gc_id, witnesses)
    return witnesses


def _has_ended(place: Place, witness: Witness) -> bool:
    if witness.commit_key:
        return is_taken(place, witness.commit_key)
    return place.store.stat(SESSION_PREFIX + witness.session_id) is None


def make_safe(place: Place, chunks: Chunks, marks: LiveMarks, packs: Sequence[str], check: Check) -> tuple[int, set[str]]:
    """Copy every live chunk of these packs that no lasting pack holds; only then may the packs go.

    How many chunks there were, and which packs cannot say what they hold.
    """
    cover = _Cover(place, chunks, condemned_packs(place), bad_packs(place))
    homeless: dict[bytes, list[str]] = defaultdict(list)
    unreadable: set[str] = set()
    copied = 0
    for row in marks.live_rows(_rows(chunks, packs, unreadable, check)):
        check()
        if row.chunk_id in homeless or not cover.covers(row.chunk_id):
            homeless[row.chunk_id].append(packs[row.pack_number])
        if len(homeless) >= _COPY_BATCH:
            copied += _copy(chunks, homeless)
    return copied + _copy(chunks, homeless), unreadable


def _copy(chunks: Chunks, homeless: dict[bytes, list[str]]) -> int:
    count = len(homeless)
    if count:
        chunks.copy([Rescue(chunk_id, tuple(packs)) for chunk_id, packs in homeless.items()])
        homeless.clear()
    return count


def _rows(chunks: Chunks, packs: Sequence[str], unreadable: set[str], check: Check) -> Iterator[tuple[bytes, int, int]]:
    """What the condemned packs hold, by their own trailers; a pack that is gone already was somebody else's work."""
    for number, pack in enumerate(packs):
        check()
        try:
            contents = chunks.contents(pack)
        except ObjectMissing:
            continue
        except ObjectDamaged:
            unreadable.add(pack)
            continue
        for chunk_id, sealed_bytes in contents.rows:
            yield chunk_id, number, sealed_bytes


def may_cover(pack_id: str, trash: frozenset[str]) -> bool:
    """A condemned pack is no safe place, though it be there still: another collection may be about to delete it."""
    return pack_id not in trash


def ids_in(place: Place, chunks: Chunks, pack_id: str) -> frozenset[bytes]:
    """What the pack holds, if it is there, looked at after the trash was listed; the index that named it is only a hint."""
    if place.store.stat(pack_key(pack_id)) is None:
        return frozenset()
    try:
        return frozenset(chunk_id for chunk_id, _ in chunks.contents(pack_id).rows)
    except (ObjectMissing, ObjectDamaged):
        return frozenset()


def _delete(place: Place, tombstone: Tombstone, report: SweepReport) -> None:
    for pack in tombstone.packs:
        info = place.store.stat(pack_key(pack))
        place.store.delete(pack_key(pack))
        if info is not None:
            report.deleted_packs += 1
            report.deleted_bytes += info.size_bytes
            report.gone.append(pack)
    put_done(place, tombstone.gc_id)
