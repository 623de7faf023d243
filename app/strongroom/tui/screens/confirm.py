"""A question whose careful answer has the focus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from strongroom.tui.commands import bound
from strongroom.tui.screens.dialog import Dialog
from strongroom.tui.states import Role, line, lines


class ConfirmScreen(Dialog[bool]):
    """Answers True only if the operator moved to the other button and pressed it (or pressed y)."""

    careful = True
    width_class = "-small"
    BINDINGS: ClassVar[list[BindingType]] = [*bound("confirm", ("y", "yes", "Yes"), ("n", "decline", "No"))]

    def __init__(self, question: str, consequence: str, verb: str, decline: str = "No", details: Sequence[str] = ()) -> None:
        super().__init__()
        self._question = question
        self._consequence = consequence
        self._details = tuple(details)
        self.verb, self.decline = verb, decline

    def title_words(self) -> str:
        return self._question

    def fields(self) -> Iterable[Widget]:
        yield Static(line((self._consequence, Role.QUIET)))
        if self._details:
            yield Static(lines(*(line(detail) for detail in self._details)))

    def action_yes(self) -> None:
        self.proceed()

    def proceed(self) -> None:
        self.dismiss(True)
