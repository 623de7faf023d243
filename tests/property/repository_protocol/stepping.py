"""Actors that run real code in threads of their own but are let through one store call at a time, so that a test is the scheduler."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import Any

from strongroom.domain.errors import StrongroomError
from strongroom.repository.errors import ObjectExists, StoreUnreachable
from strongroom.repository.store.base import Buffer, ObjectInfo, Space, Store
from strongroom.testing.stores import Killed


class Mode(Enum):
    """What becomes of the store call that an actor waits for."""

    DO = "do"
    REPEAT = "repeat"  # it takes effect, and the store goes on trying: the actor is still inside the call
    LOSE_REQUEST = "lose request"  # it fails and never happened
    LOSE_ANSWER = "lose answer"  # it fails and did happen


class Actor:
    """One process: ``run`` is called in a thread with a store that stops before every call.

    ``pending`` is the call it waits for as (operation, key), None when it has ended; ``error`` is what ended it, if anything did.
    """

    def __init__(self, name: str, inner: Store, run: Callable[[Store], None]) -> None:
        self.name = name
        self.pending: tuple[str, str] | None = None
        self.error: BaseException | None = None
        self._run = run
        self._mode = Mode.DO
        self._dead = False
        self._go = threading.Semaphore(0)
        self._ready = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._main, args=(SteppingStore(inner, self),), name=name, daemon=True)
        self._thread.start()
        self._ready.acquire()

    @property
    def ended(self) -> bool:
        return self.pending is None

    def step(self, mode: Mode = Mode.DO) -> None:
        """Let one store call happen and wait for the next one, or the end."""
        if self.pending is not None:
            self._mode = mode
            self._go.release()
            self._ready.acquire()

    def kill(self) -> None:
        """Stop for ever; frees the thread."""
        self._dead = True
        self.step()
        self._thread.join()

    def _main(self, store: Store) -> None:
        try:
            self._run(store)
        except (StrongroomError, Killed) as error:
            self.error = error
        except BaseException as error:  # noqa: BLE001 (a broken test must show, not hang)
            self.error = error
        self.pending = None
        self._ready.release()

    def wait(self, operation: str, key: str, perform: Callable[[], Any]) -> Any:
        """Called in the actor's thread for every store call."""
        if self._dead:  # clean-up handlers of a killed process do not run
            raise Killed(self.name)
        self.pending = (operation, key)
        while True:
            self._ready.release()
            self._go.acquire()
            if self._dead:
                raise Killed(self.name)
            if self._mode is Mode.REPEAT and operation == "put_new":
                _tolerantly(perform)
                continue
            if self._mode is Mode.LOSE_REQUEST:
                raise StoreUnreachable(f"{operation} {key} timed out")
            result = perform()
            if self._mode is Mode.LOSE_ANSWER:
                raise StoreUnreachable(f"{operation} {key} timed out")
            return result


def _tolerantly(perform: Callable[[], Any]) -> None:
    try:
        perform()
    except ObjectExists:
        return


class SteppingStore:
    """A store whose every call waits to be let through; listings are one call."""

    def __init__(self, inner: Store, actor: Actor) -> None:
        self._inner = inner
        self._actor = actor

    def put_new(self, key: str, data: Buffer | Sequence[Buffer]) -> None:
        self._actor.wait("put_new", key, lambda: self._inner.put_new(key, data))

    def get(self, key: str) -> bytes:
        return bytes(self._actor.wait("get", key, lambda: self._inner.get(key)))

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        return bytes(self._actor.wait("get_range", key, lambda: self._inner.get_range(key, offset, length)))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        yield from self._actor.wait("list", prefix, lambda: list(self._inner.list(prefix)))

    def stat(self, key: str) -> ObjectInfo | None:
        found: ObjectInfo | None = self._actor.wait("stat", key, lambda: self._inner.stat(key))
        return found

    def delete(self, key: str) -> None:
        self._actor.wait("delete", key, lambda: self._inner.delete(key))

    def touch(self, key: str, data: Buffer) -> None:
        self._actor.wait("touch", key, lambda: self._inner.touch(key, data))

    def lock(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def space(self) -> Space:
        return self._inner.space()
