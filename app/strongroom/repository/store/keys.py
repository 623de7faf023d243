"""Which names a store accepts; one rule for every implementation."""

from __future__ import annotations

import re

MAX_KEY_CHARACTERS = 200
#: Every object's first part, so that a store can make the folders beforehand and tell «nothing yet» from «not mounted».
TOP_FOLDERS = ("bad", "event", "feature", "index", "keys", "packs", "prune", "sess", "snap", "trash")

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~@+=-]*")


def checked_key(key: str) -> str:
    """``key`` itself; ``ValueError`` for anything but ``/``-separated plain ASCII parts of at most 200 characters together."""
    if len(key) > MAX_KEY_CHARACTERS or not all(_PART.fullmatch(part) for part in key.split("/")):
        msg = f"Not a store key: {key!r}"
        raise ValueError(msg)
    return key


def folder_of_prefix(prefix: str) -> str:
    """The deepest folder that holds every key with this prefix, "" for the store's root."""
    return prefix.rpartition("/")[0]
