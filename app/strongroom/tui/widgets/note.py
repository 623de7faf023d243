"""What stands where there is nothing to list: what to do next, and its key."""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.tui.states import Role, line, lines
from strongroom.tui.widgets.words import Words


class Note(Words):
    """A headline and steps of (key, words); hidden while there are rows."""

    def __init__(self) -> None:
        super().__init__(id="note")
        self.display = False

    def advise(self, headline: str, steps: Sequence[tuple[str, str]] = ()) -> None:
        """Show it."""
        width = max((len(key) for key, _words in steps), default=0)
        rows = [line((f"  {key:>{width}}", Role.ACCENT), f"  {words}") for key, words in steps]
        self.tell(lines(line((headline, Role.STRONG)), line(""), *rows) if rows else line((headline, Role.STRONG)))
        self.display = True

    def hide(self) -> None:
        self.display = False
