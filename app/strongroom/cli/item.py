"""``strongroom item``: registered machines, their protection and their backups (features A7, A9, A10, A14, A17)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from strongroom.cli import moments
from strongroom.cli.completion import policy_names
from strongroom.cli.everywhere import Leaf, noun
from strongroom.cli.exits import ExitCode
from strongroom.cli.formats import local_time
from strongroom.cli.invocation import Invocation, asked
from strongroom.cli.lookup import item_ids, one_item, one_policy
from strongroom.cli.options import (
    AfterOption,
    CommentOption,
    ItemName,
    ItemNames,
    LimitOption,
    ReasonOption,
    TextOption,
    page,
)
from strongroom.cli.output import Column
from strongroom.cli.submitting import WaitOption, conclude
from strongroom.cli.terminal import require_typed
from strongroom.domain.errors import InvalidInput
from strongroom.domain.states import ProtectionStatus, WorkloadType

app = noun("Items: registered machines and their protection.")


class Retain(StrEnum):
    """What becomes of the recovery points when protection stops."""

    FOREVER = "forever"
    AS_PER_POLICY = "as-per-policy"


_COLUMNS = (
    Column("Name", lambda row: row.name),
    Column("Cloud Service", lambda row: row.cloud_service),
    Column("Type", lambda row: row.workload_type, spare=3),
    Column("Protection Status", lambda row: row.status),
    Column("Recovery Points", lambda row: row.points, right=True),
    Column("Policy", lambda row: row.policy_name, spare=1),
    Column("Newest Recovery Point", lambda row: local_time(row.newest_point_at)),
    Column("Last Backup", lambda row: row.last_backup_status, spare=2),
)


@app.command("list", cls=Leaf)
def list_(
    ctx: typer.Context,
    workload_type: Annotated[WorkloadType | None, typer.Option("--type", case_sensitive=False, help="Only this workload type.")] = None,
    status: Annotated[ProtectionStatus | None, typer.Option("--status", case_sensitive=False, help="Only this protection status.")] = None,
    policy: Annotated[str | None, typer.Option("--policy", help="Only items of this policy.", autocompletion=policy_names)] = None,
    text: TextOption = "",
    limit: LimitOption = 200,
    after: AfterOption = None,
) -> None:
    """List the vault's protected items (registered machines without protection: strongroom machine list)."""
    from strongroom.catalog.queries.protected import protected

    run = asked(ctx)
    vault_id = run.vault_id()
    policy_id = one_policy(run.context(), vault_id, policy).policy_id if policy else None
    with run.context().catalog.read() as session:
        found = protected(
            session, vault_id, workload_type=workload_type, status=status, policy_id=policy_id, text=text, page=page(limit, after)
        )
    run.output.items(
        found.items, _COLUMNS, after=found.next, empty="Nothing is protected yet: strongroom item protect NAME --policy POLICY"
    )


@app.command(cls=Leaf)
def show(ctx: typer.Context, name: ItemName) -> None:
    """Show one item and how it is protected."""
    run = asked(ctx)
    row = one_item(run.context(), run.optional_vault_id(), name)
    run.output.thing(
        row,
        {
            "Name": row.name,
            "Cloud service": row.cloud_service,
            "Type": row.workload_type,
            "Region": row.region,
            "Registration": row.registration,
            "Protection": row.status,
            "Policy": row.policy_name,
            "Recovery points": str(row.points),
            "Newest point": local_time(row.newest_point_at),
            "Consistency": row.newest_consistency,
            "Last backup": f"{row.last_backup_status} {local_time(row.last_backup_at)}" if row.last_backup_at else "-",
            "Running job": row.live_job_id,
            "Error": " · ".join(str(row.error[key]) for key in ("code", "message", "cause", "action") if row.error.get(key)),
        },
    )


@app.command(cls=Leaf)
def protect(
    ctx: typer.Context,
    names: ItemNames,
    policy: Annotated[str, typer.Option("--policy", help="The policy that protects them.", autocompletion=policy_names)],
    exclude_disk: Annotated[
        list[str] | None, typer.Option("--exclude-disk", metavar="ID", help="Leave this disk out; may be repeated.")
    ] = None,
    all_disks: Annotated[bool, typer.Option("--all-disks", help="Include every disk again.")] = False,
    wait: WaitOption = False,
) -> ExitCode:
    """Protect registered machines with a policy, or give protected ones another policy."""
    if all_disks and exclude_disk:
        raise InvalidInput("--all-disks and --exclude-disk contradict each other")
    excluded = [] if all_disks else exclude_disk or None
    return _protect(asked(ctx), names, policy, excluded, wait=wait)


def _protect(run: Invocation, names: list[str], policy: str, excluded: list[str] | None, *, wait: bool) -> ExitCode:
    from strongroom.engine.protection import request_protect

    context = run.context()
    items = item_ids(context, run.optional_vault_id(), names)
    vault_ids = {one_item(context, run.optional_vault_id(), name).vault_id for name in names}
    if len(vault_ids) > 1:
        raise InvalidInput(
            "The items are in different vaults", cause="a policy belongs to one vault", action="Name the vault with --vault."
        )
    chosen = one_policy(context, vault_ids.pop(), policy)
    return conclude(run, request_protect(context, items, chosen.policy_id, excluded_disks=excluded), wait=wait)


@app.command(cls=Leaf)
def backup(
    ctx: typer.Context,
    names: ItemNames,
    keep_until: Annotated[
        str | None, typer.Option("--keep-until", metavar="WHEN", help=f"Keep the point at least until: {moments.HELP}.")
    ] = None,
    full_read: Annotated[bool, typer.Option("--full-read", help="Read whole disks, whatever the change tracking says.")] = False,
    wait: WaitOption = False,
) -> ExitCode:
    """Back up now."""
    from strongroom.engine.backups import request_backup

    run = asked(ctx)
    context = run.context()
    until = moments.in_future(keep_until, context.clock.now()) if keep_until else None
    items = item_ids(context, run.optional_vault_id(), names)
    return conclude(run, request_backup(context, items, keep_until=until, full_read=full_read), wait=wait)


@app.command(cls=Leaf)
def stop(
    ctx: typer.Context,
    names: ItemNames,
    retain: Annotated[Retain, typer.Option("--retain", case_sensitive=False, help="What becomes of the recovery points.")],
    reason: ReasonOption = "",
    comment: CommentOption = "",
    wait: WaitOption = False,
) -> ExitCode:
    """Stop protection and keep the recovery points, for ever or as the policy says."""
    from strongroom.engine.protection import StopHow, request_stop

    run = asked(ctx)
    how = StopHow.RETAIN_FOREVER if retain is Retain.FOREVER else StopHow.RETAIN_AS_PER_POLICY
    items = item_ids(run.context(), run.optional_vault_id(), names)
    return conclude(run, request_stop(run.context(), items, how, reason=reason, comment=comment), wait=wait)


@app.command(cls=Leaf)
def resume(
    ctx: typer.Context,
    names: ItemNames,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Another policy (default: the one they had).", autocompletion=policy_names)
    ] = None,
    wait: WaitOption = False,
) -> ExitCode:
    """Resume stopped protection; the old recovery points are kept."""
    run = asked(ctx)
    rows = [one_item(run.context(), run.optional_vault_id(), name) for name in names]
    stopped = {ProtectionStatus.STOPPED, ProtectionStatus.SUSPENDED}
    running = [row.name for row in rows if row.status not in stopped]
    if running:
        raise InvalidInput(f"Not stopped: {', '.join(running)}", action="Resume only what was stopped; list it: strongroom item list")
    former = {row.policy_name for row in rows}
    if policy is None and len(former) > 1:
        raise InvalidInput(
            "The items had different policies", cause=", ".join(sorted(former)), action="Resume them one by one, or name one policy."
        )
    return _protect(run, names, policy or former.pop(), None, wait=wait)


@app.command("delete-data", cls=Leaf)
def delete_data(
    ctx: typer.Context,
    name: ItemName,
    confirm: Annotated[str | None, typer.Option("--confirm", metavar="NAME", help="The item's name again, instead of typing it.")] = None,
    reason: ReasonOption = "",
    comment: CommentOption = "",
    wait: WaitOption = False,
) -> ExitCode:
    """Stop protection and delete every recovery point of the item, at once and for good."""
    from strongroom.engine.protection import request_delete_data

    run = asked(ctx)
    context = run.context()
    row = one_item(context, run.optional_vault_id(), name)
    question = f"{row.points} recovery point(s) of {row.cloud_service}/{row.name} will be deleted for good. Type the item's name:"
    typed = require_typed(f"Deleting the data of {row.name}", confirm, f"--confirm {row.name}", question)
    return conclude(run, request_delete_data(context, row.item_id, typed, reason=reason, comment=comment), wait=wait)
