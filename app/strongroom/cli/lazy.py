"""Commands that are imported when they run: the help text of everything costs the import of nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Loadable:
    """Where a command's Typer application stands (its module's ``app``), and its line in the help text."""

    module: str
    help: str
    panel: str


class LazyGroup(TyperGroup):
    """A group whose commands are known by name and one line until one of them is called; subclasses name them in ``loadable``."""

    loadable: Mapping[str, Loadable]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in self.loadable.items():
            self.commands[name] = TyperCommand(name, help=entry.help, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command to run or to complete, loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.load(name) if name is not None and name in self.loadable else command, rest

    def load(self, name: str) -> Any:
        """The command behind a name of ``loadable``, imported."""
        loaded = typer.main.get_command(import_module(self.loadable[name].module).app)
        loaded.name = name
        return loaded
