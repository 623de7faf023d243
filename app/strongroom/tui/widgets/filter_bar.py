"""The line above every list: workload type first, then the text that filters it, then how many rows are shown."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Select, Static

from strongroom.domain.states import WorkloadType
from strongroom.tui.commands import bound
from strongroom.tui.states import Role, line, styled
from strongroom.tui.widgets.words import Words

_EVERY_TYPE = "All types"


class FilterText(Input):
    """The text of the filter: enter goes to the rows, escape clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bound("filter", ("escape", "clear", "Clear the filter"), ("down", "leave", "To the list"))]

    def action_clear(self) -> None:
        self.value = ""
        self.action_leave()

    def action_leave(self) -> None:
        self.post_message(FilterBar.Left())


class FilterBar(Horizontal):
    """``type`` and ``text`` are what the list is filtered by; ``Changed`` tells that either moved, ``Left`` that the rows want the focus."""

    class Changed(Message):
        pass

    class Left(Message):
        pass

    def __init__(self, *, types: bool = True, placeholder: str = "filter · !text leaves out") -> None:
        super().__init__(id="filter")
        self._types = types
        self._count = Words(id="filter-count")
        self._input = FilterText(placeholder=placeholder, compact=True, id="filter-text")
        options = [(styled(_EVERY_TYPE), ""), *((styled(kind.value), kind.value) for kind in WorkloadType)]
        self._select: Select[str] = Select(options, value="", allow_blank=False, compact=True, id="filter-type")

    def compose(self) -> ComposeResult:
        if self._types:
            yield Static(line(("Type", Role.QUIET)), classes="label")
            yield self._select
        yield Static(line(("/", Role.ACCENT)), classes="slash")
        yield self._input
        yield self._count

    @property
    def type(self) -> WorkloadType | None:
        return WorkloadType(str(self._select.value)) if self._types and self._select.value else None

    @property
    def text(self) -> str:
        return self._input.value.strip()

    def set_text(self, text: str) -> None:
        self._input.value = text

    def edit(self) -> None:
        """Put the focus into the text."""
        self._input.focus()

    def count(self, words: str) -> None:
        self._count.tell(line((words, Role.QUIET)))

    @on(Select.Changed)
    def _type_changed(self, event: Select.Changed) -> None:
        event.stop()
        self.post_message(self.Changed())

    @on(Input.Changed)
    def _text_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Left())
