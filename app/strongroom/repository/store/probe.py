"""Does this place keep the store's promises? Asked once, when a vault is created (a place that lies would lose data later)."""

from __future__ import annotations

import secrets

from strongroom.repository.errors import ObjectExists, StoreUnfit
from strongroom.repository.store.base import Store


def probe_store(store: Store) -> None:
    """Put, put again, list, read, delete and list; ``StoreUnfit`` naming the first promise that is not kept. Leaves nothing behind."""
    key = f"bad/probe-{secrets.token_hex(8)}"
    try:
        _probe_writing(store, key)
    finally:
        store.delete(key)
    if any(info.key == key for info in store.list("bad/probe-")) or store.stat(key) is not None:
        raise _unfit("an object is still listed after it was deleted")


def _probe_writing(store: Store, key: str) -> None:
    first, second = secrets.token_bytes(64), secrets.token_bytes(64)
    store.put_new(key, first)
    store.put_new(key, first)
    try:
        store.put_new(key, second)
    except ObjectExists:
        pass
    else:
        raise _unfit("a second object could be written over the first")
    if not any(info.key == key for info in store.list("bad/probe-")):
        raise _unfit("an object is not listed after it was written")
    if store.get(key) != first or store.get_range(key, -8, 8) != first[-8:]:
        raise _unfit("an object reads differently from what was written")


def _unfit(cause: str) -> StoreUnfit:
    return StoreUnfit("This place cannot hold a repository", cause=cause)
