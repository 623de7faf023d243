"""``strongroom source``: add, list, remove, discover (feature A3)."""

from __future__ import annotations

from typing import Annotated

import typer

from strongroom.cli.everywhere import Leaf, noun
from strongroom.cli.exits import ExitCode
from strongroom.cli.formats import local_time
from strongroom.cli.invocation import asked
from strongroom.cli.options import AfterOption, LimitOption, page
from strongroom.cli.output import Column
from strongroom.cli.submitting import WaitOption, conclude

app = noun("Sources: where machines run.")
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="For example images:///srv/vm, a folder of disk images.")]

_COLUMNS = (
    Column("Address", lambda row: row.address),
    Column("Region", lambda row: row.region),
    Column("Type", lambda row: row.workload_type, spare=2),
    Column("Machines", lambda row: row.machines, right=True),
    Column("Vanished", lambda row: row.vanished, right=True, spare=1),
    Column("Discovered", lambda row: "now running" if row.live_job_id else local_time(row.discovered_at)),
)


@app.command(cls=Leaf)
def add(ctx: typer.Context, address: Address, region: Annotated[str, typer.Option("--region", help="Where its machines live.")]) -> None:
    """Remember a source; nothing is contacted before the first discovery."""
    from strongroom.engine.sources import add_source

    run = asked(ctx)
    source_id = add_source(run.context(), address, region)
    run.output.done({"source_id": source_id, "address": address, "region": region}, f"Source {address} was added to region {region}.")


@app.command("list", cls=Leaf)
def list_(ctx: typer.Context, limit: LimitOption = 200, after: AfterOption = None) -> None:
    """List the sources."""
    from strongroom.catalog.queries.sources import sources

    run = asked(ctx)
    with run.context().catalog.read() as session:
        found = sources(session, page=page(limit, after))
    run.output.items(found.items, _COLUMNS, after=found.next, empty="There is no source yet: strongroom source add ADDRESS --region REGION")


@app.command(cls=Leaf)
def remove(ctx: typer.Context, address: Address) -> None:
    """Forget a source and its unregistered machines; refused while one of its machines is registered."""
    from strongroom.engine.sources import find_source, remove_source

    run = asked(ctx)
    source_id = find_source(run.context(), address)
    remove_source(run.context(), source_id)
    run.output.done({"source_id": source_id, "address": address, "removed": True}, f"Source {address} was removed.")


@app.command(cls=Leaf)
def discover(
    ctx: typer.Context,
    addresses: Annotated[list[str] | None, typer.Argument(metavar="ADDRESS", help="Which sources (default: all).")] = None,
    wait: WaitOption = False,
) -> ExitCode:
    """Look for machines: adds the new ones, updates the known, marks what has vanished."""
    from strongroom.engine.discovery import request_discovery
    from strongroom.engine.sources import find_source

    run = asked(ctx)
    context = run.context()
    wanted = [find_source(context, address) for address in addresses] if addresses else None
    return conclude(run, request_discovery(context, wanted), wait=wait)
