"""A tab that is a list: filter on top, rows, and a pane below that tells the rest about the row under the cursor."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from strongroom.catalog.queries.page import Listing, Order
from strongroom.catalog.queries.page import Page as Slice
from strongroom.tui.commands import bound
from strongroom.tui.screens.page import Page
from strongroom.tui.widgets.columns import Column
from strongroom.tui.widgets.filter_bar import FilterBar
from strongroom.tui.widgets.note import Note
from strongroom.tui.widgets.table import Row, Table
from strongroom.tui.widgets.words import Words

MOST_ROWS = 500
"""More rows than this are not read by people; the count says how many there are."""
SLICE = Slice(limit=MOST_ROWS)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Sorting:
    """A column by which the list can be sorted: its place in the table and its name in the query."""

    column: int
    by: str


class ListPage(Page[Listing[Item]], Generic[Item]):
    """Subclasses give columns, rows, the pane's text, and what an empty list says."""

    columns: ClassVar[tuple[Column, ...]] = ()
    sortings: ClassVar[tuple[Sorting, ...]] = ()
    has_types: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *bound(
            "list",
            ("slash", "filter", "Filter by text; !text leaves out"),
            ("less_than_sign", "sort(-1)", "Sort by the column before"),
            ("greater_than_sign", "sort(1)", "Sort by the next column"),
            ("I", "invert", "Invert the order"),
            ("w", "wide", "Show all columns, or those that fit"),
        )
    ]

    def __init__(self) -> None:
        super().__init__()
        self.table = Table(self.columns, id="rows")
        self.filter = FilterBar(types=self.has_types)
        self.pane = Words(id="pane")
        self.note = Note()
        self._by_key: dict[str, Item] = {}
        self._sorting = -1
        self._descending = False

    def body(self) -> Iterable[Widget]:
        yield self.filter
        yield self.table
        yield self.note
        yield self.pane

    def on_mount(self) -> None:
        self.table.focus()

    # For subclasses

    @abstractmethod
    def key(self, item: Item) -> str:
        """What the item's row is known by."""

    @abstractmethod
    def row(self, item: Item) -> Row:
        """One row, with that key."""

    @abstractmethod
    def about(self, item: Item) -> Content:
        """What the pane says about the item under the cursor."""

    @abstractmethod
    def tell_empty(self) -> None:
        """Fill the note for a list that is empty without any filter."""

    def rows(self, items: Sequence[Item]) -> list[Row]:
        return [self.row(item) for item in items]

    # Shown

    @property
    def order(self) -> Order:
        by = self.sortings[self._sorting].by if self._sorting >= 0 else ""
        return Order(by, self._descending)

    @property
    def filtered(self) -> bool:
        return bool(self.filter.text or self.filter.type)

    @property
    def selection(self) -> list[Item]:
        """The marked items, else the one under the cursor."""
        return [self._by_key[key] for key in self.table.chosen_keys if key in self._by_key]

    @property
    def current(self) -> Item | None:
        key = self.table.cursor_key
        return self._by_key.get(key) if key is not None else None

    def show(self, model: Listing[Item]) -> None:
        self._by_key = {self.key(item): item for item in model.items}
        self.table.show(self.rows(model.items))
        self._show_note(model)
        self._show_count()
        self._show_pane()

    def show_without_vault(self) -> None:
        self._show_rows(shown=False)
        self.note.advise("There is no vault yet.", [("V", "Vaults, then n: New vault")])

    def _show_note(self, model: Listing[Item]) -> None:
        self._show_rows(shown=bool(model.items))
        if model.items:
            self.note.hide()
        elif self.filtered:
            self.note.advise("Nothing fits the filter.", [("esc", "Clear it")])
        else:
            self.tell_empty()

    def _show_rows(self, *, shown: bool) -> None:
        """A table that is hidden gives the focus to nobody, so that it gets it back with its first row."""
        if not shown and self.table.has_focus:
            self.set_focus(None)
        self.table.display = self.pane.display = shown
        if shown and self.focused is None:
            self.table.focus()

    def _show_count(self) -> None:
        shown, total = (len(self.model.items), self.model.total) if self.model else (0, 0)
        words = f"{shown:,} of {total:,}" if shown < total else f"{total:,}"
        if self.table.marks:
            words += f" · {len(self.table.marks):,} marked"
        self.filter.count(words)

    def _show_pane(self) -> None:
        item = self.current
        if item is not None:
            self.pane.tell(self.about(item))

    # Keys and messages

    def action_filter(self) -> None:
        self.filter.edit()

    def action_back(self) -> None:
        """Clear the filter, then the marks."""
        if self.filter.text:
            self.filter.set_text("")
        elif self.table.marks:
            self.table.clear_marks()

    def action_sort(self, steps: int) -> None:
        if self.sortings:
            self._sorting = (self._sorting + 1 + steps) % (len(self.sortings) + 1) - 1
            column = self.sortings[self._sorting].column if self._sorting >= 0 else -1
            self.table.sorted_by(column, descending=self._descending)
            self.reload()

    def action_invert(self) -> None:
        self._descending = not self._descending
        self.action_sort(0)

    def action_wide(self) -> None:
        self.table.wide = not self.table.wide
        self.table.refresh()

    @on(FilterBar.Changed)
    def _filter_changed(self) -> None:
        self.reload()

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self.table.focus()

    @on(Table.Moved)
    def _moved(self) -> None:
        self._show_pane()
        self.refresh_commands()

    @on(Table.Marked)
    def _marked(self) -> None:
        self._show_count()
        self.refresh_commands()
