"""A command of a screen: its key, its label, and how it stands in the bar, the menu, the palette and the help."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Command:
    """``id`` names the method ``do_<id>`` of the screen; a command without a key stands in the menu of all actions only."""

    id: str
    key: str
    label: str
    help: str = ""


def bindings_of(screen: str, commands: Iterable[Command]) -> list[Binding]:
    """One binding for each command that has a key; its id is ``screen.command``, by which a keymap can change it."""
    return [
        Binding(command.key, f"command('{command.id}')", command.label, id=f"{screen}.{command.id}", tooltip=command.help)
        for command in commands
        if command.key
    ]


def bound(screen: str, *keys: tuple[str, str, str]) -> list[Binding]:
    """Bindings of ``(keys, action, description)`` with ids made from the action's name; not shown in the bar."""
    return [Binding(key, action, words, show=False, id=f"{screen}.{_plain(action)}") for key, action, words in keys]


def _plain(action: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in action).strip("-")


def key_name(key: str) -> str:
    """A key as people call it: «R», «enter», «ctrl+r»."""
    return _NAMES.get(key, key)


_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "full_stop": ".",
    "exclamation_mark": "!",
    "asterisk": "*",
    "minus": "-",
    "plus": "+",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "escape": "esc",
    "pagedown": "page down",
    "pageup": "page up",
    "f1": "F1",
    "f5": "F5",
}
