"""``strongroom machine``: what discovery found, and its association with a vault (features A3-A6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.completion import machine_names
from strongroom.cli.everywhere import Leaf, noun
from strongroom.cli.exits import ExitCode
from strongroom.cli.formats import size
from strongroom.cli.invocation import Invocation, asked
from strongroom.cli.lookup import item_ids, one_machine
from strongroom.cli.options import AfterOption, ItemNames, LimitOption, MachineName, TextOption, page
from strongroom.cli.output import Column
from strongroom.cli.submitting import WaitOption, conclude
from strongroom.domain.errors import InvalidInput
from strongroom.domain.states import RegistrationStatus, WorkloadType

if TYPE_CHECKING:
    from strongroom.catalog.queries.registered import RegisteredRow

app = noun("Machines: found by discovery, registered with a vault.")

_COLUMNS = (
    Column("Name", lambda row: row.name),
    Column("Cloud Service", lambda row: row.cloud_service),
    Column("Type", lambda row: row.workload_type, spare=4),
    Column("Status", lambda row: row.status),
    Column("Power", lambda row: row.power, spare=3),
    Column("Disks", lambda row: len(row.disks), right=True, spare=2),
    Column("Size", lambda row: size(row.size_bytes), right=True, spare=1),
    Column("Protection", lambda row: row.protection),
)
_ELSEWHERE = (
    Column("Name", lambda row: row.name),
    Column("Cloud Service", lambda row: row.cloud_service),
    Column("Type", lambda row: row.workload_type),
    Column("Region", lambda row: row.region),
    Column("Vaults there", lambda row: row.vault_names),
)


@app.command("list", cls=Leaf)
def list_(
    ctx: typer.Context,
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="The machines of other regions, and the vaults that would take them.")
    ] = False,
    workload_type: Annotated[WorkloadType | None, typer.Option("--type", case_sensitive=False, help="Only this workload type.")] = None,
    status: Annotated[RegistrationStatus | None, typer.Option("--status", case_sensitive=False, help="Only this status.")] = None,
    text: TextOption = "",
    limit: LimitOption = 200,
    after: AfterOption = None,
) -> None:
    """List the vault's items, then the unregistered machines of its region."""
    from strongroom.catalog.queries.registered import discovered_elsewhere, registered

    run = asked(ctx)
    vault_id, wanted = run.vault_id(), page(limit, after)
    empty = "No machine was found yet: strongroom source discover --wait"
    with run.context().catalog.read() as session:
        if elsewhere:
            others = discovered_elsewhere(session, vault_id, text=text, page=wanted)
            run.output.items(others.items, _ELSEWHERE, after=others.next, empty="No other region has unregistered machines.")
            return
        found = registered(session, vault_id, workload_type=workload_type, status=status, text=text, page=wanted)
    run.output.items(found.items, _COLUMNS, after=found.next, empty=empty)


@app.command(cls=Leaf)
def show(ctx: typer.Context, name: MachineName) -> None:
    """Show one machine with its disks."""
    run = asked(ctx)
    row = one_machine(run.context(), name, run.optional_vault_id())
    lines = {
        "Name": row.name,
        "Cloud service": row.cloud_service,
        "Type": row.workload_type,
        "Region": row.region,
        "Vault": row.vault_name,
        "Status": row.status,
        "Protection": row.protection,
        "Power": row.power,
        "Agent": row.agent,
        "Size": f"{size(row.size_bytes)}, {size(row.used_bytes)} used",
        "Error": row.error.get("message", ""),
    }
    run.output.thing(row, lines | {f"Disk {disk['id']}": _disk(disk) for disk in row.disks})


def _disk(disk: dict[str, object]) -> str:
    size_bytes = disk.get("size_bytes")
    words = [size(size_bytes if isinstance(size_bytes, int) else None), str(disk.get("format", "")), str(disk.get("location", ""))]
    return "  ".join(word for word in words if word) + ("" if disk.get("included", True) else f"  not included: {disk.get('reason', '')}")


@app.command(cls=Leaf)
def register(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="NAME, or SERVICE/NAME.", autocompletion=machine_names)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every unregistered machine of the vault's region.")] = False,
    wait: WaitOption = False,
) -> ExitCode:
    """Register machines with the vault. Nothing is installed in the guest."""
    from strongroom.engine.registration import request_register

    run = asked(ctx)
    vault_id = run.vault_id()
    if bool(names) == every:
        raise InvalidInput("Name the machines, or say --all", action="List them: strongroom machine list")
    machines = _unregistered(run, vault_id) if every else _named(run, vault_id, names or [])
    return conclude(run, request_register(run.context(), vault_id, machines), wait=wait)


def _named(run: Invocation, vault_id: int, names: list[str]) -> list[int]:
    found = (one_machine(run.context(), name, vault_id) for name in names)
    return list(dict.fromkeys(_machine_id(row) for row in found))


def _machine_id(row: RegisteredRow) -> int:
    if row.machine_id is None:
        raise InvalidInput(f"{row.name} is at no source any more", action="Discover it again: strongroom source discover")
    return row.machine_id


def _unregistered(run: Invocation, vault_id: int) -> list[int]:
    from strongroom.catalog.queries.page import Page
    from strongroom.catalog.queries.registered import registered

    with run.context().catalog.read() as session:
        found = registered(session, vault_id, status=RegistrationStatus.DISCOVERED, page=Page(limit=100_000))
    return [row.machine_id for row in found.items if row.item_id is None and row.machine_id is not None]


@app.command(cls=Leaf)
def unregister(ctx: typer.Context, names: ItemNames, wait: WaitOption = False) -> ExitCode:
    """Take machines out of the vault; refused while one is protected or has recovery points."""
    from strongroom.engine.registration import request_unregister

    run = asked(ctx)
    return conclude(run, request_unregister(run.context(), item_ids(run.context(), run.optional_vault_id(), names)), wait=wait)


@app.command(cls=Leaf)
def release(ctx: typer.Context, name: MachineName) -> None:
    """Remove everything of ours from the machine at its host; the next backup reads its disks whole."""
    from strongroom.engine.machines import release as release_machine

    run = asked(ctx)
    machine = one_machine(run.context(), name, run.optional_vault_id())
    removed = release_machine(run.context(), _machine_id(machine))
    told = "; ".join(removed) or "there was nothing of ours to remove"
    run.output.done({"machine_id": machine.machine_id, "name": machine.name, "removed": removed}, f"{machine.name}: {told}.")
