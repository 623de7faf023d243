"""``strongroom doctor``: look for what is wrong, and say how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from strongroom.cli.everywhere import Leaf
from strongroom.cli.exits import ExitCode
from strongroom.cli.invocation import Invocation, asked
from strongroom.domain.text import safe_text

if TYPE_CHECKING:
    from strongroom.cli.checks.finding import Finding

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(cls=Leaf)
def doctor(ctx: typer.Context) -> ExitCode:
    """Check installation, SQLite, catalog, service, clock, free space, key files, sources and leftovers. Changes nothing."""
    from strongroom.cli.checks.finding import Level
    from strongroom.cli.plain import plain

    run = asked(ctx)
    found: list[Finding] = []
    for finding in _look(run):
        found.append(finding)
        if not run.as_json:
            _tell(run, finding)
    levels = {finding.level for finding in found}
    if run.as_json:
        run.output.json({"ok": levels == {Level.OK}, "items": plain(found), "next": None})
    if Level.FAIL in levels:
        return ExitCode.FAILED
    return ExitCode.IN_PART if Level.WARN in levels else ExitCode.DONE


def _tell(run: Invocation, finding: Finding) -> None:
    run.output.text(safe_text(f"{finding.level.value:<4}  {finding.check}: {finding.found}"))
    if finding.fix:
        run.output.text(safe_text(f"        {finding.fix}"))


def _look(run: Invocation) -> Iterator[Finding]:
    """Every finding, as it is found. Nothing is created: an installation without a catalog stays one."""
    from strongroom.cli.checks import catalog, installation, sources, vaults
    from strongroom.cli.checks.finding import guarded, warn

    paths = run.paths
    yield from installation.look(paths)
    if not paths.catalog.exists() and not any(paths.keys.glob("*.key")):
        yield warn("catalog", f"there is none yet at {paths.catalog}", "Begin: strongroom vault create NAME --region REGION")
        return
    opened: list[object] = []

    def look() -> Iterator[Finding]:
        context = run.context(create=False)
        opened.append(context)
        yield from catalog.look(context)

    yield from guarded("catalog", look)
    if opened:
        yield from guarded("vaults", lambda: vaults.look(run.context()))
        yield from guarded("sources", lambda: sources.look(run.context()))
