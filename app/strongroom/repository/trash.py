"""Condemned packs: a tombstone ``trash/<gc>`` names them, ``trash/<gc>.seen`` the sessions that may not have known.

A condemned pack is condemned for ever; nothing takes its name off a tombstone before the pack is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.repository.envelope import ObjectKind
from strongroom.repository.errors import ObjectDamaged, ObjectExists, ObjectMissing
from strongroom.repository.sealed import Place, get_document, put_document

PREFIX = "trash/"
_SEEN = ".seen"


@dataclass(frozen=True, slots=True)
class Witness:
    """A session that was open when the tombstone had become durable; ``commit_key`` is empty for a reader."""

    session_id: str
    commit_key: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One act of condemning."""

    gc_id: str
    packs: tuple[str, ...]


def put_tombstone(place: Place, tombstone: Tombstone) -> None:
    """Condemn. From its return on, every session that opens knows."""
    put_document(place, ObjectKind.TOMBSTONE, PREFIX + tombstone.gc_id, {"packs": list(tombstone.packs)})


def put_seen(place: Place, gc_id: str, witnesses: Sequence[Witness]) -> None:
    """Record who was open, listed after the tombstone was durable. Somebody else's record is as good as ours."""
    key = f"{PREFIX}{gc_id}{_SEEN}"
    document = {"sessions": [{"id": witness.session_id, "commit_key": witness.commit_key} for witness in witnesses]}
    try:
        put_document(place, ObjectKind.SEEN, key, document)
    except ObjectExists:
        get_document(place, ObjectKind.SEEN, key)


def tombstones(place: Place) -> list[Tombstone]:
    """Every tombstone that is there; one that cannot be read is an error."""
    found = []
    for info in place.store.list(PREFIX):
        if not info.key.endswith(_SEEN):
            try:
                document = get_document(place, ObjectKind.TOMBSTONE, info.key)
            except ObjectMissing:
                continue  # its packs were deleted since the listing
            found.append(Tombstone(info.key.removeprefix(PREFIX), _packs_of(info.key, document)))
    return found


def condemned_packs(place: Place) -> frozenset[str]:
    """The trash list T of the protocol."""
    return frozenset(pack for tombstone in tombstones(place) for pack in tombstone.packs)


def witnesses_of(place: Place, gc_id: str) -> tuple[Witness, ...] | None:
    """Who must have ended before this tombstone's packs go; None while nobody recorded it yet."""
    key = f"{PREFIX}{gc_id}{_SEEN}"
    try:
        rows = get_document(place, ObjectKind.SEEN, key)["sessions"]
        return tuple(Witness(str(row["id"]), str(row["commit_key"])) for row in rows)
    except ObjectMissing:
        return None
    except (KeyError, TypeError) as error:
        raise ObjectDamaged(f"Object {key} is malformed", cause=str(error)) from None


def drop_tombstone(place: Place, gc_id: str) -> None:
    """Forget it, after its packs are gone for good: first who had seen it, then itself, so that a half is only ever waited for again."""
    place.store.delete(f"{PREFIX}{gc_id}{_SEEN}")
    place.store.delete(PREFIX + gc_id)


def drop_orphans(place: Place) -> None:
    """Remove ``.seen`` objects that outlived their tombstone (a late put): a tombstone is always there before its ``.seen``."""
    for info in list(place.store.list(PREFIX)):
        gc_id = info.key.removeprefix(PREFIX).removesuffix(_SEEN)
        if info.key.endswith(_SEEN) and place.store.stat(PREFIX + gc_id) is None:
            place.store.delete(info.key)


def _packs_of(key: str, document: dict[str, Any]) -> tuple[str, ...]:
    packs = document.get("packs")
    if not isinstance(packs, list):
        raise ObjectDamaged(f"Tombstone {key} is malformed")
    return tuple(str(pack) for pack in packs)
