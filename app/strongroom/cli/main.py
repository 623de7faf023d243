"""The root command: which nouns there are, what is global, and that ``strongroom`` alone opens the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from strongroom.cli.boundary import run
from strongroom.cli.everywhere import HomeOption, JsonOption, VaultOption
from strongroom.cli.invocation import asked
from strongroom.cli.lazy import LazyGroup, Loadable
from strongroom.cli.output import prepare_streams

_NOUNS = "Nouns"
_DAILY = "Commands"


def _loadable(panel: str, lines: dict[str, str]) -> dict[str, Loadable]:
    return {name: Loadable(f"strongroom.cli.{name}", line, panel) for name, line in lines.items()}


class Root(LazyGroup):
    """Every command of Strongroom."""

    loadable = {  # noqa: RUF012  (a class's own table, never changed)
        **_loadable(
            _DAILY,
            {
                "ui": "Open the terminal (as does strongroom alone).",
                "status": "Show the installation at a glance.",
                "demo": "Try everything on a small lab of disk images.",
                "doctor": "Look for what is wrong, and say how to mend it.",
                "serve": "Run the service: schedules and jobs.",
                "rebuild": "Bring a lost catalog back from a repository.",
            },
        ),
        **_loadable(
            _NOUNS,
            {
                "vault": "Backup vaults: a region, a repository, its policies and items.",
                "source": "Sources: where machines run.",
                "machine": "Machines: found by discovery, registered with a vault.",
                "item": "Items: registered machines and their protection.",
                "policy": "Policies: when to back up and how long to keep.",
                "job": "Jobs: what runs, what ran and how it ended.",
                "point": "Recovery points: look at them, hold, restore, verify.",
                "repo": "The vault's repository: check, prune, collect, statistics.",
                "key": "The keys that open a vault's repository.",
                "service": "The service that runs jobs in the background.",
            },
        ),
    }


app = typer.Typer(
    cls=Root,
    help="Backup vaults for virtual machines, run from a terminal.",
    epilog="Exit codes: 0 done · 1 failed · 2 usage · 3 done with warnings or in part · 10 not found · 11 busy · 12 key · 13 version · 130 cancelled.",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _print_version(value: bool) -> None:
    if value:
        from strongroom import __version__

        typer.echo(f"strongroom {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    as_json: JsonOption = False,
    home: HomeOption = None,
    vault: VaultOption = None,
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
) -> int | None:
    """Open the terminal when no command was given."""
    del as_json, home, vault, version
    if ctx.invoked_subcommand is not None:
        return None
    from strongroom.cli.ui import open_terminal

    return open_terminal(asked(ctx))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (``exits.py``)."""
    prepare_streams()
    return run(typer.main.get_command(app), list(sys.argv[1:] if arguments is None else arguments))
