"""Stores for tests: one in memory, one that fails or dies at a chosen call. (``power`` has the one that loses power.)"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from strongroom.repository.errors import ObjectExists, ObjectMissing, ObjectTruncated, StoreFull, StoreLocked
from strongroom.repository.store.base import Buffer, ObjectInfo, Space, Store
from strongroom.repository.store.keys import checked_key
from strongroom.testing.power import PowerLossFiles, PowerLossStore

__all__ = ["FaultStore", "Killed", "MemoryStore", "PowerLossFiles", "PowerLossStore"]


class MemoryStore:
    """A whole ``Store`` in a dictionary; ``capacity_bytes`` makes it run full."""

    def __init__(self, *, capacity_bytes: int | None = None, now: Callable[[], float] = time.time) -> None:
        self.objects: dict[str, bytes] = {}
        self.capacity_bytes = capacity_bytes
        self._modified_at: dict[str, float] = {}
        self._now = now
        self._guard = threading.Lock()
        self._held: set[str] = set()

    def put_new(self, key: str, data: Buffer | Sequence[Buffer]) -> None:
        content = joined(data)
        with self._guard:
            present = self.objects.get(checked_key(key))
            if present is None:
                self._keep(key, content)
            elif present != content:
                raise ObjectExists(f"{key} exists with other content")

    def _keep(self, key: str, content: bytes) -> None:
        if self.capacity_bytes is not None and self._used() + len(content) > self.capacity_bytes:
            raise StoreFull(f"No room to write {key}", cause=f"{self.capacity_bytes} bytes are all there is")
        self.objects[key] = content
        self._modified_at[key] = self._now()

    def get(self, key: str) -> bytes:
        try:
            return self.objects[checked_key(key)]
        except KeyError:
            raise ObjectMissing(f"There is no object {key}") from None

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        content = self.get(key)
        start = offset if offset >= 0 else len(content) + offset
        if start < 0 or start + length > len(content):
            raise ObjectTruncated(f"{key} ends before {offset}+{length} bytes")
        return content[start : start + length]

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._guard:
            found = [
                ObjectInfo(key, len(content), self._modified_at[key]) for key, content in self.objects.items() if key.startswith(prefix)
            ]
        yield from found

    def stat(self, key: str) -> ObjectInfo | None:
        with self._guard:
            content = self.objects.get(checked_key(key))
            return None if content is None else ObjectInfo(key, len(content), self._modified_at[key])

    def delete(self, key: str) -> None:
        with self._guard:
            self.objects.pop(checked_key(key), None)

    def touch(self, key: str, data: Buffer) -> None:
        with self._guard:
            self.objects.pop(checked_key(key), None)
            self._keep(key, joined(data))

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        with self._guard:
            if name in self._held:
                raise StoreLocked(f"{name} is held")
            self._held.add(name)
        try:
            yield
        finally:
            self._held.discard(name)

    def space(self) -> Space:
        with self._guard:
            used = self._used()
        return Space(used, None if self.capacity_bytes is None else max(self.capacity_bytes - used, 0))

    def _used(self) -> int:
        return sum(len(content) for content in self.objects.values())


class Killed(BaseException):
    """The process died here: no handler of ours may treat it as an error and go on."""


class FaultStore:
    """Another store with a fault at the n-th call (counted from 1), and a record of every call as ``(operation, key)``.

    ``fail_at`` raises ``error`` instead of that call, once. ``kill_after`` lets that call happen and then raises ``Killed`` from it and
    from every later one, as if the process had died between two calls; ``kill_before`` dies without the call having happened.
    ``full_after_bytes`` makes every put beyond that many bytes a ``StoreFull``.
    """

    def __init__(
        self,
        inner: Store,
        *,
        fail_at: int = 0,
        error: Exception | None = None,
        kill_after: int = 0,
        kill_before: int = 0,
        full_after_bytes: int | None = None,
    ) -> None:
        self.inner = inner
        self.calls: list[tuple[str, str]] = []
        self.dead = False
        self._fail_at = fail_at
        self._error = error
        self._kill_after = kill_after
        self._kill_before = kill_before
        self._room_bytes = full_after_bytes
        self._guard = threading.RLock()

    @contextmanager
    def _call(self, operation: str, key: str) -> Iterator[None]:
        with self._guard:
            number = self._count(operation, key)
            try:
                yield
            finally:  # a call that failed by itself was a call too
                self._die_if(number == self._kill_after, f"after call {number}, {operation} {key}")

    def _die_if(self, now: bool, where: str) -> None:
        if now:
            self.dead = True
            raise Killed(where)

    def _count(self, operation: str, key: str) -> int:
        if self.dead:
            raise Killed("the process is dead")
        self.calls.append((operation, key))
        number = len(self.calls)
        self._die_if(number == self._kill_before, f"before call {number}, {operation} {key}")
        if number == self._fail_at and self._error is not None:
            raise self._error
        return number

    def put_new(self, key: str, data: Buffer | Sequence[Buffer]) -> None:
        content = joined(data)
        with self._call("put_new", key):
            if self._room_bytes is not None:
                if len(content) > self._room_bytes:
                    raise StoreFull(f"No room to write {key}")
                self._room_bytes -= len(content)
            self.inner.put_new(key, content)

    def get(self, key: str) -> bytes:
        with self._call("get", key):
            return self.inner.get(key)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        with self._call("get_range", key):
            return self.inner.get_range(key, offset, length)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._call("list", prefix):
            found = list(self.inner.list(prefix))
        yield from found

    def stat(self, key: str) -> ObjectInfo | None:
        with self._call("stat", key):
            return self.inner.stat(key)

    def delete(self, key: str) -> None:
        with self._call("delete", key):
            self.inner.delete(key)

    def touch(self, key: str, data: Buffer) -> None:
        with self._call("touch", key):
            self.inner.touch(key, data)

    def lock(self, name: str) -> AbstractContextManager[None]:
        return self.inner.lock(name)

    def space(self) -> Space:
        with self._call("space", ""):
            return self.inner.space()


def joined(data: Buffer | Sequence[Buffer]) -> bytes:
    """One copy of everything a put was given."""
    return bytes(data) if isinstance(data, (bytes, bytearray, memoryview)) else b"".join(bytes(part) for part in data)
