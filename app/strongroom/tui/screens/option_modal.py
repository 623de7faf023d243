"""A modal list of which one entry is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from strongroom.tui.commands import bound
from strongroom.tui.states import Role, line

Value = TypeVar("Value")


class OptionModal(ModalScreen[Value], Generic[Value]):
    """Answers the value of the chosen option, or None."""

    size_class: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        *bound("options", ("escape,q", "close", "Back"), ("j", "move('cursor_down')", "Down"), ("k", "move('cursor_up')", "Up"))
    ]

    def __init__(self, heading: str, options: Sequence[Option], values: Sequence[Value], *, empty: str = "", verb: str = "Choose") -> None:
        super().__init__()
        self._heading = heading
        self._options = tuple(options)
        self._values = tuple(values)
        self._empty = empty
        self._verb = verb

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes=self.size_class):
            yield Static(line((self._heading, Role.STRONG)), id="heading")
            if self._options:
                yield OptionList(*self._options, compact=True)
            else:
                yield Static(line((self._empty, Role.QUIET)))
            yield Static(line(("enter", Role.ACCENT), f" {self._verb}   ", ("esc", Role.ACCENT), " Back"), id="buttons")

    def action_close(self) -> None:
        self.dismiss(None)

    def action_move(self, how: str) -> None:
        for options in self.query(OptionList):
            getattr(options, f"action_{how}")()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._values[event.option_index])
