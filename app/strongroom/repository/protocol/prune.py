"""Giving up recovery points: a plan that can be printed, then done exactly so (feature B4, invariant 18).

Deleting a recovery point is deleting its manifest. Rule 5 of the protocol: the record is durable first, then the sessions are listed, then
go only the manifests that none of them pins; the rest go in a later run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from strongroom.repository.errors import ObjectDamaged
from strongroom.repository.format import parse_snap_key
from strongroom.repository.protocol.prune_record import pruned_keys, put_record
from strongroom.repository.protocol.session import open_sessions
from strongroom.repository.sealed import Place


@dataclass(frozen=True, slots=True)
class PruneCandidate:
    """A recovery point as retention sees it. ``remove_reason`` is None where retention keeps it (``keep_reason`` says why)."""

    commit_key: str
    machine_id: str
    remove_reason: str | None
    keep_reason: str = ""
    verified: bool = False
    held: bool = False
    locked: bool = False


@dataclass(frozen=True, slots=True)
class PruneEntry:
    """One line of a plan."""

    commit_key: str
    machine_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What goes and what stays, each with its reason; executing it does this and nothing else."""

    remove: tuple[PruneEntry, ...]
    keep: tuple[PruneEntry, ...]


@dataclass(frozen=True, slots=True)
class PruneReport:
    """``deleted`` commit keys are gone; ``left`` are recorded but pinned by an open session, and go in a later run."""

    deleted: tuple[str, ...]
    left: tuple[str, ...]


def plan_prune(candidates: Iterable[PruneCandidate], *, whole_item: bool = False) -> PrunePlan:
    """Decide, purely. Of every machine the newest point and the newest verified one stay; held and locked points always stay.

    ``whole_item`` is for «stop protection and delete data»: then only holds and locks keep anything.
    """
    points = list(candidates)
    floor = {} if whole_item else _floor(points)
    remove, keep = [], []
    for point in points:
        stays = _stays_because(point, floor)
        if stays is None:
            remove.append(PruneEntry(point.commit_key, point.machine_id, point.remove_reason or ""))
        else:
            keep.append(PruneEntry(point.commit_key, point.machine_id, stays))
    return PrunePlan(tuple(remove), tuple(keep))


def _stays_because(point: PruneCandidate, floor: Mapping[str, str]) -> str | None:
    if point.locked:
        return "locked"
    if point.held:
        return "held"
    if point.remove_reason is None:
        return point.keep_reason or "kept by its retention"
    return floor.get(point.commit_key)


def _floor(points: Iterable[PruneCandidate]) -> dict[str, str]:
    """The commit keys that never go by themselves, with the reason; the sequence in the key is the order of commits."""
    newest: dict[str, str] = {}
    newest_verified: dict[str, str] = {}
    for point in sorted(points, key=lambda point: point.commit_key):
        newest[point.machine_id] = point.commit_key
        if point.verified:
            newest_verified[point.machine_id] = point.commit_key
    floor = dict.fromkeys(newest_verified.values(), "the newest verified recovery point of its machine")
    return floor | dict.fromkeys(newest.values(), "the newest recovery point of its machine")


def execute_prune(place: Place, plan: PrunePlan) -> PruneReport:
    """Record the plan durably, then delete what no open session pins. Safe to repeat; killed anywhere, ``finish_prunes`` ends it."""
    by_tag: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in plan.remove:
        by_tag[_tag_of(entry.commit_key)][entry.commit_key] = entry.reason
    for tag, reasons in by_tag.items():
        put_record(place, tag, reasons)
    return _delete_unpinned(place, [entry.commit_key for entry in plan.remove])


def finish_prunes(place: Place) -> PruneReport:
    """Delete what earlier records gave up and is still there: pinned then, or its prune was killed. Also ends what a fenced loser left."""
    present = {info.key for info in place.store.list("snap/")}
    given_up = sorted(key for key in pruned_keys(place) if key in present)
    return _delete_unpinned(place, given_up)


def _delete_unpinned(place: Place, recorded: list[str]) -> PruneReport:
    pinned = pinned_manifests(place) if recorded else frozenset()
    deleted = [key for key in recorded if key not in pinned]
    for key in deleted:
        place.store.delete(key)
    return PruneReport(tuple(deleted), tuple(key for key in recorded if key in pinned))


def pinned_manifests(place: Place) -> frozenset[str]:
    """The commit keys that open sessions hold; listed after the record is durable, so that who comes later sees the record."""
    return frozenset(pin for facts in open_sessions(place) for pin in facts.pinned)


def _tag_of(commit_key: str) -> str:
    parsed = parse_snap_key(commit_key)
    if parsed is None:
        raise ObjectDamaged(f"{commit_key} is not the name of a recovery point")
    return parsed[0]
