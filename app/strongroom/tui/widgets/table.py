"""The live table: draws only the lines it shows, keeps its cursor by row key, and repaints only the lines that changed.

Textual's DataTable measures every cell on the event loop and repaints itself whole for one changed cell; both hurt over SSH.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from strongroom.domain.text import safe_text
from strongroom.tui.commands import bound
from strongroom.tui.states import Role
from strongroom.tui.widgets.columns import Column, laid_out

_MARK, _NO_MARK = "● ", "  "
_CELL_LIMIT = 300
_GAP_CELLS = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as shown; any text is safe here."""

    text: str
    role: Role = Role.PLAIN


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; one with a ``rule`` is a caption between groups, which the cursor passes over; a ``fixed`` one takes no mark."""

    key: str
    cells: tuple[Cell, ...] = ()
    rule: str = ""
    fixed: bool = False

    @property
    def markable(self) -> bool:
        return not self.rule and not self.fixed


class Table(ScrollView, can_focus=True):
    """Rows under a head. Messages: ``Moved`` (the cursor, or its row's content), ``Chosen`` (enter), ``Marked``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bound(
            "table",
            ("down,j", "move(1)", "Down"),
            ("up,k", "move(-1)", "Up"),
            ("home,g", "move(-100000)", "First"),
            ("end,G", "move(100000)", "Last"),
            ("pagedown", "page(1)", "Page down"),
            ("pageup", "page(-1)", "Page up"),
            ("enter", "choose", "Open"),
            ("space", "mark", "Mark"),
            ("m", "mark_range", "Mark from the last mark to here"),
            ("asterisk", "mark_all", "Mark all shown"),
            ("minus", "mark_none", "Take all marks off"),
        )
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--head", "table--cursor", "table--rule", "table--mark"} | {
        f"table--{role.value}" for role in Role
    }

    class Moved(Message):
        def __init__(self, table: Table) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> Table:
            return self.table

    class Chosen(Moved):
        pass

    class Marked(Moved):
        pass

    def __init__(self, columns: Sequence[Column], *, marks: bool = True, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.takes_marks = marks
        self.marks: set[str] = set()
        self.wide = False
        self._rows: tuple[Row, ...] = ()
        self._cursor = 0
        self._anchor: str | None = None
        self._sorted = (-1, False)

    # What is shown

    def show(self, rows: Sequence[Row]) -> None:
        """Replace the rows. Cursor and marks stay with their keys; only lines that differ are painted."""
        before, key, at = self._rows, self.cursor_key, self._cursor
        self._rows = tuple(rows)
        self.marks &= {row.key for row in rows if row.markable}
        self._cursor = next((index for index, row in enumerate(rows) if row.key == key), min(at, max(0, len(rows) - 1)))
        self._step_off_rule(1)
        if len(before) != len(self._rows):
            self.virtual_size = Size(0, len(self._rows) + 1)
            self.refresh()
        else:
            self._paint_differences(before)
        if self._cursor != at:
            self._paint_lines({at, self._cursor})
            self._follow()
        self.post_message(self.Moved(self))

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._rows[self._cursor].key if self._cursor < len(self._rows) and not self._rows[self._cursor].rule else None

    @property
    def chosen_keys(self) -> tuple[str, ...]:
        """The marked rows in their order, else the one under the cursor."""
        marked = tuple(row.key for row in self._rows if row.key in self.marks)
        return marked or tuple(key for key in (self.cursor_key,) if key is not None)

    def put_cursor(self, key: str) -> None:
        """Move the cursor to a row, if it is there."""
        found = next((index for index, row in enumerate(self._rows) if row.key == key), None)
        if found is not None:
            self._go(found)

    def sorted_by(self, column: int, *, descending: bool) -> None:
        """Say in the head by which column the rows are sorted (-1: by none)."""
        self._sorted = (column, descending)
        self.refresh()

    def clear_marks(self) -> None:
        self.action_mark_none()

    # Keys

    def action_move(self, steps: int) -> None:
        self._go(self._cursor + steps, direction=1 if steps > 0 else -1)

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 2))

    def action_choose(self) -> None:
        if self.cursor_key is not None:
            self.post_message(self.Chosen(self))

    def action_mark(self) -> None:
        key = self.cursor_key
        if self.takes_marks and key is not None and self._rows[self._cursor].markable:
            self.marks ^= {key}
            self._anchor = key
            self._paint_lines({self._cursor})
            self.post_message(self.Marked(self))
            self.action_move(1)

    def action_mark_range(self) -> None:
        start = next((index for index, row in enumerate(self._rows) if row.key == self._anchor), self._cursor)
        first, last = sorted((start, self._cursor))
        self._mark(self._rows[first : last + 1])

    def action_mark_all(self) -> None:
        self._mark(self._rows)

    def action_mark_none(self) -> None:
        self.marks.clear()
        self.refresh()
        self.post_message(self.Marked(self))

    def on_click(self, event: events.Click) -> None:
        row = self.scroll_offset.y + event.y - 1
        if event.y > 0 and row < len(self._rows):
            self._go(row)
            if event.chain > 1:
                self.action_choose()

    # Painting

    def render_line(self, y: int) -> Strip:
        """The head on the first line, then the rows from the scroll offset on."""
        width = self.size.width
        if y == 0:
            return self._head(width)
        index = self.scroll_offset.y + y - 1
        if index >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[index]
        if row.rule:
            return self._rule(row.rule, width)
        return self._line(row, width, cursor=index == self._cursor and self.has_focus)

    def on_focus(self) -> None:
        self._paint_lines({self._cursor})

    def on_blur(self) -> None:
        self._paint_lines({self._cursor})

    def _head(self, width: int) -> Strip:
        style = self.get_component_rich_style("table--head")
        segments = [Segment(_NO_MARK, style)]
        for index, column, cells in laid_out(self.columns, width - len(_NO_MARK), wide=self.wide):
            arrow = ("▼" if self._sorted[1] else "▲") if index == self._sorted[0] else ""
            segments.append(Segment(fitted(column.label + arrow, cells, right=column.right) + "  ", style))
        return Strip(segments).adjust_cell_length(width, style)

    def _rule(self, caption: str, width: int) -> Strip:
        style = self.get_component_rich_style("table--rule")
        text = f"  {safe_text(caption)} "
        return Strip([Segment(text + "─" * max(0, width - cell_len(text) - 1), style)]).adjust_cell_length(width, self.rich_style)

    def _line(self, row: Row, width: int, *, cursor: bool) -> Strip:
        base = self.rich_style
        over = self.get_component_rich_style("table--cursor") if cursor else Style()
        marked = row.key in self.marks
        segments = [Segment(_MARK if marked else _NO_MARK, base + self.get_component_rich_style("table--mark", partial=True) + over)]
        for index, column, cells in laid_out(self.columns, width - len(_NO_MARK), wide=self.wide):
            cell = row.cells[index]
            style = base + self.get_component_rich_style(f"table--{cell.role.value}", partial=True) + over
            # The gap goes with its cell: each change of style costs some 25 bytes.
            segments.append(Segment(fitted(cell.text, cells, right=column.right) + " " * _GAP_CELLS, style))
        return Strip(segments).adjust_cell_length(width, base + over)

    # Inside

    def _go(self, index: int, direction: int = 1) -> None:
        before = self._cursor
        self._cursor = max(0, min(index, len(self._rows) - 1))
        self._step_off_rule(direction)
        if self._cursor != before:
            self._paint_lines({before, self._cursor})
            self._follow()
            self.post_message(self.Moved(self))

    def _step_off_rule(self, direction: int) -> None:
        """A caption is passed over; at either end the cursor turns back."""
        for step in (direction, -direction):
            index = self._cursor
            while 0 <= index < len(self._rows) and self._rows[index].rule:
                index += step
            if 0 <= index < len(self._rows):
                self._cursor = index
                return

    def _follow(self) -> None:
        height, top = max(1, self.size.height - 1), self.scroll_offset.y
        wanted = min(max(top, self._cursor - height + 1), self._cursor)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True, force=True)

    def _mark(self, rows: Iterable[Row]) -> None:
        if self.takes_marks:
            self.marks |= {row.key for row in rows if row.markable}
            self.refresh()
            self.post_message(self.Marked(self))

    def _paint_differences(self, before: Sequence[Row]) -> None:
        """A progress that moves costs a few cells over the wire, not a line."""
        top, bottom = self.scroll_offset.y, self.scroll_offset.y + self.size.height
        placed = laid_out(self.columns, self.size.width - len(_NO_MARK), wide=self.wide)
        for index in range(top, min(bottom, len(self._rows))):
            old, new = before[index], self._rows[index]
            if old == new:
                continue
            if (old.key, len(old.cells)) != (new.key, len(new.cells)) or new.rule:
                self._paint_lines({index})
                continue
            x = len(_NO_MARK)
            for column, _, cells in placed:
                if old.cells[column] != new.cells[column]:
                    self.refresh(Region(x, index - top + 1, cells, 1))
                x += cells + _GAP_CELLS

    def _paint_lines(self, rows: set[int]) -> None:
        regions = [Region(0, row - self.scroll_offset.y + 1, self.size.width, 1) for row in rows if row >= self.scroll_offset.y]
        if regions:
            self.refresh(*regions)


def fitted(text: str, cells: int, *, right: bool = False) -> str:
    """Exactly ``cells`` wide, cut with an ellipsis; wide characters count as the terminal draws them."""
    shown = safe_text(text, _CELL_LIMIT)
    length = cell_len(shown)
    if length > cells:
        return set_cell_size(shown, max(0, cells - 1)) + "…" if cells > 0 else ""
    return " " * (cells - length) + shown if right else shown + " " * (cells - length)
