"""Add source (feature A3): where machines run, and in which region they live."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget
from textual.widgets import Checkbox, Static

from strongroom.engine.discovery import request_discovery
from strongroom.engine.sources import add_source
from strongroom.tui.screens.dialog import Dialog
from strongroom.tui.states import Role, line
from strongroom.tui.widgets.field import Field, text_field
from strongroom.tui.widgets.tick import Tick


class AddSourceScreen(Dialog[None]):
    heading = "Add source"
    verb = "Add source"

    def fields(self) -> Iterable[Widget]:
        yield Static(
            line(("A source is a place where machines run. images:/srv/vm is a folder of disk images.", Role.QUIET)), classes="lead"
        )
        yield Field("Address", text_field("address", placeholder="for example images:/srv/vm"))
        yield Field("Region", text_field("region", self.room.vault.region if self.room.vault else "", "for example de-berlin"))
        yield Field("", Tick("Discover its machines at once", value=True, compact=True, id="discover"))

    def proceed(self) -> None:
        address, region, context = self.value("address"), self.value("region"), self.room.context
        if not address or not region:
            self.complain("A source needs an address and a region")
            return
        self.attempt(lambda: add_source(context, address, region), self._added)

    def _added(self, source_id: int) -> None:
        room, wanted = self.room, self.query_one("#discover", Checkbox).value
        self.dismiss(None)
        room.say("Added the source.")
        if wanted:
            room.submit(lambda: request_discovery(room.context, [source_id]), "Discovering new items …")
