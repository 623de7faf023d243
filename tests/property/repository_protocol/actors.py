"""The processes of the protocol, as functions of a store: each calls the product's code and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.repository.format import pack_key

# Modules, not names: the mutation tests replace single rules inside them.
from strongroom.repository.protocol import condemn, prune, session, sweep
from strongroom.repository.protocol.prune import PruneEntry, PrunePlan
from strongroom.repository.store.base import Store
from tests.property.repository_protocol.world import Run, TinyChunks, TinyPlace, World, manifest_ids, sealed_manifest


def writer(world: World, name: str, machine: str, parent: str | None, wanted: Sequence[bytes], *, inherit: bool = True) -> Run:
    """A backup: what it wants it inherits from its pin, or finds in the index, or stores; then it commits and closes."""

    def run(store: Store) -> None:
        place = TinyPlace(store)
        opened = session.open_session(place, machine, name, {}, parent)
        world.open[name] = opened
        inherited = _inherited(place, opened.pinned) if inherit and opened.pinned else ()
        own = [chunk_id for chunk_id in wanted if chunk_id not in inherited and not _known(world, opened, chunk_id)]
        if own:
            world.new_pack(store, name, own)
        session.publish(opened, sealed_manifest(place, opened.commit_key, sorted({*inherited, *wanted})))
        session.end_session(opened)
        world.open.pop(name)

    return run


def _inherited(place: TinyPlace, commit_key: str) -> tuple[bytes, ...]:
    return manifest_ids(commit_key, place.store.get(commit_key))


def _known(world: World, opened: session.Session, chunk_id: bytes) -> bool:
    return any(session.is_usable(opened, pack) for pack in list(world.store.index[chunk_id]))


def reader(world: World, name: str, pins: Sequence[str]) -> Run:
    """A restore: reads every chunk of what it pinned, wherever one is."""

    def run(store: Store) -> None:
        place = TinyPlace(store)
        opened = session.open_reading_session(place, name, {}, pins)
        world.open[name] = opened
        for pin in pins:
            for chunk_id in _inherited(place, pin):
                for pack in list(world.store.index[chunk_id]):
                    if store.stat(pack_key(pack)) is not None:
                        break
        world.open.pop(name)
        session.end_session(opened)

    return run


def pruner(commit_keys: Sequence[str]) -> Run:
    """Retention without mercy: any points, the newest included."""
    plan = PrunePlan(tuple(PruneEntry(key, "machine", "test") for key in commit_keys), ())

    def run(store: Store) -> None:
        prune.execute_prune(TinyPlace(store), plan)

    return run


def undertaker(packs: Sequence[str]) -> Run:
    """Condemns any packs whatever: the choice is a heuristic and must not matter."""

    def run(store: Store) -> None:
        condemn.bury(TinyPlace(store), packs)

    return run


def condemner(world: World, name: str, threshold: float) -> Run:
    """The product's own choice of packs."""

    def run(store: Store) -> None:
        place = TinyPlace(store)
        condemn.condemn_packs(place, TinyChunks(world, place, name), threshold, lambda: None)

    return run


def sweeper(world: World, name: str) -> Run:
    def run(store: Store) -> None:
        place = TinyPlace(store)
        sweep.sweep_packs(place, TinyChunks(world, place, name), lambda: None)

    return run


def voider(number: int) -> Run:
    """Presumes some session dead, rightly or not."""

    def run(store: Store) -> None:
        place = TinyPlace(store)
        found = session.sessions(place)
        if found:
            session.settle_session(place, found[number % len(found)])

    return run
