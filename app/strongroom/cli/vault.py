"""``strongroom vault``: create, list, show, delete (feature A1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.ceremony import keep, key_file, shown_text, typed_back
from strongroom.cli.everywhere import Leaf, complete_vaults, noun
from strongroom.cli.exits import ExitCode
from strongroom.cli.formats import local_time, size
from strongroom.cli.invocation import Invocation, asked
from strongroom.cli.options import (
    AfterOption,
    LimitOption,
    PassphraseFileOption,
    PassphraseOption,
    RecoveryKeyToOption,
    page,
)
from strongroom.cli.output import Column
from strongroom.cli.terminal import new_passphrase

if TYPE_CHECKING:
    from strongroom.engine.vaults import CreatedVault

app = noun("Backup vaults: a region, a repository, its policies and items.")
VaultName = Annotated[
    str | None, typer.Argument(metavar="NAME", help="The vault; may be left out where there is only one.", autocompletion=complete_vaults)
]

_COLUMNS = (
    Column("Name", lambda row: row.name),
    Column("Region", lambda row: row.region),
    Column("Items", lambda row: row.items, right=True),
    Column("Protected", lambda row: row.protected, right=True),
    Column("Points", lambda row: row.points, right=True),
    Column("Used", lambda row: size(row.used_bytes), right=True, spare=1),
    Column("Recovery key", lambda row: "confirmed" if row.recovery_confirmed_at else "NOT CONFIRMED"),
    Column("Repository", lambda row: row.repository_path, spare=2),
)


@app.command(cls=Leaf)
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="2-50 characters: a letter, then letters, digits, hyphens.")],
    region: Annotated[str, typer.Option("--region", help="Where its machines live; a vault takes no others.")],
    place: Annotated[
        Path | None, typer.Option("--place", metavar="DIR", help="The repository's folder (default: beside the catalog).")
    ] = None,
    passphrase: PassphraseOption = False,
    passphrase_file: PassphraseFileOption = None,
    recovery_key_to: RecoveryKeyToOption = None,
) -> ExitCode:
    """Make a vault, its repository and its recovery key. No backup runs before the recovery key is confirmed."""
    from strongroom.engine.vaults import create_vault

    run = asked(ctx)
    secret = new_passphrase(passphrase_file) if passphrase or passphrase_file else None
    context = run.context()
    with key_file(recovery_key_to) as descriptor:
        made = create_vault(context, name, region, place=place, passphrase=secret)
        if descriptor is not None:
            keep(descriptor, made.recovery_key, made.sheet)
    confirmed = _confirm(run, made, written=recovery_key_to is not None)
    _answer(run, made, region, recovery_key_to, confirmed=confirmed)
    return ExitCode.DONE


def _confirm(run: Invocation, made: CreatedVault, *, written: bool) -> bool:
    from strongroom.engine.vaults import confirm_recovery

    if not written and not run.as_json:
        run.output.text(shown_text(made.recovery_key, made.sheet) + "\n")
    if not written and (run.as_json or not typed_back(made.recovery_key)):
        return False
    confirm_recovery(run.context(), made.vault_id, made.recovery_key, made.recovery_key.rsplit("-", 1)[-1])
    return True


def _answer(run: Invocation, made: CreatedVault, region: str, path: Path | None, *, confirmed: bool) -> None:
    answer: dict[str, object] = {"vault_id": made.vault_id, "name": made.name, "region": region, "recovery_confirmed": confirmed}
    if path is not None:
        answer["recovery_key_path"] = path.absolute()
    else:
        answer |= {"recovery_key": made.recovery_key, "sheet": made.sheet}
    where = f" Its recovery key is in {path}." if path is not None else ""
    run.output.done(answer, f"Vault {made.name} was created in region {region}.{where}")
    if not confirmed:
        run.output.say(
            f"The recovery key is NOT CONFIRMED: no backup runs before that. Confirm it: strongroom key recovery-sheet --vault {made.name}"
        )


@app.command("list", cls=Leaf)
def list_(ctx: typer.Context, limit: LimitOption = 200, after: AfterOption = None) -> None:
    """List the vaults."""
    from strongroom.catalog.queries.vaults import vaults

    run = asked(ctx)
    with run.context().catalog.read() as session:
        found = vaults(session, page=page(limit, after))
    run.output.items(found.items, _COLUMNS, after=found.next, empty="There is no vault yet: strongroom vault create NAME --region REGION")


@app.command(cls=Leaf)
def show(ctx: typer.Context, name: VaultName = None) -> None:
    """Show one vault."""
    from strongroom.catalog.queries.vaults import vault

    run = asked(ctx)
    vault_id = _chosen(run, name)
    with run.context().catalog.read() as session:
        row = vault(session, vault_id)
    assert row is not None  # noqa: S101  (chosen a moment ago)
    run.output.thing(
        row,
        {
            "Name": row.name,
            "Region": row.region,
            "Repository": row.repository_path,
            "Repository id": row.repository_id,
            "Redundancy": row.redundancy,
            "Created": local_time(row.created_at),
            "Recovery key": f"confirmed {local_time(row.recovery_confirmed_at)}" if row.recovery_confirmed_at else "NOT CONFIRMED",
            "Items": f"{row.items}, {row.protected} protected",
            "Recovery points": str(row.points),
            "Used": size(row.used_bytes),
            "Free": size(row.free_bytes),
            "Newest points": "confirmed" if row.tips_confirmed else "NOT CONFIRMED since the rebuild",
        },
    )


@app.command(cls=Leaf)
def delete(ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_vaults)]) -> None:
    """Forget an empty vault. Its repository folder stays where it is; what blocks the deletion is listed."""
    from strongroom.engine.vaults import delete_vault

    run = asked(ctx)
    vault_id = _chosen(run, name)
    delete_vault(run.context(), vault_id)
    run.output.done(
        {"vault_id": vault_id, "name": name, "deleted": True}, f"Vault {name} was deleted; its repository folder was left in place."
    )


def _chosen(run: Invocation, name: str | None) -> int:
    run.vault_name = name or run.vault_name
    return run.vault_id()
