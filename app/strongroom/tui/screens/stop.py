"""Stop protection, resume it, or delete backup data (feature A17)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from textual import on
from textual.widget import Widget
from textual.widgets import Select, Static

from strongroom.catalog.queries.protected import ProtectedRow
from strongroom.domain.states import ProtectionStatus
from strongroom.engine.protection import StopHow, request_delete_data, request_stop
from strongroom.engine.submission import Submitted
from strongroom.tui.screens.dialog import Dialog
from strongroom.tui.screens.protect import ProtectScreen
from strongroom.tui.states import Role, line, styled
from strongroom.tui.units import count
from strongroom.tui.widgets.field import Field, text_field


class _Way(StrEnum):
    """What this screen can do, by the words of its list."""

    FOREVER = "Stop and retain forever"
    BY_POLICY = "Stop and retain as per policy"
    DELETE = "Delete backup data"
    RESUME = "Resume protection"


_STOPPED = frozenset({ProtectionStatus.STOPPED, ProtectionStatus.SUSPENDED})
_HOW = {_Way.FOREVER: StopHow.RETAIN_FOREVER, _Way.BY_POLICY: StopHow.RETAIN_AS_PER_POLICY}


class StopScreen(Dialog[None]):
    """The focus is on the button that does nothing; deleting wants the item's name typed."""

    verb = "Go on"
    careful = True
    width_class = "-large"

    def __init__(self, item: ProtectedRow) -> None:
        super().__init__()
        self._item = item
        ways = (_Way.RESUME, _Way.DELETE) if item.status in _STOPPED else (_Way.FOREVER, _Way.BY_POLICY, _Way.DELETE)
        self._ways = ways

    def title_words(self) -> str:
        return f"Protection of {self._item.name}"

    def fields(self) -> Iterable[Widget]:
        options = [(styled(way.value), way.value) for way in self._ways]
        yield Field("What", Select[str](options, value=self._ways[0].value, allow_blank=False, compact=True, id="way"))
        yield Static(id="consequence")
        yield Field("Type its name", text_field("typed", placeholder=self._item.name))
        yield Field("Reason", text_field("reason"), "optional")
        yield Field("Comment", text_field("comment"), "optional")

    def on_mount(self) -> None:
        super().on_mount()
        self._show_consequence()

    @property
    def _way(self) -> _Way:
        return _Way(str(self.query_one("#way", Select).value))

    @on(Select.Changed)
    def _show_consequence(self) -> None:
        way, points = self._way, count(self._item.points, "recovery point")
        words = {
            _Way.FOREVER: f"No further backups. {points} kept until somebody deletes them.",
            _Way.BY_POLICY: f"No further backups. {points} expire as the policy says; the newest one stays.",
            _Way.DELETE: f"{points} of {self._item.name} are removed at once and cannot be brought back.",
            _Way.RESUME: f"Backups go on with a policy of your choice; {points} stay.",
        }[way]
        self.query_one("#consequence", Static).update(line((words, Role.BAD if way is _Way.DELETE else Role.WARN)))
        for name, shown in (("typed", way is _Way.DELETE), ("reason", way is not _Way.RESUME), ("comment", way is not _Way.RESUME)):
            parent = self.query_one(f"#{name}").parent
            if isinstance(parent, Widget):
                parent.display = shown

    def proceed(self) -> None:
        item, way, room = self._item, self._way, self.room
        if way is _Way.RESUME:
            self.dismiss(None)
            room.push_screen(ProtectScreen([(item.item_id, f"{item.cloud_service}/{item.name}")], preselected=True, changes=True))
            return
        context, typed, reason, comment = room.context, self.value("typed"), self.value("reason"), self.value("comment")
        if way is _Way.DELETE:
            self.attempt(lambda: request_delete_data(context, item.item_id, typed, reason=reason, comment=comment), self._requested)
        else:
            how = _HOW[way]
            self.attempt(lambda: request_stop(context, [item.item_id], how, reason=reason, comment=comment), self._requested)

    def _requested(self, submitted: Submitted) -> None:
        room, way = self.room, self._way
        self.dismiss(None)
        room.submitted(submitted, f"Successfully created a job for {self._item.name}: {way.value}.")
