"""A progress bar as text: no widget, no timer, no repaint of its own."""

from __future__ import annotations

from textual.content import Content

from strongroom.tui.states import Role, line

_FULL, _HALF, _EMPTY = "━", "╸", "━"


def bar(fraction: float, cells: int, role: Role = Role.LIVE) -> Content:
    """``cells`` wide, filled by ``fraction`` (0.0 to 1.0) to half a cell."""
    halves = round(max(0.0, min(1.0, fraction)) * cells * 2)
    full, half = divmod(halves, 2)
    head = _FULL * full + (_HALF if half else "")
    return line((head, role), (_EMPTY * (cells - len(head)), Role.FAINT))


def bar_text(fraction: float, cells: int) -> str:
    """The same without colour, for a table's cell."""
    full = round(max(0.0, min(1.0, fraction)) * cells)
    return "━" * full + "╌" * (cells - full)
