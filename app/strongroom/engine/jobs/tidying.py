"""Leftovers on hosts, found by name: everything that a job makes outside is named after the job (house rule of the provider contract)."""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import select

from strongroom.catalog.entities import Source
from strongroom.domain.errors import StrongroomError
from strongroom.engine.context import Context
from strongroom.engine.jobs.queue import running
from strongroom.providers.registry import open_provider


def tidy_sources(context: Context, tell: Callable[[str], None]) -> None:
    """Have every source remove what jobs left there that run no more; an unreachable source is told and left for later."""
    live = {job.uid for job in running(context)}
    with context.catalog.read() as session:
        sources = list(session.exec(select(Source)))
    for source in sources:
        try:
            provider = open_provider(source.address, source.region)
            try:
                for line in provider.tidy(live.__contains__):
                    tell(f"{source.address}: {line}")
            finally:
                provider.close()
        except StrongroomError as error:
            tell(f"{source.address}: not tidied: {error}")
