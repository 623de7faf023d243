"""A tab: title, tabs, its own body, and the bar of its commands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from strongroom.tui.commands import bound
from strongroom.tui.screens.live import LiveScreen
from strongroom.tui.widgets.command_bar import CommandBar
from strongroom.tui.widgets.tab_bar import TabBar
from strongroom.tui.widgets.title_bar import TitleBar
from strongroom.tui.widgets.too_small import TooSmall

Model = TypeVar("Model")
TAIL = ((".", "More"), ("?", "Help"), ("q", "Quit"))
HINTS = (("enter", "Open"), ("/", "Filter"), (":", "Commands"), ("V", "Vaults"), ("!", "Notifications"), ("z", "Pause"))


class Page(LiveScreen[Model]):
    """The bottom screen of one tab's own stack; subclasses give ``mode`` and ``body``."""

    mode: ClassVar[str] = ""
    hints: ClassVar[tuple[tuple[str, str], ...]] = HINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        *bound("page", ("q", "app.leave", "Quit; jobs go on in the service"), ("escape", "back", "Clear the filter, then the marks"))
    ]

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield TabBar(self.mode)
        with Container(id="body"):
            yield from self.body()
        yield CommandBar(TAIL, self.hints)
        yield TooSmall()

    @abstractmethod
    def body(self) -> Iterable[Widget]:
        """The widgets between tabs and commands."""

    def show_without_vault(self) -> None:
        """What to show while there is no vault."""

    def reload(self) -> None:
        """A page is about the vault in use; without one it says how to make one."""
        if self.room.vault is not None:
            self.reload_rows()
        elif self.room.vaults_known:
            self.show_without_vault()
            self.refresh_commands()

    def reload_rows(self) -> None:
        """Ask again, vault or not."""
        super().reload()

    def action_back(self) -> None:
        """Undo one narrowing of the view; a page itself is never left by it."""
