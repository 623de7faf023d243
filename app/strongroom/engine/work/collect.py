"""A collection (feature B4): delete what was condemned and nobody can use, then condemn what nothing reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.domain.states import SubTaskStatus
from strongroom.engine.work.channel import Channel
from strongroom.engine.work.places import open_repository
from strongroom.repository.protocol.collect import condemn, sweep
from strongroom.repository.repository import Repository

CONDEMN = "Condemn unused packs"
SWEEP = "Delete condemned packs"


def run(spec: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Condemn, then sweep: what an earlier run condemned goes too. A pack that a running job may use waits for the next run."""
    repository = open_repository(spec)
    channel.sub_task(CONDEMN, SubTaskStatus.IN_PROGRESS)
    condemned = condemn(repository, check=channel.check)
    channel.sub_task(CONDEMN, SubTaskStatus.COMPLETED, f"{len(condemned.packs)} pack(s)")
    channel.sub_task(SWEEP, SubTaskStatus.IN_PROGRESS)
    return {"condemned_packs": len(condemned.packs), **_sweep(repository, channel)}


def _sweep(repository: Repository, channel: Channel) -> dict[str, Any]:
    swept = sweep(repository, check=channel.check)
    waiting = sorted(swept.waiting_for)
    if waiting:
        channel.log(f"waiting for sessions: {', '.join(waiting)}")
    channel.sub_task(SWEEP, SubTaskStatus.COMPLETED, f"{swept.deleted_packs} pack(s), {swept.deleted_bytes} bytes")
    return {
        "deleted_packs": swept.deleted_packs,
        "deleted_bytes": swept.deleted_bytes,
        "copied_chunks": swept.copied_chunks,
        "waiting_for": waiting,
    }
