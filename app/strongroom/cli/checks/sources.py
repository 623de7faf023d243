"""Every source: does it answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from strongroom.cli.checks.finding import Finding, guarded, ok, warn

if TYPE_CHECKING:
    from strongroom.catalog.queries.sources import SourceRow
    from strongroom.engine.context import Context


def look(context: Context) -> Iterator[Finding]:
    """The findings of every source."""
    from strongroom.catalog.queries.sources import sources

    with context.catalog.read() as session:
        rows = sources(session).items
    if not rows:
        yield warn("sources", "there is none yet", "Add one: strongroom source add ADDRESS --region REGION")
    for row in rows:
        yield from guarded(f"source {row.address}", lambda row=row: _source(row))  # type: ignore[misc]


def _source(row: SourceRow) -> Iterator[Finding]:
    from strongroom.providers.registry import open_provider

    provider = open_provider(row.address, row.region)
    try:
        found = provider.discover()
    finally:
        provider.close()
    check = f"source {row.address}"
    yield ok(check, f"answers with {len(found.machines)} machine(s)")
    for warning in found.warnings:
        yield warn(check, warning, "Mend it at the source, then: strongroom source discover")
