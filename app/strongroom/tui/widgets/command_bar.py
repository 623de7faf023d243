"""The last line: the commands of the screen, bright when the selection allows them and dim when not."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widgets import Static

from strongroom.tui.commands import Command, key_name
from strongroom.tui.states import Role, line
from strongroom.tui.widgets.columns import WIDE_FROM

_GAP = "  "
Hint = tuple[str, str]
"""A key and what it does."""


class CommandBar(Static):
    """As many commands as fit, then general hints while there is room; ``tail`` stays at the right."""

    def __init__(self, tail: Sequence[Hint], hints: Sequence[Hint] = ()) -> None:
        super().__init__(id="commands")
        self._tail = tuple(tail)
        self._hints = tuple(hints)
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
        tail = self._tail if width >= WIDE_FROM else self._tail[:2]
        tail_cells = sum(_cells(key, words) for key, words in tail) - len(_GAP)
        entries = [(key_name(command.key), command.label, allowed) for command, allowed in self._commands if command.key]
        entries += [(key, words, True) for key, words in self._hints]
        content, used = Content(""), 0
        for key, words, allowed in entries:
            if used + _cells(key, words) + tail_cells > width:
                break
            content += _entry(key, words, allowed=allowed)
            used += _cells(key, words)
        content += line(" " * max(0, width - used - tail_cells))
        self.update(content + Content(_GAP).join([line((key, Role.ACCENT), f" {words}") for key, words in tail]))


def _entry(key: str, words: str, *, allowed: bool) -> Content:
    if allowed:
        return line((key, Role.ACCENT), f" {words}{_GAP}")
    return line((f"{key} {words}{_GAP}", Role.FAINT))


def _cells(key: str, words: str) -> int:
    return cell_len(f"{key} {words}{_GAP}")
