"""``strongroom service``: who runs schedules and jobs (feature B12)."""

from __future__ import annotations

import typer

from strongroom.cli.everywhere import Leaf, noun
from strongroom.cli.exits import ExitCode
from strongroom.cli.invocation import asked
from strongroom.cli.plain import plain

app = noun("The service that runs jobs in the background.")


@app.callback()
def service() -> None:
    """The service that runs jobs in the background."""


@app.command(cls=Leaf)
def status(ctx: typer.Context) -> ExitCode:
    """Show whether a service leads this installation; exit code 1 if none does."""
    from strongroom.bootstrap import service_state

    run = asked(ctx)
    paths = run.paths
    state = service_state(run.context())
    run.output.thing(
        {**plain(state), "installation": paths.name, "log": paths.service_log},
        {
            "Installation": paths.name,
            "Service": state.message if state.running else "none runs; it is started by the next job, or by strongroom serve",
            "Log": str(paths.service_log),
        },
    )
    return ExitCode.DONE if state.running else ExitCode.FAILED
