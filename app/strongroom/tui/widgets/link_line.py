"""One line that leads somewhere: enter or a click opens it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from strongroom.tui.commands import bound
from strongroom.tui.widgets.words import Words


class LinkLine(Words, can_focus=True):
    """``goal`` says where it leads; the screen that holds it knows what that means."""

    BINDINGS: ClassVar[list[BindingType]] = [*bound("link", ("enter", "open", "Open"))]

    class Opened(Message):
        def __init__(self, goal: str) -> None:
            super().__init__()
            self.goal = goal

    def __init__(self, goal: str, content: Content | None = None, *, classes: str = "") -> None:
        super().__init__(content, classes=f"link {classes}")
        self.goal = goal

    def action_open(self) -> None:
        self.post_message(self.Opened(self.goal))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_open()
