"""Wait for jobs to end by watching the catalog, whoever runs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from sqlmodel import col, select

from strongroom.catalog.entities import Job
from strongroom.domain.states import ENDED
from strongroom.engine.context import Context

_LOOK_SECONDS = 0.05
_RELOOK_SECONDS = 2.0


def follow(context: Context, job_ids: Iterable[int], seen: Callable[[list[Job]], None] = lambda _: None) -> list[Job]:
    """Return the jobs once all have ended; ``seen`` gets them after every change. Costs next to nothing while nothing changes."""
    wanted = list(job_ids)
    version, looked_at = -1, float("-inf")
    while True:
        newest, now = context.catalog.data_version(), time.monotonic()
        if newest != version or now - looked_at > _RELOOK_SECONDS:
            version, looked_at = newest, now
            with context.catalog.read() as session:
                jobs = list(session.exec(select(Job).where(col(Job.id).in_(wanted)).order_by(col(Job.id))))
            seen(jobs)
            if all(job.status in ENDED for job in jobs):
                return jobs
        time.sleep(_LOOK_SECONDS)
