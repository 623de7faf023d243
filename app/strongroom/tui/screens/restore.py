"""Restore (feature A16): which point, where to, and before it starts what will and what will not come back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import on
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Select, Static

from strongroom.catalog.queries.page import Page as Slice
from strongroom.catalog.queries.points import PointRow, points
from strongroom.catalog.queries.protected import ProtectedRow, protected_item
from strongroom.domain.errors import ErrorRecord
from strongroom.engine.restores import RestoreWish, preview_restore, request_restore, restore_capabilities
from strongroom.engine.submission import Submitted
from strongroom.providers.base import Capabilities, Placement, RestorePreview
from strongroom.tui.screens.dialog import Dialog
from strongroom.tui.states import Role, line, lines, short_consistency, styled
from strongroom.tui.units import minute, size
from strongroom.tui.widgets.field import Field, text_field
from strongroom.tui.widgets.tick import Tick

if TYPE_CHECKING:
    from sqlmodel import Session

_MOST_POINTS = 200
_SECONDS_TO_TYPE = 0.3
"""How long the fields must be still before the source is asked what the restore would do."""
_PLACES = {Placement.NEW_MACHINE: "New machine", Placement.ORIGINAL: "Original place", Placement.DISKS: "Disks only"}
_FORMATS = {"": "as they were", "raw": "raw", "qcow2": "qcow2"}


@dataclass(frozen=True, slots=True)
class _Choices:
    item: ProtectedRow | None
    points: tuple[PointRow, ...]


class RestoreScreen(Dialog[None]):
    """Validated as it is filled in: the preview below the fields is the provider's own answer."""

    verb = "Restore"
    width_class = "-large"

    def __init__(self, item_id: int, point_id: int | None = None) -> None:
        super().__init__()
        self._item_id = item_id
        self._point_id = point_id
        self._choices = _Choices(None, ())
        self._timer: Timer | None = None
        self._asked = 0
        self._can_start = False
        self._problems: tuple[str, ...] = ("the preview has not arrived yet",)

    def title_words(self) -> str:
        return "Restore"

    def fields(self) -> Iterable[Widget]:
        yield Field("Recovery point", Select[int]([(styled("…"), 0)], value=0, allow_blank=False, compact=True, id="point"))
        places = [(styled(words), place.value) for place, words in _PLACES.items()]
        yield Field("To", Select[str](places, value=Placement.NEW_MACHINE.value, allow_blank=False, compact=True, id="placement"))
        yield Field("Name", text_field("name"))
        yield Field("Cloud service", text_field("service"))
        yield Field("Folder", text_field("folder", placeholder="for example /srv/restored"))
        formats = [(styled(words), value) for value, words in _FORMATS.items()]
        yield Field("Disk format", Select[str](formats, value="", allow_blank=False, compact=True, id="format"))
        yield Field("", Tick("Start it afterwards", compact=True, id="start"))
        yield Static(id="preview")

    def on_mount(self) -> None:
        super().on_mount()
        item_id = self._item_id

        def ask(session: Session) -> _Choices:
            return _Choices(protected_item(session, item_id), points(session, item_id, page=Slice(limit=_MOST_POINTS)).items)

        self.room.requests.read(ask, self._arrived)
        self.query_one("#point").focus()

    def _arrived(self, choices: _Choices) -> None:
        self._choices = choices
        select = self.query_one("#point", Select)
        select.set_options([(styled(_point_words(point)), point.point_id) for point in choices.points] or [(styled("none"), 0)])
        known = {point.point_id for point in choices.points}
        select.value = self._point_id if self._point_id in known else (choices.points[0].point_id if choices.points else 0)
        if choices.item:
            self.query_one("#heading", Static).update(line((f"Restore {choices.item.name}", Role.STRONG)))
            self.query_one("#name", Input).value = f"{choices.item.name}-restored"
            self.query_one("#service", Input).value = choices.item.cloud_service
        if choices.points:
            context, point_id = self.room.context, choices.points[0].point_id
            self.room.requests.run(lambda: restore_capabilities(context, point_id), self._capabilities_arrived, lambda _error: None)
        self._changed()

    def _capabilities_arrived(self, seen: Capabilities) -> None:
        """Offer only what the source can do; one that is gone offers nothing, and the preview says that it is."""
        self._can_start = seen.starts_machines
        if self.is_attached:
            self._show_fields()

    # The preview

    @on(Select.Changed)
    @on(Input.Changed)
    @on(Checkbox.Changed)
    def _changed(self) -> None:
        """Show the fields that matter, and ask again once the fields are still."""
        self._show_fields()
        if self._timer is not None:
            self._timer.stop()
        self._problems = ("the preview has not arrived yet",)
        self.room.busy.begin()  # until the timer has fired, the screen is not true yet
        self._release_last()
        self._timer = self.set_timer(_SECONDS_TO_TYPE, self._ask)
        self._waiting = True

    def _show_fields(self) -> None:
        place = self._placement
        for name, places in (("name", _NAMED), ("service", _NAMED), ("folder", _FOLDERED), ("format", _FORMATTED), ("start", _STARTED)):
            parent = self.query_one(f"#{name}").parent
            if isinstance(parent, Widget):
                parent.display = place in places and (name != "start" or self._can_start)

    _waiting = False

    def _release_last(self) -> None:
        """The timer that was stopped will not end its wait itself."""
        if self._waiting:
            self.room.busy.end()
            self._waiting = False

    def _ask(self) -> None:
        wish, context = self._wish(), self.room.context
        self._asked += 1
        asked = self._asked
        self.room.requests.run(
            lambda: preview_restore(context, wish),
            lambda seen: self._previewed(asked, seen),
            lambda error: self._refused_preview(asked, error),
        )
        self._release_last()

    def on_unmount(self) -> None:
        self._release_last()

    def _previewed(self, asked: int, seen: RestorePreview) -> None:
        if asked == self._asked and self.is_attached:
            self._problems = seen.problems
            rows = [line(("✓ ", Role.GOOD), words) for words in seen.will_make]
            rows += [line(("- ", Role.WARN), words) for words in seen.will_not_return]
            rows += [line(("✗ ", Role.BAD), (words, Role.BAD)) for words in seen.problems]
            self.query_one("#preview", Static).update(lines(*rows))

    def _refused_preview(self, asked: int, error: ErrorRecord) -> None:
        if asked == self._asked and self.is_attached:
            self._problems = (error["message"],)
            words = " · ".join(part for part in (error["message"], error["cause"]) if part)
            self.query_one("#preview", Static).update(
                lines(line(("✗ ", Role.BAD), (words, Role.BAD)), line((f"  {error['action']}", Role.QUIET)))
            )

    # The wish

    @property
    def _placement(self) -> Placement:
        return Placement(self._selected("placement"))

    def _selected(self, name: str) -> Any:
        return self.query_one(f"#{name}", Select).value

    def _wish(self) -> RestoreWish:
        place = self._placement
        return RestoreWish(
            point_id=int(self._selected("point")),
            placement=place,
            name=self.value("name") if place in _NAMED else "",
            cloud_service=self.value("service") if place in _NAMED else "",
            folder=self.value("folder") if place in _FOLDERED else "",
            disk_format=self._selected("format") if place in _FORMATTED else "",
            start=self._can_start and place in _STARTED and self.query_one("#start", Checkbox).value,
        )

    def proceed(self) -> None:
        if self._problems:
            self.complain(self._problems[0])
            return
        wish, context = self._wish(), self.room.context
        self.attempt(lambda: request_restore(context, wish), self._requested)

    def _requested(self, submitted: Submitted) -> None:
        room, name = self.room, self._choices.item.name if self._choices.item else "the machine"
        self.dismiss(None)
        room.submitted(submitted, f"Successfully created a job to restore {name}.")


_NAMED = frozenset({Placement.NEW_MACHINE})
_FOLDERED = frozenset({Placement.DISKS})
_FORMATTED = frozenset({Placement.NEW_MACHINE, Placement.DISKS})
_STARTED = frozenset({Placement.NEW_MACHINE, Placement.ORIGINAL})


def _point_words(point: PointRow) -> str:
    damaged = " · DAMAGED" if point.damaged else ""
    return f"{minute(point.taken_at)} · {short_consistency(point.consistency)} · {size(point.used_bytes)}{damaged}"
