"""How consistent a recovery point is, decided in one place from recorded facts (feature A12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from strongroom.domain.states import Consistency, PowerState


class FreezeResult(StrEnum):
    """What became of the guest's freeze."""

    NOT_TRIED = "not tried"
    FROZEN = "frozen"
    FAILED = "failed"


class ScriptsResult(StrEnum):
    """What became of the scripts, or of the VSS writers, around the freeze."""

    NONE = "none"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """What a provider saw at the instant of the snapshot; ``detail`` explains a failure in words."""

    power: PowerState
    freeze: FreezeResult = FreezeResult.NOT_TRIED
    scripts: ScriptsResult = ScriptsResult.NONE
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """What ``volumes`` proved of one file system or partition; ``clean`` is None where nothing can be proved."""

    disk_id: str
    name: str  # «partition 1 (ext4)»
    clean: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The level and its reason in words."""

    level: Consistency
    reason: str


def decide(snapshot: SnapshotFacts, volumes: Sequence[VolumeFacts]) -> Verdict:
    """Decide the level by what happened; ``volumes`` counts only for a machine that was off."""
    if snapshot.power is PowerState.OFF:
        return _offline(volumes)
    if snapshot.freeze is FreezeResult.FROZEN:
        return _frozen(snapshot)
    why = snapshot.detail or "the guest was not frozen"
    return Verdict(Consistency.CRASH, f"the machine was {snapshot.power.value} and {why}")


def _frozen(snapshot: SnapshotFacts) -> Verdict:
    if snapshot.scripts is ScriptsResult.SUCCEEDED:
        return Verdict(Consistency.APPLICATION, "the guest was frozen and every script around the freeze succeeded")
    if snapshot.scripts is ScriptsResult.FAILED:
        return Verdict(Consistency.FILE_SYSTEM, f"the guest was frozen but {snapshot.detail or 'a script failed'}")
    return Verdict(Consistency.FILE_SYSTEM, "the guest was frozen; no scripts were run")


def _offline(volumes: Sequence[VolumeFacts]) -> Verdict:
    unproved = [volume for volume in volumes if volume.clean is not True]
    if not volumes:
        return Verdict(Consistency.CRASH, "the machine was off and no file system was found to prove clean")
    if not unproved:
        names = ", ".join(f"{volume.disk_id} {volume.name}" for volume in volumes)
        return Verdict(Consistency.FILE_SYSTEM, f"the machine was off and every file system proved clean: {names}")
    first = "; ".join(f"{volume.disk_id} {volume.name}: {volume.reason}" for volume in unproved)
    return Verdict(Consistency.CRASH, f"the machine was off and not proved clean: {first}")
