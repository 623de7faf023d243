"""The real commands, walked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from strongroom.cli.everywhere import Leaf
from strongroom.cli.main import app


def root() -> Any:
    return get_command(app)


def leaves() -> Iterator[tuple[str, Any]]:
    """Every command by the words that call it, in the order of the help text."""
    group = root()
    for name in group.loadable:
        command = group.load(name)
        if isinstance(command, Leaf):
            yield name, command
        else:
            yield from ((f"{name} {verb}", verb_command) for verb, verb_command in command.commands.items())


def own_options(command: Any) -> list[Any]:
    """The options that the command does not share with every other."""
    shared = {"as_json", "home", "vault", "help"}
    return [param for param in command.params if param.param_type_name == "option" and param.name not in shared]


def arguments(command: Any) -> list[Any]:
    return [param for param in command.params if param.param_type_name == "argument"]


def usage(words: str, command: Any) -> str:
    """``strongroom vault create NAME --region TEXT [options]``: what must be given, spelled as in the help text."""
    required = [f"{param.opts[0]} {value_of(param)}" for param in own_options(command) if param.required]
    named = [argument_of(param) for param in arguments(command)]
    optional = ["[options]"] if any(not param.required for param in own_options(command)) else []
    return " ".join(["strongroom", words, *named, *required, *optional])


def value_of(param: Any) -> str:
    """What stands after an option; empty for a flag."""
    if getattr(param, "is_flag", False):
        return ""
    return param.metavar or param.opts[0].lstrip("-").upper()


def argument_of(param: Any) -> str:
    """``NAME``, ``NAME...``, ``[NAME]`` or ``[NAME...]``."""
    name = (param.metavar or param.name.upper()) + ("..." if param.nargs == -1 else "")
    return name if param.required else f"[{name}]"
