"""``strongroom repo``: check, prune, collect, stats (features B3, B4)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strongroom.cli.everywhere import Leaf, noun
from strongroom.cli.exits import ExitCode
from strongroom.cli.formats import local_time, percent, size
from strongroom.cli.invocation import Invocation, asked
from strongroom.cli.output import Column
from strongroom.cli.plain import plain
from strongroom.cli.submitting import WaitOption, conclude
from strongroom.domain.text import safe_text

if TYPE_CHECKING:
    from strongroom.engine.inspection import AffectedPoint
    from strongroom.engine.upkeep import PlanRow, PrunePreview

app = noun("The vault's repository: check, prune, collect, statistics.")


class Tier(StrEnum):
    """How deep a check looks."""

    LIST = "list"
    HASH = "hash"
    DATA = "data"


_PROBLEMS = (
    Column("Problem", lambda row: row.kind),
    Column("Object", lambda row: row.object),
    Column("Recovery points", lambda row: [_point(point) for point in row.points]),
    Column("Detail", lambda row: row.detail),
)
_PLAN = (
    Column("Decision", lambda row: row["decision"]),
    Column("Item", lambda row: f"{row['cloud_service']}/{row['item_name']}"),
    Column("Point", lambda row: row["point_id"], right=True),
    Column("Taken", lambda row: local_time(row["taken_at"])),
    Column("Reason", lambda row: row["reason"]),
)


@app.command(cls=Leaf)
def check(
    ctx: typer.Context,
    tier: Annotated[
        Tier, typer.Option("--tier", help="list: everything is there; hash: every pack is whole; data: every chunk is right.")
    ] = Tier.LIST,
    read_data: Annotated[bool, typer.Option("--read-data", help="The same as --tier data.")] = False,
) -> ExitCode:
    """Look for damage and name the recovery points that it affects. Repairs and deletes nothing."""
    from strongroom.engine.inspection import check_repository

    run = asked(ctx)
    wanted = Tier.DATA if read_data else tier
    report = check_repository(run.context(), run.vault_id(), wanted.value, _progress(run))
    if run.as_json:
        run.output.json({"ok": not report.problems, **plain(report)})
    else:
        run.output.items(report.problems, _PROBLEMS, empty="No problem was found.")
        run.output.text(
            f"{report.objects} objects, {size(report.checked_bytes)} checked ({report.tier}), {len(report.problems)} problem(s)."
        )
    return ExitCode.FAILED if report.problems else ExitCode.DONE


def _point(point: AffectedPoint) -> str:
    if point.point_id is None:
        return point.manifest_key
    return f"{point.point_id} of {point.cloud_service}/{point.item_name}"


def _progress(run: Invocation) -> Callable[[int, int], None]:
    """One line that is written over and over, on a terminal only; both counts are bytes."""
    shown = sys.stderr.isatty() and not run.as_json

    def show(done_bytes: int, total_bytes: int) -> None:
        if shown:
            text = safe_text(f"{size(done_bytes)} of {size(total_bytes)}")
            sys.stderr.write(f"\r\x1b[K{text}" if done_bytes < total_bytes else "\r\x1b[K")
            sys.stderr.flush()

    return show


@app.command(cls=Leaf)
def prune(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be kept and removed, each with its reason.")] = False,
    wait: WaitOption = False,
) -> ExitCode:
    """Remove the recovery points that have expired. The plan that is printed is the plan that is executed."""
    from strongroom.engine.upkeep import plan_prune, request_prune

    run = asked(ctx)
    vault_id = run.vault_id()
    plan = plan_prune(run.context(), vault_id)
    if dry_run:
        _show_plan(run, plan)
        return ExitCode.DONE
    if not plan.remove:
        run.output.done({"batch": "", "jobs": [], "refused": []}, f"Nothing has expired; {len(plan.keep)} recovery point(s) are kept.")
        return ExitCode.DONE
    if not run.as_json:
        _show_plan(run, plan)
    return conclude(run, request_prune(run.context(), vault_id, plan), wait=wait)


def _show_plan(run: Invocation, plan: PrunePreview) -> None:
    if run.as_json:
        run.output.thing(plan, {})
        return
    rows = [*(_decided("remove", row) for row in plan.remove), *(_decided("keep", row) for row in plan.keep)]
    run.output.items(rows, _PLAN, empty="The vault has no recovery point.")


def _decided(decision: str, row: PlanRow) -> dict[str, Any]:
    return {
        "decision": decision,
        "cloud_service": row.cloud_service,
        "item_name": row.item_name,
        "point_id": row.point_id,
        "taken_at": row.taken_at,
        "reason": row.reason,
    }


@app.command(cls=Leaf)
def collect(ctx: typer.Context, wait: WaitOption = False) -> ExitCode:
    """Free the space that no recovery point needs. Safe beside running backups; space is freed in two passes."""
    from strongroom.engine.upkeep import request_collect

    run = asked(ctx)
    return conclude(run, request_collect(run.context(), run.vault_id()), wait=wait)


@app.command(cls=Leaf)
def stats(ctx: typer.Context) -> None:
    """Show how much is stored, and how much it saves."""
    from strongroom.engine.inspection import repository_stats

    run = asked(ctx)
    found = dict(repository_stats(run.context(), run.vault_id()))
    run.output.thing(found, {_label(key): _amount(key, value) for key, value in found.items()})


def _label(key: str) -> str:
    return key.removesuffix("_bytes").removesuffix("_ratio").replace("_", " ").capitalize()


def _amount(key: str, value: Any) -> Any:
    if key.endswith("_bytes"):
        return size(value)
    return percent(value) if key.endswith("_ratio") else str(value)
