"""Prune records: which recovery points were given up. Durable before the first of their manifests is deleted, and for ever."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from strongroom.repository.envelope import ObjectKind
from strongroom.repository.errors import ObjectDamaged
from strongroom.repository.format import parse_snap_key
from strongroom.repository.sealed import Place, get_document, put_document

PREFIX = "prune/"


def put_record(place: Place, tag: str, reasons: Mapping[str, str]) -> None:
    """Record that these commit keys of one machine go, each with its reason. One small object per machine and run."""
    rows = [{"commit_key": commit_key, "reason": reason} for commit_key, reason in reasons.items()]
    put_document(place, ObjectKind.PRUNE, f"{PREFIX}{tag}/{secrets.token_hex(16)}", {"remove": rows})


def pruned_keys(place: Place, tag: str = "") -> frozenset[str]:
    """Every commit key that a record of this machine (of all, without ``tag``) names. A record that cannot be read is an error."""
    prefix = f"{PREFIX}{tag}/" if tag else PREFIX
    named: set[str] = set()
    for info in place.store.list(prefix):
        named.update(_keys_of(info.key, get_document(place, ObjectKind.PRUNE, info.key).get("remove")))
    return frozenset(named)


def _keys_of(object_key: str, remove: Any) -> list[str]:
    tag = object_key.split("/")[1]
    try:
        named = [str(row["commit_key"]) for row in remove]
    except (KeyError, TypeError) as error:
        raise ObjectDamaged(f"Prune record {object_key} is malformed", cause=str(error)) from None
    if any((parsed := parse_snap_key(key)) is None or parsed[0] != tag for key in named):
        raise ObjectDamaged(f"Prune record {object_key} names something that is no recovery point of its machine")
    return named
