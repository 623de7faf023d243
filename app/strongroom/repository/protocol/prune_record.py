"""Prune records: which recovery points were given up. Durable before the first of their manifests is deleted, and for ever.

A machine's records are merged now and then, so that a machine pruned daily for years still has a handful. The merged record is durable
before the first of its parts goes; a folder of so few names is listed in one piece, so every reader finds the one or the other.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from strongroom.repository.envelope import ObjectKind
from strongroom.repository.errors import ObjectDamaged, ObjectMissing, StoreFull
from strongroom.repository.format import parse_snap_key
from strongroom.repository.sealed import Place, get_document, put_document

PREFIX = "prune/"
MOST_RECORDS = 8  # of one machine, before they are merged
_ATTEMPTS = 100


def put_record(place: Place, tag: str, reasons: Mapping[str, str]) -> None:
    """Record that these commit keys of one machine go, each with its reason. Durable on return."""
    _put(place, tag, reasons)
    keys = [info.key for info in place.store.list(f"{PREFIX}{tag}/")]
    if len(keys) > MOST_RECORDS:
        _merge(place, tag, keys)


def _merge(place: Place, tag: str, keys: list[str]) -> None:
    merged: dict[str, str] = {}
    try:
        for key in keys:
            merged.update(_reasons(place, key))
        _put(place, tag, merged)
    except (ObjectMissing, StoreFull):
        return  # somebody else is merging them, or there is no room to be tidy
    for key in keys:
        place.store.delete(key)


def _put(place: Place, tag: str, reasons: Mapping[str, str]) -> None:
    rows = [{"commit_key": commit_key, "reason": reason} for commit_key, reason in reasons.items()]
    put_document(place, ObjectKind.PRUNE, f"{PREFIX}{tag}/{secrets.token_hex(16)}", {"remove": rows})


def pruned_keys(place: Place, tag: str = "") -> frozenset[str]:
    """Every commit key that a record of this machine (of all, without ``tag``) names. A record that cannot be read is an error."""
    return frozenset(prune_reasons(place, tag))


def prune_reasons(place: Place, tag: str = "") -> dict[str, str]:
    """The same, each with the reason that was given."""
    by_tag: dict[str, list[str]] = defaultdict(list)
    for info in place.store.list(f"{PREFIX}{tag}/" if tag else PREFIX):
        by_tag[info.key.split("/")[1]].append(info.key)
    found: dict[str, str] = {}
    for named, keys in by_tag.items():
        found.update(_of_machine(place, named, keys))
    return found


def _of_machine(place: Place, tag: str, keys: list[str]) -> dict[str, str]:
    for _ in range(_ATTEMPTS):
        found: dict[str, str] = {}
        try:
            for key in keys:
                found.update(_reasons(place, key))
        except ObjectMissing:  # merged since the listing: look again
            keys = [info.key for info in place.store.list(f"{PREFIX}{tag}/")]
        else:
            return found
    raise ObjectMissing(f"The prune records of machine {tag} change too quickly to be read")


def _reasons(place: Place, object_key: str) -> dict[str, str]:
    tag = object_key.split("/")[1]
    document: dict[str, Any] = get_document(place, ObjectKind.PRUNE, object_key)
    try:
        found = {str(row["commit_key"]): str(row["reason"]) for row in document["remove"]}
    except (KeyError, TypeError) as error:
        raise ObjectDamaged(f"Prune record {object_key} is malformed", cause=str(error)) from None
    if any((parsed := parse_snap_key(commit_key)) is None or parsed[0] != tag for commit_key in found):
        raise ObjectDamaged(f"Prune record {object_key} names something that is no recovery point of its machine")
    return found
