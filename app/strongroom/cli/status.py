"""``strongroom status``: the installation at a glance (feature A15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from strongroom.cli.everywhere import Leaf
from strongroom.cli.formats import percent, size
from strongroom.cli.invocation import Invocation, asked
from strongroom.cli.plain import plain

if TYPE_CHECKING:
    from strongroom.catalog.queries.dashboard import Dashboard
    from strongroom.catalog.queries.vaults import VaultRow

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(cls=Leaf)
def status(ctx: typer.Context) -> None:
    """Show the service, and for each vault its counts, storage, jobs of the last 24 h and what wants attention."""
    from strongroom.bootstrap import service_state

    run = asked(ctx)
    state = service_state(run.context())
    seen = _dashboards(run)
    if run.as_json:
        vaults = [{"vault_id": row.vault_id, "name": row.name, "region": row.region, **plain(board)} for row, board in seen]
        run.output.json({"installation": run.paths.name, "service": plain(state), "vaults": vaults})
        return
    run.output.thing(None, {"Installation": run.paths.name, "Service": state.message})
    for row, board in seen:
        run.output.text("")
        run.output.thing(None, _lines(row, board))
    if not seen:
        run.output.say("There is no vault yet: strongroom vault create NAME --region REGION")


def _dashboards(run: Invocation) -> list[tuple[VaultRow, Dashboard]]:
    from strongroom.catalog.queries.dashboard import dashboard
    from strongroom.catalog.queries.vaults import vaults

    context = run.context()
    wanted = run.optional_vault_id()
    with context.catalog.read() as session:
        rows = [row for row in vaults(session).items if wanted in {None, row.vault_id}]
        return [(row, dashboard(session, row.vault_id, now=context.clock.now())) for row in rows]


def _lines(row: VaultRow, board: Dashboard) -> dict[str, Any]:
    saved = "" if board.saved_ratio is None else f", {percent(board.saved_ratio)} saved"
    lines: dict[str, Any] = {
        "Vault": f"{row.name} ({row.region})",
        "Items": f"{board.protected} protected, {board.registered} registered, {board.discovered} discovered, {board.without_policy} without policy",
        "Storage": f"{size(board.used_bytes)} used for {board.points} point(s) of {size(board.protected_bytes)}{saved}",
        "Last 24 h": f"{board.successful} successful, {board.failed} failed, {board.in_progress} in progress",
    }
    return lines | {f"Attention {place}": entry.text for place, entry in enumerate(board.attention, 1)}
