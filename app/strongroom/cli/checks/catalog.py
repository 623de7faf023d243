"""The catalog, and the service that works on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from strongroom.cli.checks.finding import Finding, fail, guarded, ok, warn

if TYPE_CHECKING:
    from strongroom.engine.context import Context

_AHEAD = timedelta(minutes=5)


def look(context: Context) -> Iterator[Finding]:
    """The schema, the service, and whether the catalog's times make sense."""
    from strongroom.catalog.schema import SCHEMA

    yield ok("catalog", f"{context.catalog.path}, schema {SCHEMA}")
    yield from guarded("service", lambda: _service(context))
    yield from guarded("clock", lambda: _times(context))


def _service(context: Context) -> Iterator[Finding]:
    from strongroom.bootstrap import service_state
    from strongroom.catalog.queries.jobs import live_jobs

    state = service_state(context)
    if state.running:
        yield ok("service", state.message)
        return
    with context.catalog.read() as session:
        live = live_jobs(session)
    if live:
        yield fail("service", f"none runs, and {len(live)} job(s) wait or were left behind", "Start it: strongroom serve")
    else:
        yield warn("service", "none runs, so no schedule fires", "Start it: strongroom serve")


def _times(context: Context) -> Iterator[Finding]:
    """A job from the future means that the clock was set back."""
    from strongroom.catalog.queries.jobs import jobs
    from strongroom.catalog.queries.page import Page

    with context.catalog.read() as session:
        newest = jobs(session, page=Page(limit=1)).items
    ahead = newest[0].queued_at - context.clock.now() if newest else timedelta()
    if ahead > _AHEAD:
        yield fail(
            "clock", f"the newest job was queued {ahead} in the future: the clock was set back", "Set the clock: timedatectl set-ntp true"
        )
