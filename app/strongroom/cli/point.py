"""``strongroom point``: list, show, hold, restore, verify (features A14, A16, B3, B4)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import moments
from strongroom.cli.completion import item_names
from strongroom.cli.everywhere import Leaf, noun
from strongroom.cli.exits import ExitCode
from strongroom.cli.formats import local_time, size
from strongroom.cli.invocation import Invocation, asked
from strongroom.cli.lookup import one_item, one_point
from strongroom.cli.options import AfterOption, ItemName, LimitOption, page
from strongroom.cli.output import Column
from strongroom.cli.restore_options import DiskFormat, Level, Place
from strongroom.cli.submitting import WaitOption, conclude
from strongroom.domain.errors import InvalidInput

if TYPE_CHECKING:
    from strongroom.catalog.queries.points import PointRow
    from strongroom.engine.restores import RestoreWish
    from strongroom.providers.base import RestorePreview

app = noun("Recovery points: look at them, hold, restore, verify.")
PointId = Annotated[int, typer.Argument(metavar="POINT", help="The recovery point's number.")]


def _expiry(row: PointRow) -> str:
    if row.held_until is not None:
        return f"held until {local_time(row.held_until)}"
    return local_time(row.expires_at) if row.expires_at else "never"


_COLUMNS = (
    Column("Point", lambda row: row.point_id, right=True),
    Column("Taken", lambda row: local_time(row.taken_at)),
    Column("Consistency", lambda row: row.consistency),
    Column("Used", lambda row: size(row.used_bytes), right=True, spare=3),
    Column("Read", lambda row: size(row.read_bytes), right=True, spare=4),
    Column("Stored", lambda row: size(row.stored_bytes), right=True, spare=2),
    Column("Expires", _expiry, spare=1),
    Column("Verified", lambda row: "DAMAGED" if row.damaged else local_time(row.verified_at)),
)


@app.command("list", cls=Leaf)
def list_(
    ctx: typer.Context,
    name: ItemName,
    consistency: Annotated[Level | None, typer.Option("--consistency", case_sensitive=False, help="Only this level.")] = None,
    limit: LimitOption = 200,
    after: AfterOption = None,
) -> None:
    """List an item's recovery points, newest first."""
    from strongroom.catalog.queries.points import points

    run = asked(ctx)
    item = one_item(run.context(), run.optional_vault_id(), name)
    level = consistency.level if consistency else None
    with run.context().catalog.read() as session:
        found = points(session, item.item_id, consistency=level, page=page(limit, after))
    run.output.items(found.items, _COLUMNS, after=found.next, empty=f"{item.name} has no recovery point yet.")


@app.command(cls=Leaf)
def show(ctx: typer.Context, point: PointId) -> None:
    """Show one recovery point with its consistency, expiry, disks and proof."""
    run = asked(ctx)
    row = one_point(run.context(), point)
    lines = {
        "Point": row.point_id,
        "Item": f"{row.cloud_service}/{row.item_name}",
        "Taken": local_time(row.taken_at),
        "Committed": local_time(row.committed_at),
        "Consistency": f"{row.consistency.value}: {row.consistency_reason}",
        "Bytes": f"{size(row.used_bytes)} used, {size(row.read_bytes)} read, {size(row.stored_bytes)} stored",
        "Tags": row.tags,
        "Expires": f"{_expiry(row)} ({row.expiry_reason})" if row.expiry_reason else _expiry(row),
        "Verified": local_time(row.verified_at) if row.verified_at else "not yet",
        "Damage": row.damaged,
    }
    disks = {
        f"Disk {disk['id']}": f"{size(disk['size_bytes'])}  {disk['mode']}: {disk['reason']}, "
        f"{size(disk['read_bytes'])} read, {size(disk['stored_bytes'])} stored"
        for disk in row.disks
    }
    run.output.thing(row, lines | disks)


@app.command(cls=Leaf)
def hold(
    ctx: typer.Context,
    point: PointId,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help=f"Keep it at least until: {moments.HELP}.")] = None,
    release: Annotated[bool, typer.Option("--release", help="End the hold.")] = False,
) -> None:
    """Keep a recovery point, whatever its policy says, until a day; or release it."""
    from strongroom.engine.points import hold_point

    run = asked(ctx)
    if (until is None) != release:
        raise InvalidInput("Until when?", action="Add --until WHEN, or --release")
    one_point(run.context(), point)
    moment = moments.in_future(until, run.context().clock.now()) if until else None
    hold_point(run.context(), point, moment)
    what = f"is held until {local_time(moment)}" if moment else "is held no longer"
    run.output.done({"point_id": point, "held_until": moment}, f"Recovery point {point} {what}.")


@app.command(cls=Leaf)
def verify(
    ctx: typer.Context,
    points: Annotated[list[int] | None, typer.Argument(metavar="POINT", help="Which points.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every point of the vault.")] = False,
    wait: WaitOption = False,
) -> ExitCode:
    """Read recovery points back, chunk by chunk, and prove that nothing is missing or damaged."""
    from strongroom.engine.verification import request_verify

    run = asked(ctx)
    if bool(points) == every:
        raise InvalidInput("Name the points, or say --all", action="List them: strongroom point list NAME")
    rows = [one_point(run.context(), point) for point in points or ()]
    vault_ids = {row.vault_id for row in rows} or {run.vault_id()}
    if len(vault_ids) > 1:
        raise InvalidInput("The points are in different vaults", action="Verify one vault's points at a time.")
    wanted = [row.point_id for row in rows] or None
    return conclude(run, request_verify(run.context(), vault_ids.pop(), wanted), wait=wait)


@app.command(cls=Leaf)
def restore(  # noqa: PLR0913  (one argument per option)
    ctx: typer.Context,
    *,
    to: Annotated[Place, typer.Option("--to", case_sensitive=False, help="Where it goes.")],
    point: Annotated[int | None, typer.Argument(metavar="POINT", help="The recovery point's number.")] = None,
    newest_of: Annotated[
        str | None,
        typer.Option("--newest-of", metavar="NAME", help="Instead of POINT: the item's newest sound one.", autocompletion=item_names),
    ] = None,
    before: Annotated[str | None, typer.Option("--before", metavar="WHEN", help="With --newest-of: taken no later than that.")] = None,
    at_least: Annotated[
        Level | None, typer.Option("--at-least", case_sensitive=False, help="With --newest-of: at least so consistent.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The new machine's name.")] = "",
    cloud_service: Annotated[str, typer.Option("--cloud-service", help="The new machine's cloud service (default: as it was).")] = "",
    source: Annotated[str | None, typer.Option("--source", metavar="ADDRESS", help="Another source (default: its own).")] = None,
    folder: Annotated[Path | None, typer.Option("--folder", metavar="DIR", help="Where the disks go.")] = None,
    disk_format: Annotated[
        DiskFormat | None, typer.Option("--format", case_sensitive=False, help="The disks' format (default: as it was).")
    ] = None,
    start: Annotated[bool, typer.Option("--start", help="Start the machine afterwards.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be made and what would not come back.")] = False,
    wait: WaitOption = False,
) -> ExitCode:
    """Restore a recovery point as a new machine, to its original place (the old disks are kept aside), or as disks."""
    from strongroom.engine.restores import RestoreWish, preview_restore, request_restore

    run = asked(ctx)
    wish = RestoreWish(
        point_id=_chosen(run, point, newest_of, before, at_least),
        placement=to.placement,
        name=name,
        cloud_service=cloud_service,
        source_id=_source(run, source),
        folder=str(folder.absolute()) if folder else "",
        disk_format=disk_format.value if disk_format else "",
        start=start,
    )
    seen = preview_restore(run.context(), wish)
    if preview:
        _show_preview(run, wish, seen)
        return ExitCode.USAGE if seen.problems else ExitCode.DONE
    if seen.problems:
        raise InvalidInput("The restore cannot start", cause="; ".join(seen.problems), action="Change the wish; look at it with --preview.")
    for line in seen.will_not_return:
        run.output.say(f"Will not come back: {line}")
    return conclude(run, request_restore(run.context(), wish), wait=wait)


def _chosen(run: Invocation, point: int | None, newest_of: str | None, before: str | None, at_least: Level | None) -> int:
    from strongroom.engine.restores import newest_point

    if (point is None) == (newest_of is None):
        raise InvalidInput("Which recovery point?", action="Give its number, or --newest-of NAME")
    context = run.context()
    if newest_of is None:
        if before or at_least:
            raise InvalidInput("--before and --at-least belong to --newest-of")
        return one_point(context, point or 0).point_id
    item = one_item(context, run.optional_vault_id(), newest_of)
    moment = moments.in_past(before, context.clock.now()) if before else None
    return newest_point(context, item.item_id, before=moment, at_least=at_least.level if at_least else None)


def _source(run: Invocation, address: str | None) -> int | None:
    from strongroom.engine.sources import find_source

    return find_source(run.context(), address) if address else None


def _show_preview(run: Invocation, wish: RestoreWish, seen: RestorePreview) -> None:
    run.output.thing(
        {"wish": wish, "will_make": seen.will_make, "will_not_return": seen.will_not_return, "problems": seen.problems},
        {
            "Recovery point": wish.point_id,
            **{f"Will make {place}": line for place, line in enumerate(seen.will_make, 1)},
            **{f"Will not come back {place}": line for place, line in enumerate(seen.will_not_return, 1)},
            **{f"Problem {place}": line for place, line in enumerate(seen.problems, 1)},
        },
    )
