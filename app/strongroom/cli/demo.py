"""``strongroom demo``: everything on a small lab of disk images, in a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from strongroom.cli.everywhere import Leaf
from strongroom.cli.invocation import asked
from strongroom.domain.errors import InvalidInput

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(cls=Leaf)
def demo(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="An empty folder that is kept (default: one that is removed at the end).")
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Walk from discovery to a proved restore without a screen; ends in one JSON line.")
    ] = False,
) -> int:
    """Build a lab of real disk images and open the terminal on it; needs no root, no hypervisor and no network."""
    run = asked(ctx)
    with _place(folder) as place:
        if headless:
            from strongroom.demo import run_headless

            return run_headless(place)
        from strongroom.cli.ui import require_terminal

        require_terminal(run)
        return _on_screen(place)


def _on_screen(place: Path) -> int:
    from strongroom.demo import build_demo, demo_service
    from strongroom.tui.app import run_ui

    built = build_demo(place)
    try:
        with demo_service(built.context):
            return run_ui(built.context, None)
    finally:
        built.context.catalog.close()


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InvalidInput(f"{folder} is not an empty folder", action="Name a new one.")
        yield folder.absolute()
        return
    place = Path(tempfile.mkdtemp(prefix="strongroom-demo-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
