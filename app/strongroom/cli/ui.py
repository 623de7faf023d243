"""``strongroom ui``: the terminal."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from strongroom.cli.everywhere import Leaf
from strongroom.cli.invocation import Invocation, asked
from strongroom.domain.errors import InvalidInput

_CANNOT_DRAW = frozenset({"dumb", "unknown"})

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(cls=Leaf)
def ui(
    ctx: typer.Context,
    operator: Annotated[str | None, typer.Option("--operator", metavar="NAME", help="Who works here, for the audit log.")] = None,
) -> int:
    """Open the terminal. What runs goes on when it is left."""
    run = asked(ctx)
    run.operator = operator
    return open_terminal(run)


def open_terminal(run: Invocation) -> int:
    """Run the terminal on the invocation's installation; raises ``InvalidInput`` where there is none to draw on."""
    require_terminal(run)
    context = run.context()
    from strongroom.tui.app import run_ui

    return run_ui(context, run.operator)


def require_terminal(run: Invocation) -> None:
    """Raise ``InvalidInput`` unless there is a screen and a keyboard."""
    if run.as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput(
            "There is no terminal to draw on", cause="input or output is redirected", action="For the commands: strongroom --help"
        )
    kind = os.environ.get("TERM", "")
    if kind in _CANNOT_DRAW:
        raise InvalidInput(
            "This terminal cannot be drawn on",
            cause=f"TERM is {kind}: it cannot move the cursor",
            action="Set TERM to what it really is, for example xterm-256color. For the commands: strongroom --help",
        )
