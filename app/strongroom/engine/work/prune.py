"""Give up recovery points exactly as planned (feature B4); their packs go with the next collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.domain.states import SubTaskStatus
from strongroom.engine.work.channel import Channel
from strongroom.engine.work.places import open_repository
from strongroom.repository.protocol.prune import PruneCandidate, PruneEntry, PrunePlan, execute_prune, finish_prunes, plan_prune
from strongroom.repository.repository import Repository

PRUNE = "Remove recovery points"


def run(spec: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Carry out the plan of the spec, or give up a whole machine; also ends what earlier prunes had to leave."""
    repository = open_repository(spec)
    channel.sub_task(PRUNE, SubTaskStatus.IN_PROGRESS)
    plan = _whole_machine(repository, spec) if "whole_machine" in spec else _stated(spec)
    channel.check()
    report = execute_prune(repository, plan)
    late = finish_prunes(repository)
    removed = sorted({*report.deleted, *late.deleted})
    left = sorted({*report.left, *late.left})
    for entry in plan.remove:
        channel.log(f"{entry.commit_key}: {entry.reason}")
    channel.sub_task(PRUNE, SubTaskStatus.COMPLETED, f"{len(removed)} removed, {len(left)} in use and left for later")
    return {"removed": removed, "left": left}


def _stated(spec: Mapping[str, Any]) -> PrunePlan:
    """The plan as it was shown: nothing else is removed."""
    return PrunePlan(tuple(PruneEntry(**entry) for entry in spec["remove"]), ())


def _whole_machine(repository: Repository, spec: Mapping[str, Any]) -> PrunePlan:
    machine_id = spec["whole_machine"]
    manifests = repository.manifests(machine_id)
    candidates = [PruneCandidate(manifest.commit_key, machine_id, spec["reason"]) for manifest in manifests]
    return plan_prune(candidates, whole_item=True)
