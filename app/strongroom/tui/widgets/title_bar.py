"""The first line of every page: the vault in use on the left, who leads and what time it is on the right."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from strongroom.tui.states import Role, line, styled


class TitleBar(Horizontal):
    """Two texts, one at either end; each is painted only when it differs."""

    def __init__(self) -> None:
        super().__init__(id="title")
        self._left = Static(id="title-left")
        self._right = Static(id="title-right")
        self._shown: tuple[Content, Content] | None = None

    def compose(self) -> ComposeResult:
        yield self._left
        yield self._right

    def show(self, place: Content, service: Content, clock: str, *, paused: bool, lost: bool) -> None:
        """``place`` says where we are; ``lost`` that the rows below may be old."""
        left = line(("Strongroom", Role.ACCENT), " ▏") + place
        right = service + line(("  " + clock, Role.QUIET))
        if paused:
            right = line(("paused · z resumes  ", Role.WARN)) + right
        if lost:
            right = styled("catalog unreachable  ", Role.BAD) + right
        if (left, right) != self._shown:
            self._shown = (left, right)
            self._left.update(left)
            self._right.update(right)
