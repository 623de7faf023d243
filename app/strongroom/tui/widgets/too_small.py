"""What a terminal below 60x18 shows instead of a broken screen."""

from __future__ import annotations

from textual.widgets import Static

from strongroom.tui.states import Role, line, lines

SMALLEST_COLUMNS, SMALLEST_ROWS = 60, 18


class TooSmall(Static):
    """Hidden by the style sheet unless the terminal is too small."""

    def __init__(self) -> None:
        words = f"Strongroom needs {SMALLEST_COLUMNS}x{SMALLEST_ROWS}."
        super().__init__(lines(line((words, Role.WARN)), line(("Make the window larger; q quits.", Role.QUIET))), id="too-small")
