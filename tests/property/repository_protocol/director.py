"""Runs actors by a script: who goes on, and how far; looks at the whole world after every single store call."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from strongroom.domain.errors import StrongroomError
from tests.property.repository_protocol.stepping import Actor, Mode
from tests.property.repository_protocol.world import Run, World

_MOST_CALLS = 3000


class Violation(AssertionError):
    """A committed point, or a pin, lost a chunk."""


class Director:
    """A world and its actors by name."""

    def __init__(self) -> None:
        self.world = World()
        self.actors: dict[str, Actor] = {}
        self.log: list[str] = []

    def start(self, name: str, run: Run) -> Actor:
        """A new process, stopped before its first store call."""
        actor = self.actors[name] = Actor(name, self.world.store, run)
        return actor

    def step(self, name: str, mode: Mode = Mode.DO) -> None:
        """One store call of one actor, then the question."""
        actor = self.actors[name]
        self.log.append(f"{name}: {mode.value} {actor.pending}")
        actor.step(mode)
        if actor.error is not None and not isinstance(actor.error, StrongroomError):
            raise actor.error
        broken = self.world.violation()
        if broken is not None:
            raise Violation("\n".join((broken, *self.log)))

    def until(self, name: str, operation: str, prefix: str) -> None:
        """Let the actor go on until it is about to make such a call, or ends."""
        actor = self.actors[name]
        for _ in range(_MOST_CALLS):
            if actor.pending is None or (actor.pending[0] == operation and actor.pending[1].startswith(prefix)):
                return
            self.step(name)
        raise AssertionError(f"{name} does not end")

    def finish(self, name: str) -> Actor:
        """Let the actor run to its end."""
        self.until(name, "never", "")
        return self.actors[name]

    def run(self, name: str, run: Run) -> Actor:
        """Start an actor and let it run to its end."""
        self.start(name, run)
        return self.finish(name)

    def close(self) -> None:
        for actor in self.actors.values():
            if not actor.ended:
                actor.kill()


@contextmanager
def counted_names() -> Iterator[None]:
    """Names that are drawn come in order instead, so that a schedule found once is the same again."""
    numbers = itertools.count(1)

    def token_hex(nbytes: int = 8) -> str:
        return f"{next(numbers):0{2 * nbytes}x}"

    with mock.patch.object(secrets, "token_hex", token_hex):
        yield


Schedule = Callable[[Director], None]
