"""Small sealed objects that hold one JSON document: sessions, tombstones, prune records, marks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from strongroom.repository.envelope import ObjectKind, seal, unseal
from strongroom.repository.errors import ObjectDamaged
from strongroom.repository.keys.keyring import MasterKey
from strongroom.repository.store.base import Store


class Place(Protocol):
    """What the protocol needs of a repository: where it lies, what it is called, what opens it."""

    @property
    def id(self) -> str: ...
    @property
    def store(self) -> Store: ...
    @property
    def key(self) -> MasterKey: ...


def put_document(place: Place, kind: ObjectKind, object_key: str, document: Mapping[str, Any]) -> None:
    """Seal and publish, once; ``ObjectExists`` if the key is taken (two sealings of the same document differ)."""
    place.store.put_new(object_key, sealed_document(place, kind, object_key, document))


def sealed_document(place: Place, kind: ObjectKind, object_key: str, document: Mapping[str, Any]) -> bytes:
    """The bytes for ``object_key``; whoever may have to retry keeps them, for a retry sends identical bytes."""
    return seal(place.key, place.id, kind, object_key, json.dumps(document, sort_keys=True).encode())


def get_document(place: Place, kind: ObjectKind, object_key: str) -> dict[str, Any]:
    """The document under ``object_key``; ``ObjectMissing``, or ``ObjectDamaged`` if it is not one of this kind sealed for this place."""
    payload = unseal(place.key, place.id, kind, object_key, place.store.get(object_key))
    try:
        document = json.loads(payload)
    except ValueError:
        raise ObjectDamaged(f"Object {object_key} holds no document") from None
    if not isinstance(document, dict):
        raise ObjectDamaged(f"Object {object_key} holds no document")
    return document
