"""A discovery (feature A3): in a worker, because a source may hang."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from strongroom.domain.states import SubTaskStatus
from strongroom.engine.work.channel import Channel
from strongroom.engine.work.places import source_of

SEARCH = "Search the source"


def run(spec: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Every machine of the source, as data."""
    channel.sub_task(SEARCH, SubTaskStatus.IN_PROGRESS)
    with source_of(spec) as provider:
        found = provider.discover()
    channel.check()
    for warning in found.warnings:
        channel.warn(warning)
    channel.sub_task(SEARCH, SubTaskStatus.COMPLETED, f"{len(found.machines)} machine(s)")
    return {"machines": [asdict(machine) for machine in found.machines]}
