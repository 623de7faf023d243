"""Help for the screen in front, made from its bindings: it cannot be out of date."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen

from strongroom.tui.commands import Command, key_name
from strongroom.tui.screens.reading import ReadingScreen
from strongroom.tui.states import Role, line

_KEY_CELLS = 16


class HelpScreen(ReadingScreen):
    """Groups of keys: the screen's own commands, the list, the screen, everywhere."""

    @classmethod
    def of(cls, screen: Screen[Any]) -> HelpScreen:
        contents: list[Content] = []
        for heading, bindings in _groups(screen):
            if not bindings:
                continue
            contents += [line((heading, Role.ACCENT)), *(_entry(keys, words) for keys, words in _merged(bindings)), line("")]
        contents.append(line((_WORDS, Role.QUIET)))
        return cls("Keys of this screen", contents)


_WORDS = "Dim commands are not possible for what is selected; . says why. Jobs run in the service: leaving stops nothing."


def _groups(screen: Screen[Any]) -> Iterable[tuple[str, list[Binding]]]:
    helps = {command.id: command.help for command in getattr(screen, "COMMANDS_HERE", ()) if isinstance(command, Command)}
    own, more = [], []
    for binding in _all(screen):
        command = binding.action.removeprefix("command('").removesuffix("')")
        own.append(binding.with_key(binding.key)) if command in helps else more.append(binding)
    yield "Commands", [_helped(binding, helps) for binding in own]
    if screen.focused is not None and screen.focused is not screen:
        yield "Where the focus is", _all(screen.focused)
    yield "Screen", more
    yield "Everywhere", _all(screen.app)


def _helped(binding: Binding, helps: dict[str, str]) -> Binding:
    words = helps[binding.action.removeprefix("command('").removesuffix("')")]
    return Binding(binding.key, binding.action, f"{binding.description}: {words}")


def _all(node: Any) -> list[Binding]:
    """Bindings of ours (they have an id with a dot), without Textual's own for scrolling and the mouse."""
    return [binding for _key, binding in node._bindings if binding.id and "." in binding.id and binding.description]  # noqa: SLF001


def _merged(bindings: Iterable[Binding]) -> Iterable[tuple[str, str]]:
    """Keys of one action on one line."""
    found: dict[str, tuple[list[str], str]] = {}
    for binding in bindings:
        found.setdefault(binding.action, ([], binding.description))[0].append(key_name(binding.key))
    return [(" ".join(keys), words) for keys, words in found.values()]


def _entry(keys: str, words: str) -> Content:
    return line((f"  {keys:<{_KEY_CELLS}}", Role.STRONG), words)
