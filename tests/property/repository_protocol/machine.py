"""A random scheduler over writers, readers, pruners, undertakers, sweepers and voiders, each running the product's code.

One rule is one choice: start somebody, let somebody make some store calls, let one call go wrong, turn the clock. An actor that is not
chosen again has stopped for ever. The director asks after every single call whether anything that must live is gone.
"""

from __future__ import annotations

from contextlib import ExitStack
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from strongroom.repository.format import pack_of_key
from strongroom.repository.protocol import prune_record
from tests.property.repository_protocol import actors
from tests.property.repository_protocol.director import Director, counted_names
from tests.property.repository_protocol.stepping import Mode
from tests.property.repository_protocol.world import Run, chunk

_MOST_ALIVE = 9
_HOURS_48 = 48 * 3600
_NUMBERS = st.integers(0, 1000)
_CHUNKS = st.lists(st.integers(0, 4).map(chunk), min_size=1, max_size=3, unique=True)
_MACHINES = st.sampled_from("mn")


class ProtocolMachine(RuleBasedStateMachine):
    """Invariant 7 under any interleaving that Hypothesis finds."""

    def __init__(self) -> None:
        super().__init__()
        self.director = Director()
        self.names = 0
        self.stack = ExitStack()
        self.stack.enter_context(counted_names())
        self.stack.enter_context(mock.patch.object(prune_record, "MOST_RECORDS", 2))

    def teardown(self) -> None:
        self.director.close()
        self.stack.close()

    def _start(self, kind: str, run: Run) -> None:
        alive = [name for name, actor in self.director.actors.items() if not actor.ended]
        if len(alive) >= _MOST_ALIVE:
            self.director.actors[alive[0]].kill()
        self.director.start(kind, run)

    def _name(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    def _alive(self) -> list[str]:
        return [name for name, actor in self.director.actors.items() if not actor.ended]

    @initialize()
    def two_points_that_share_a_chunk(self) -> None:
        world = self.director.world
        self.director.run("first", actors.writer(world, "first", "m", None, [chunk(0), chunk(1)]))
        self.director.run("second", actors.writer(world, "second", "n", None, [chunk(0), chunk(2)]))

    @rule(machine=_MACHINES, parent=_NUMBERS, wanted=_CHUNKS, inherit=st.booleans())
    def back_up(self, machine: str, parent: int, wanted: list[bytes], inherit: bool) -> None:
        points = [*self.director.world.present(), None]
        name = self._name("writer")
        run = actors.writer(self.director.world, name, machine, points[parent % len(points)], wanted, inherit=inherit)
        self._start(name, run)

    @precondition(lambda self: self.director.world.present())
    @rule(point=_NUMBERS)
    def read(self, point: int) -> None:
        points = self.director.world.present()
        name = self._name("reader")
        self._start(name, actors.reader(self.director.world, name, [points[point % len(points)]]))

    @precondition(lambda self: self.director.world.present())
    @rule(chosen=st.sets(_NUMBERS, min_size=1, max_size=2))
    def prune(self, chosen: set[int]) -> None:
        points = self.director.world.present()
        self._start(self._name("pruner"), actors.pruner(sorted({points[number % len(points)] for number in chosen})))

    @rule(chosen=st.sets(_NUMBERS, min_size=1, max_size=2))
    def condemn_anything(self, chosen: set[int]) -> None:
        packs = sorted(pack for key in self.director.world.store.objects if (pack := pack_of_key(key)))
        if packs:
            self._start(self._name("undertaker"), actors.undertaker(sorted({packs[number % len(packs)] for number in chosen})))

    @rule(threshold=st.sampled_from([0.0, 0.7, 2.0]))
    def condemn(self, threshold: float) -> None:
        name = self._name("condemner")
        self._start(name, actors.condemner(self.director.world, name, threshold))

    @rule()
    def sweep(self) -> None:
        name = self._name("sweeper")
        self._start(name, actors.sweeper(self.director.world, name))

    @rule(number=_NUMBERS)
    def presume_dead(self, number: int) -> None:
        self._start(self._name("voider"), actors.voider(number))

    @precondition(lambda self: self._alive())
    @rule(actor=_NUMBERS, calls=st.integers(1, 40))
    def go_on(self, actor: int, calls: int) -> None:
        alive = self._alive()
        name = alive[actor % len(alive)]
        for _ in range(calls):
            self.director.step(name)

    @precondition(lambda self: self._alive())
    @rule(actor=_NUMBERS)
    def go_on_to_the_brink(self, actor: int) -> None:
        """Up to a call that others will notice: a commit or a deletion."""
        alive = self._alive()
        name = alive[actor % len(alive)]
        pending = self.director.actors[name].pending
        if pending is not None and pending[0] in {"put_new", "delete"}:
            self.director.step(name)
        while (pending := self.director.actors[name].pending) is not None and pending[0] not in {"put_new", "delete"}:
            self.director.step(name)

    @precondition(lambda self: self._alive())
    @rule(actor=_NUMBERS, mode=st.sampled_from([Mode.REPEAT, Mode.LOSE_REQUEST, Mode.LOSE_ANSWER]))
    def go_wrong(self, actor: int, mode: Mode) -> None:
        alive = self._alive()
        self.director.step(alive[actor % len(alive)], mode)

    @rule(seconds=st.integers(-_HOURS_48, _HOURS_48))
    def turn_the_clock(self, seconds: int) -> None:
        self.director.world.store.skew_seconds += seconds
