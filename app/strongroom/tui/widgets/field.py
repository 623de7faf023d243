"""One line of a form: a label, what is filled in, and a hint."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from strongroom.tui.states import Role, line


class Field(Horizontal):
    """A label and what is filled in beside it."""

    def __init__(self, label: str, widget: Widget, hint: str = "") -> None:
        super().__init__(classes="field")
        self._label = label
        self._widget = widget
        self._hint = hint

    def compose(self) -> ComposeResult:
        yield Static(line((self._label, Role.QUIET)), classes="label")
        yield self._widget
        if self._hint:
            yield Static(line((self._hint, Role.QUIET)), classes="hint")


def text_field(name: str, value: str = "", placeholder: str = "", *, password: bool = False) -> Input:
    """A one-line input whose id is ``name``."""
    return Input(value, placeholder=placeholder, password=password, compact=True, id=name)
