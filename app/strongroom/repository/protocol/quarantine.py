"""Damaged packs: a mark beside them, never a move, never a deletion (invariant 16)."""

from __future__ import annotations

from strongroom.repository.envelope import ObjectKind
from strongroom.repository.errors import ObjectDamaged, ObjectExists
from strongroom.repository.format import is_hex_id
from strongroom.repository.sealed import Place, get_document, put_document

PREFIX = "bad/"


def mark_bad(place: Place, pack_id: str, reason: str) -> None:
    """From now on no backup relies on this pack: what it held is stored anew when it is met again. Safe to repeat.

    Only for bytes that were read and are wrong; a pack that cannot be read now may be readable tomorrow (invariant 17).
    """
    try:
        put_document(place, ObjectKind.BAD, PREFIX + pack_id, {"reason": reason})
    except ObjectExists:
        return


def bad_packs(place: Place) -> frozenset[str]:
    """Every marked pack. By name alone: a mark that someone damaged still marks."""
    names = (info.key.removeprefix(PREFIX) for info in place.store.list(PREFIX))
    return frozenset(name for name in names if is_hex_id(name))


def bad_reason(place: Place, pack_id: str) -> str:
    """Why the pack was marked."""
    try:
        return str(get_document(place, ObjectKind.BAD, PREFIX + pack_id).get("reason", ""))
    except ObjectDamaged:
        return "its mark is damaged"


def unmark(place: Place, pack_id: str) -> None:
    """Take the mark away, after the pack was read whole and found right (a repaired disk, a restored copy)."""
    place.store.delete(PREFIX + pack_id)
