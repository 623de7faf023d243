"""The options that every command understands, before or after its name: --json, --home, --vault."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from strongroom.cli.invocation import Invocation

_PANEL = "Options of every command"


def _keep_json(ctx: typer.Context, value: bool) -> None:
    if value:
        _invocation(ctx).as_json = True


def _keep_home(ctx: typer.Context, value: Path | None) -> None:
    if value is not None:
        _invocation(ctx).home = str(value)


def _keep_vault(ctx: typer.Context, value: str | None) -> None:
    if value is not None:
        _invocation(ctx).vault_name = value


def _invocation(ctx: typer.Context) -> Invocation:
    return ctx.ensure_object(Invocation)


def complete_vaults(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of the vaults, for the shell."""
    from strongroom.cli.completion import vault_names

    return vault_names(ctx, incomplete)


JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print data as JSON.", callback=_keep_json, expose_value=False, rich_help_panel=_PANEL),
]
HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="Use the installation in this folder (also: STRONGROOM_HOME).",
        callback=_keep_home,
        expose_value=False,
        rich_help_panel=_PANEL,
    ),
]
VaultOption = Annotated[
    str | None,
    typer.Option(
        "--vault",
        metavar="NAME",
        help="The vault meant; may be left out where there is only one.",
        callback=_keep_vault,
        expose_value=False,
        autocompletion=complete_vaults,
        rich_help_panel=_PANEL,
    ),
]


def _declared(as_json: JsonOption = False, home: HomeOption = None, vault: VaultOption = None) -> None:
    """Declares the three options; never called."""


_application = typer.Typer(add_completion=False)
_application.command()(_declared)
_options = typer.main.get_command(_application).params


class Leaf(TyperCommand):
    """A command that also takes the options of every command."""

    def __init__(self, name: str | None, **attributes: Any) -> None:
        super().__init__(name, **attributes)
        self.params.extend(_options)


def noun(help_text: str) -> typer.Typer:
    """The Typer application of one noun; its verbs are added with ``@app.command(cls=Leaf)``."""
    return typer.Typer(help=help_text, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")
