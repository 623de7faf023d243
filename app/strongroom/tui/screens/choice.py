"""One of a few values."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widgets.option_list import Option

from strongroom.tui.screens.option_modal import OptionModal
from strongroom.tui.states import line


class ChoiceScreen(OptionModal[str]):
    """Answers the value that was chosen, or None."""

    size_class = "-small"

    def __init__(self, heading: str, options: Sequence[tuple[str, str]]) -> None:
        super().__init__(heading, [Option(line(words)) for _value, words in options], [value for value, _words in options])
