"""The store port: a durability contract, smaller than a file system.

Keys are ``/``-separated ASCII names of at most 200 characters without empty, ``.`` or ``..`` parts. Objects are write-once but for
``touch`` (a session's heartbeat). No method decides anything by a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object in a listing; ``modified_at`` is the store's own seconds since 1970 and is only ever a heuristic."""

    key: str
    size_bytes: int
    modified_at: float


@dataclass(frozen=True, slots=True)
class Space:
    """Room in the store in bytes; ``free_bytes`` is None where the store has no limit."""

    used_bytes: int
    free_bytes: int | None


class Store(Protocol):
    """Write-once objects by key. Every method may be called from several threads and processes.

    Failures are the errors of ``strongroom.repository.errors``: ``ObjectExists``, ``ObjectMissing``, ``StoreFull``, ``StoreUnreachable``.
    """

    def put_new(self, key: str, data: Buffer | Sequence[Buffer]) -> None:
        """Create ``key``; when it returns, the object survives loss of power. All of it or nothing is ever visible.

        Raises ``ObjectExists`` and leaves the present object alone if the key is taken by other bytes; equal bytes are success, so a
        retry with the same bytes is safe. May be repeated after any error.
        """
        ...

    def get(self, key: str) -> bytes:
        """All bytes of ``key`` or ``ObjectMissing``."""
        ...

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``offset``; a short object raises ``ObjectTruncated``. A negative ``offset`` counts from the end."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object whose key starts with ``prefix``, in no order. An error is raised, never an incomplete listing."""
        ...

    def stat(self, key: str) -> ObjectInfo | None:
        """The object's facts, or None if it is certain that there is none."""
        ...

    def delete(self, key: str) -> None:
        """Remove ``key``, durably; a missing key is success."""
        ...

    def touch(self, key: str, data: Buffer) -> None:
        """Replace a session's heartbeat object; the only mutable write, never relied upon for safety."""
        ...

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Advisory mutual exclusion among processes of one host, for politeness only; raises ``StoreLocked`` if taken."""
        ...

    def space(self) -> Space:
        """Room used and left."""
        ...
