"""``strongroom serve``: the service in the foreground (feature B12)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.everywhere import Leaf
from strongroom.cli.invocation import Invocation, asked

if TYPE_CHECKING:
    from strongroom.catalog.migration import Migrated

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(cls=Leaf)
def serve(
    ctx: typer.Context,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Only bring the catalog to this version's schema (a copy is kept), and end.")
    ] = False,
) -> int:
    """Run schedules and jobs until SIGTERM or Ctrl-C. A second service stands by. An older catalog is migrated first."""
    run = asked(ctx)
    if migrate:
        done = _migrated(run)
        run.output.done({"from_schema": done.from_schema, "to_schema": done.to_schema, "copy": done.copy}, _in_words(done))
        return 0
    run.one_line_errors = not sys.stderr.isatty()
    _open(run)
    from strongroom.scheduler.service import Service

    return Service(run.context()).run()


def _open(run: Invocation) -> None:
    """Open the catalog; an older one is migrated, which only the service may do."""
    from strongroom.catalog.errors import CatalogTooOld

    try:
        run.context()
    except CatalogTooOld:
        run.output.say(_in_words(_migrated(run)))


def _migrated(run: Invocation) -> Migrated:
    from strongroom.catalog.migration import migrate

    return migrate(run.paths.catalog)


def _in_words(done: Migrated) -> str:
    if done.copy is None:
        return f"The catalog already has schema {done.to_schema}."
    return f"The catalog was brought from schema {done.from_schema} to {done.to_schema}; the old one is kept as {done.copy}."
