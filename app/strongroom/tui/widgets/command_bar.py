"""The last line: the commands of the screen, bright when the selection allows them and dim when not."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widgets import Static

from strongroom.tui.commands import Command, key_name
from strongroom.tui.states import Role, line

_GAP = "  "


class CommandBar(Static):
    """As many commands as fit; the general ones at the right stay, the rest is in the menu of all actions."""

    def __init__(self, tail: Sequence[tuple[str, str]]) -> None:
        super().__init__(id="commands")
        self._tail = tuple(tail)
        self._commands: tuple[tuple[Command, bool], ...] = ()

    def show(self, commands: Sequence[tuple[Command, bool]]) -> None:
        """Commands with whether each is allowed now."""
        if tuple(commands) != self._commands:
            self._commands = tuple(commands)
            self._paint()

    def on_mount(self) -> None:
        self._paint()

    def on_resize(self, _event: events.Resize) -> None:
        self._paint()

    def _paint(self) -> None:
        width = max(0, (self.size.width or self.app.size.width) - 2)
        tail = _GAP.join(f"{key} {words}" for key, words in self._tail)
        room = width - cell_len(tail) - 2
        content, used = Content(""), 0
        for command, allowed in self._commands:
            if not command.key:
                continue
            text = f"{key_name(command.key)} {command.label}"
            if used + cell_len(text) > room:
                break
            content += self._entry(key_name(command.key), command.label, allowed=allowed)
            used += cell_len(text) + len(_GAP)
        filler = " " * max(0, width - used - cell_len(tail))
        for key, words in self._tail:
            filler_entry = line(filler, (key, Role.ACCENT), f" {words}")
            content += filler_entry
            filler = _GAP
        self.update(content)

    @staticmethod
    def _entry(key: str, label: str, *, allowed: bool) -> Content:
        if not allowed:
            return line((f"{key} {label}", Role.QUIET), _GAP)
        return line((key, Role.ACCENT), (f" {label}", Role.STRONG), _GAP)
