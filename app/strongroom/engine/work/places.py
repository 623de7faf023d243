"""What every piece of work opens first, from its spec: the repository and the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.providers.base import Provider
from strongroom.providers.registry import open_provider
from strongroom.repository.keys.keyring import MasterKey
from strongroom.repository.repository import Repository
from strongroom.repository.store.local import LocalStore


@dataclass
class Tally:
    """Counters for work that has none of its own."""

    total_bytes: int = 0
    done_bytes: int = 0
    read_bytes: int = 0
    new_bytes: int = 0
    stored_bytes: int = 0


def open_repository(spec: Mapping[str, Any]) -> Repository:
    """The vault's repository with the key that the service sent."""
    key = MasterKey(epoch=spec["key"]["epoch"], secret=bytes.fromhex(spec["key"]["secret"]))
    return Repository.open(LocalStore(Path(spec["repository_path"])), key)


@contextmanager
def source_of(spec: Mapping[str, Any]) -> Iterator[Provider]:
    """The source of the job, closed at the end."""
    provider = open_provider(spec["source"]["address"], spec["source"]["region"])
    try:
        yield provider
    finally:
        provider.close()
