"""A job's log, drawn line by line: any length, no markup, no escape sequence of others."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from strongroom.domain.text import safe_text
from strongroom.tui.commands import bound
from strongroom.tui.states import Role, line

_LONGEST_LINE = 2000


class LogView(ScrollView, can_focus=True):
    """Shows the lines in sight and nothing else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bound("log", ("j", "scroll_down", "Down"), ("k", "scroll_up", "Up"), ("g", "scroll_home", "First"), ("G", "scroll_end", "Last"))
    ]

    def __init__(self, text: str) -> None:
        super().__init__(id="log")
        self._lines = [safe_text(one, _LONGEST_LINE) for one in text.splitlines()] or ["The job has written nothing."]
        self.virtual_size = Size(max(len(one) for one in self._lines), len(self._lines))

    def render_line(self, y: int) -> Strip:
        x, top = self.scroll_offset
        width, style = self.size.width, self.rich_style
        if top + y >= len(self._lines):
            return Strip.blank(width, style)
        return Strip([Segment(self._lines[top + y], style)]).crop_extend(x, x + width, style)


class LogScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [*bound("log-screen", ("escape,q,l", "close", "Close"))]

    def __init__(self, heading: str, text: str) -> None:
        super().__init__()
        self._heading = heading
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="-full"):
            yield Static(line((self._heading, Role.STRONG)), id="heading")
            yield LogView(self._text)
            yield Static(line(("esc", Role.ACCENT), " Close"), id="buttons")

    def action_close(self) -> None:
        self.dismiss(None)
