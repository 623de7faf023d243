"""A modal that is only read: lines under a heading, closed by any of the keys that go back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from strongroom.tui.commands import bound
from strongroom.tui.states import Role, line, lines

Result = TypeVar("Result")


class ReadingScreen(ModalScreen[None]):
    """``contents`` are its lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bound("reading", ("escape,q,enter", "close", "Close"), ("j", "scroll(1)", "Down"), ("k", "scroll(-1)", "Up"))
    ]

    def __init__(self, heading: str, contents: Sequence[Content]) -> None:
        super().__init__()
        self._heading = heading
        self._contents = tuple(contents)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="-large"):
            yield Static(line((self._heading, Role.STRONG)), id="heading")
            with VerticalScroll(id="fields"):
                yield Static(lines(*self._contents))
            yield Static(line(("esc", Role.ACCENT), " Close"), id="buttons")

    def action_close(self) -> None:
        self.dismiss(None)

    def action_scroll(self, steps: int) -> None:
        self.query_one("#fields").scroll_relative(y=steps, animate=False)
