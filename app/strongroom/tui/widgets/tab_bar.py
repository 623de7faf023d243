"""The second line of every page: six tabs, each with its key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from strongroom.tui.states import Role, line
from strongroom.tui.widgets.columns import WIDE_FROM


@dataclass(frozen=True, slots=True)
class Tab:
    """One page of the application; ``short`` is its name where there is little room."""

    mode: str
    label: str
    short: str


TABS = (
    Tab("dashboard", "Dashboard", "Dash"),
    Tab("registered", "Registered Items", "Registered"),
    Tab("protected", "Protected Items", "Protected"),
    Tab("policies", "Policies", "Policies"),
    Tab("jobs", "Jobs", "Jobs"),
    Tab("configure", "Configure", "Config"),
)


class TabLabel(Static):
    """One tab; a click on it is the same as its key."""

    def __init__(self, tab: Tab, number: int, *, active: bool) -> None:
        super().__init__(classes="tab -active" if active else "tab")
        self._tab = tab
        self._number = number
        self._active = active

    def label_for(self, width: int) -> None:
        """Choose the long or the short name for a terminal that is ``width`` wide."""
        name = self._tab.label if width >= WIDE_FROM else self._tab.short
        number = (f"{self._number}", Role.PLAIN if self._active else Role.ACCENT)
        self.update(line(number, f" {name}"))

    def on_click(self) -> None:
        app: Any = self.app
        app.action_tab(self._tab.mode)


class TabBar(Horizontal):
    """All tabs, the active one standing out."""

    def __init__(self, active: str) -> None:
        super().__init__(id="tabs")
        self._active = active

    def compose(self) -> ComposeResult:
        for number, tab in enumerate(TABS, start=1):
            yield TabLabel(tab, number, active=tab.mode == self._active)

    def on_mount(self) -> None:
        self._relabel(self.app.size.width)

    def on_resize(self, event: events.Resize) -> None:
        self._relabel(event.size.width)

    def _relabel(self, width: int) -> None:
        for label in self.query(TabLabel):
            label.label_for(width)
