"""Condemned packs: a tombstone ``trash/<gc>`` names them, ``trash/<gc>.seen`` the sessions that may not have known.

A condemned pack is condemned for ever; nothing takes its name off a tombstone before the pack is deleted. And the tombstone outlives every
collection that may still delete: a writer who is retrying its put could bring a deleted pack back, and then a collection that had slept
would delete it under whoever found it uncondemned. So each collection signs on (``.by-<run>``) before it judges, says ``.done`` after it
deleted, signs off, and only when nobody is signed on the tombstone is forgotten. Who signs on to what is done turns away.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from strongroom.repository.envelope import ObjectKind
from strongroom.repository.errors import ObjectDamaged, ObjectExists, ObjectMissing
from strongroom.repository.host import is_surely_dead, this_host
from strongroom.repository.sealed import Place, get_document, put_document

PREFIX = "trash/"
_SEEN = ".seen"
_BY = ".by-"
_DONE = ".done"


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
        if "." not in info.key:
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


def sign_on(place: Place, gc_id: str, run_id: str) -> bool:
    """Declare that this run may delete the tombstone's packs; False if they are deleted already, or the tombstone is forgotten."""
    key = _signature(gc_id, run_id)
    put_document(place, ObjectKind.SEEN, key, {"host": this_host()})
    # In this order: while a tombstone is being forgotten its .done goes last.
    if place.store.stat(f"{PREFIX}{gc_id}{_DONE}") is None and place.store.stat(PREFIX + gc_id) is not None:
        return True
    sign_off(place, gc_id, run_id)
    return False


def sign_off(place: Place, gc_id: str, run_id: str) -> None:
    """This run will not delete any of the tombstone's packs any more."""
    place.store.delete(_signature(gc_id, run_id))


def put_done(place: Place, gc_id: str) -> None:
    """All the tombstone's packs are deleted: nobody needs to judge them again."""
    key = f"{PREFIX}{gc_id}{_DONE}"
    with suppress(ObjectExists):
        put_document(place, ObjectKind.SEEN, key, {})


def forget_done(place: Place) -> None:
    """Remove the tombstones that are done and that no run is signed on to; runs whose process is surely dead are signed off."""
    keys = {info.key.removeprefix(PREFIX) for info in place.store.list(PREFIX)}
    for gc_id in sorted({key.partition(".")[0] for key in keys}):
        if gc_id + _DONE in keys and not _is_signed(place, gc_id):
            place.store.delete(f"{PREFIX}{gc_id}{_SEEN}")
            place.store.delete(PREFIX + gc_id)
            place.store.delete(f"{PREFIX}{gc_id}{_DONE}")


def _is_signed(place: Place, gc_id: str) -> bool:
    """Whether a run may still delete; listed after ``.done`` was there, so that who signs on later turns away."""
    signed = False
    for info in list(place.store.list(f"{PREFIX}{gc_id}{_BY}")):
        try:
            host = get_document(place, ObjectKind.SEEN, info.key).get("host", {})
        except ObjectMissing:
            continue
        if is_surely_dead(host):
            place.store.delete(info.key)
        else:
            signed = True
    return signed


def _signature(gc_id: str, run_id: str) -> str:
    return f"{PREFIX}{gc_id}{_BY}{run_id}"


def _packs_of(key: str, document: dict[str, Any]) -> tuple[str, ...]:
    packs = document.get("packs")
    if not isinstance(packs, list):
        raise ObjectDamaged(f"Tombstone {key} is malformed")
    return tuple(str(pack) for pack in packs)
