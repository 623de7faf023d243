"""For every rule of the protocol the shortest schedule that needs it, from the counter-examples of its explicit-state model."""

from __future__ import annotations

from strongroom.repository.errors import SessionFenced
from tests.property.repository_protocol.actors import pruner, reader, sweeper, undertaker, voider, writer
from tests.property.repository_protocol.director import Director, Schedule, Violation
from tests.property.repository_protocol.stepping import Mode
from tests.property.repository_protocol.world import chunk

C0 = chunk(0)
TAG = b"m".hex().rjust(32, "0")
P0 = f"{1:064x}"
COMMIT = ("put_new", "snap/")


def first_point(director: Director) -> str:
    """One recovery point, of chunk 0 in pack P0."""
    director.run("first", writer(director.world, "first", "m", None, [C0]))
    return director.world.present()[0]


def pin(director: Director) -> None:
    point = first_point(director)
    director.run("undertaker", undertaker([P0]))
    director.start("writer", writer(director.world, "writer", "m", point, [C0]))
    director.until("writer", *COMMIT)
    director.run("pruner", pruner([point]))
    director.run("sweeper", sweeper(director.world, "sweeper"))
    director.finish("writer")


def pin_of_a_reader(director: Director) -> None:
    point = first_point(director)
    director.run("undertaker", undertaker([P0]))
    director.start("reader", reader(director.world, "reader", [point]))
    director.until("reader", "get", "snap/")
    director.run("pruner", pruner([point]))
    director.run("sweeper", sweeper(director.world, "sweeper"))
    director.finish("reader")


def seen_after_tombstone(director: Director) -> None:
    director.run("pruner", pruner([first_point(director)]))
    director.start("undertaker", undertaker([P0]))
    director.until("undertaker", "put_new", "trash/")
    director.start("writer", writer(director.world, "writer", "m", None, [C0]))
    director.until("writer", *COMMIT)
    director.finish("undertaker")
    director.run("sweeper", sweeper(director.world, "sweeper"))
    director.finish("writer")


def mark_after_ended(director: Director) -> None:
    director.run("pruner", pruner([first_point(director)]))
    director.start("writer", writer(director.world, "writer", "m", None, [C0]))
    director.until("writer", *COMMIT)
    director.run("undertaker", undertaker([P0]))
    director.start("sweeper", sweeper(director.world, "sweeper"))
    gc_id = next(key.partition(".")[0] for key in director.world.store.objects if key.startswith("trash/"))
    director.until("sweeper", "get", f"{gc_id}.seen")
    director.finish("writer")
    director.finish("sweeper")


def void(director: Director) -> None:
    director.run("pruner", pruner([first_point(director)]))
    director.start("writer", writer(director.world, "writer", "m", None, [C0]))
    director.until("writer", *COMMIT)
    director.run("voider", voider(0))
    director.run("undertaker", undertaker([P0]))
    director.run("sweeper", sweeper(director.world, "sweeper"))
    director.finish("writer")


def no_reprieve(director: Director) -> None:
    point = first_point(director)
    director.run("undertaker", undertaker([P0]))
    director.start("writer", writer(director.world, "writer", "m", None, [C0]))
    director.until("writer", "list", "trash/")
    director.start("late", sweeper(director.world, "late"))
    director.until("late", "put_new", "trash/")
    director.until("late", "list", "snap/")
    director.run("early", sweeper(director.world, "early"))
    director.run("pruner", pruner([point]))
    director.until("writer", *COMMIT)
    director.finish("late")
    director.finish("writer")


def stat(director: Director) -> None:
    director.run("pruner", pruner([first_point(director)]))
    director.run("undertaker", undertaker([P0]))
    director.start("writer", writer(director.world, "writer", "m", None, [C0]))
    director.until("writer", "list", "trash/")
    director.run("sweeper", sweeper(director.world, "sweeper"))
    director.finish("writer")


def trash_filter(director: Director) -> None:
    director.run("pruner", pruner([first_point(director)]))
    director.run("undertaker", undertaker([P0]))
    director.start("writer", writer(director.world, "writer", "m", None, [C0]))
    director.until("writer", *COMMIT)
    director.run("sweeper", sweeper(director.world, "sweeper"))
    director.finish("writer")


def cover_outside_trash(director: Director) -> None:
    first_point(director)
    director.run("undertaker", undertaker([P0]))
    director.start("early", sweeper(director.world, "early"))
    director.until("early", "delete", "packs/")
    copy = director.world.store.index[C0][-1]
    director.run("second undertaker", undertaker([copy]))
    director.run("late", sweeper(director.world, "late"))
    director.finish("early")


def tombstone_outlives_collections(director: Director) -> None:
    """A writer that is stuck retrying its put brings a deleted pack back."""
    director.start("stuck", writer(director.world, "stuck", "m", None, [C0]))
    director.until("stuck", "put_new", "packs/")
    director.step("stuck", Mode.REPEAT)
    director.run("voider", voider(0))
    director.run("undertaker", undertaker([P0]))
    director.start("slow", sweeper(director.world, "slow"))
    director.until("slow", "delete", "packs/")
    director.run("quick", sweeper(director.world, "quick"))
    director.step("stuck")
    director.start("writer", writer(director.world, "writer", "n", None, [C0]))
    director.until("writer", *COMMIT)
    director.finish("slow")
    director.finish("writer")


def a_pruned_key_stays_taken(director: Director) -> None:
    """Two backups of one machine race for one key; the winner's point is pruned before the loser looks."""
    director.start("loser", writer(director.world, "loser", "m", None, [chunk(5)]))
    director.until("loser", *COMMIT)
    director.run("pruner", pruner([first_point(director)]))
    loser = director.finish("loser")
    if not isinstance(loser.error, SessionFenced):
        raise Violation("the loser of a race believes that it committed")


SCHEDULES: dict[str, Schedule] = {
    "pin": pin,
    "seen after tombstone": seen_after_tombstone,
    "mark after ended": mark_after_ended,
    "VOID": void,
    "no reprieve": no_reprieve,
    "stat": stat,
    "trash filter": trash_filter,
    "cover outside trash": cover_outside_trash,
    "tombstone outlives collections": tombstone_outlives_collections,
    "a pruned key stays taken": a_pruned_key_stays_taken,
}
