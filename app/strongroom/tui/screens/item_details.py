"""One protected machine (feature A14): its recovery points, and the four questions answered from what is known today."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from strongroom.catalog.queries.page import Listing
from strongroom.catalog.queries.page import Page as Slice
from strongroom.catalog.queries.points import PointRow, points
from strongroom.catalog.queries.protected import ProtectedRow, protected_item
from strongroom.domain.states import Consistency
from strongroom.engine.backups import request_backup
from strongroom.engine.points import hold_point
from strongroom.tui.commands import Command, bindings_of, bound
from strongroom.tui.screens.choice import ChoiceScreen
from strongroom.tui.screens.live import LiveScreen
from strongroom.tui.screens.restore import RestoreScreen
from strongroom.tui.screens.verify import verify_point
from strongroom.tui.states import Role, line, lines, protection_state
from strongroom.tui.units import NOTHING, ago, count, minute, moment, short_moment, size
from strongroom.tui.widgets.columns import WIDE_FROM, Column
from strongroom.tui.widgets.command_bar import CommandBar
from strongroom.tui.widgets.note import Note
from strongroom.tui.widgets.table import Cell, Row, Table
from strongroom.tui.widgets.title_bar import TitleBar
from strongroom.tui.widgets.too_small import TooSmall
from strongroom.tui.widgets.words import Words

if TYPE_CHECKING:
    from sqlmodel import Session

_COMMANDS = (
    Command("backup", "b", "Backup Now", "Make a recovery point at once"),
    Command("restore", "R", "Restore", "Bring this point back"),
    Command("hold", "h", "Hold", "Keep this point whatever the policy says, or release it"),
    Command("verify", "v", "Verify", "Read every chunk of this point and prove it"),
)
TAIL = ((".", "More"), ("?", "Help"), ("esc", "Back"))
_SLICE = Slice(limit=500)
_HOLDS = (("0", "Release it"), ("7", "Hold for 7 days"), ("30", "Hold for 30 days"), ("365", "Hold for a year"))
_SENSE = {
    Consistency.APPLICATION: "its applications took part in the snapshot",
    Consistency.FILE_SYSTEM: "its file systems are whole; applications start as after a clean stop",
    Consistency.CRASH: "as after a power failure; applications repair themselves or not",
}


@dataclass(frozen=True, slots=True)
class ItemModel:
    """What this screen shows."""

    item: ProtectedRow | None
    points: Listing[PointRow]


class ItemScreen(LiveScreen[ItemModel]):
    COMMANDS_HERE = _COMMANDS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("item", _COMMANDS), *bound("details", ("escape,q", "app.pop_screen", "Back"))]

    def __init__(self, item_id: int, point_id: int | None = None) -> None:
        super().__init__()
        self._item_id = item_id
        self._first_point = point_id
        columns = (
            Column("Taken", 20),
            Column("Consistency", 11, weight=1),
            Column("Size", 9, right=True),
            Column("Stored", 9, right=True, shows_from=WIDE_FROM),
            Column("Expires", 11),
            Column("Verified", 10),
        )
        self.table = Table(columns, marks=False, id="rows")
        self.note = Note()

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield Words(id="crumb")
        yield Words(id="questions", classes="block")
        yield self.table
        yield self.note
        yield Words(id="pane")
        yield CommandBar(TAIL)
        yield TooSmall()

    def on_mount(self) -> None:
        self.table.focus()

    def question(self) -> Callable[[Session], ItemModel]:
        item_id = self._item_id
        return lambda session: ItemModel(protected_item(session, item_id), points(session, item_id, page=_SLICE))

    def show(self, model: ItemModel) -> None:
        item = model.item
        if item is None:
            self.query_one("#crumb", Words).tell(line(("The machine is not in the vault any more", Role.WARN)))
            return
        state = protection_state(item.status)
        words = f" · policy {item.policy_name}" if item.policy_name else ""
        crumb = line(
            ("Protected Items › ", Role.QUIET), (item.name, Role.STRONG), f" · {item.cloud_service}   ", (state.text, state.role), words
        )
        self.query_one("#crumb", Words).tell(crumb)
        self.table.show([self._row(point) for point in model.points.items])
        if self._first_point is not None:
            self.table.put_cursor(str(self._first_point))
            self._first_point = None
        if not model.points.items and self.table.has_focus:
            self.set_focus(None)  # nobody else gets it meanwhile
        self.table.display = bool(model.points.items)
        if model.points.items:
            self.note.hide()
            if self.focused is None:
                self.table.focus()  # it lost the focus while there was nothing to show
        else:
            self.note.advise("There is no recovery point yet.", [("b", "Backup Now makes the first one")])
        self._show_point()

    def _row(self, point: PointRow) -> Row:
        now = self.room.now()
        held = " held" if point.held_until else ""
        verified = (
            Cell("✗ damaged", Role.BAD)
            if point.damaged
            else Cell(ago(point.verified_at, now), Role.GOOD if point.verified_at else Role.QUIET)
        )
        cells = (
            Cell(minute(point.taken_at), Role.STRONG),
            Cell(point.consistency.value.removesuffix("-consistent")),
            Cell(size(point.used_bytes)),
            Cell(size(point.stored_bytes), Role.QUIET),
            Cell((short_moment(point.expires_at, now) if point.expires_at else "never") + held),
            verified,
        )
        return Row(str(point.point_id), cells)

    @on(Table.Moved)
    def _show_point(self) -> None:
        point = self.current
        self.query_one("#questions").display = self.query_one("#pane").display = point is not None
        if point is not None:
            now = self.room.now()
            self.query_one("#questions", Words).tell(lines(*_answers(point, now)))
            self.query_one("#pane", Words).tell(lines(*_about(point, now)))
        self.refresh_commands()

    @property
    def current(self) -> PointRow | None:
        key = self.table.cursor_key
        return next((point for point in (self.model.points.items if self.model else ()) if str(point.point_id) == key), None)

    def selected_id(self) -> str:
        return self.current.manifest_key if self.current else ""

    # Commands

    def refusal(self, command: str) -> str:
        if command != "backup" and self.current is None:
            return "There is no recovery point yet"
        if command == "backup" and self.model and self.model.item and self.model.item.live_job_id:
            return "Another operation is in progress on this item"
        return ""

    def do_backup(self) -> None:
        context, item_id = self.room.context, self._item_id
        self.room.submit(lambda: request_backup(context, [item_id]), "Successfully created a job to back it up.")

    def do_restore(self) -> None:
        if self.current:
            self.app.push_screen(RestoreScreen(self._item_id, self.current.point_id))

    def do_verify(self) -> None:
        if self.current:
            verify_point(self.room, self.current.point_id)

    def do_hold(self) -> None:
        point = self.current
        if point:
            self.app.push_screen(ChoiceScreen("Hold this recovery point", _HOLDS), lambda days: self._hold(point, days))

    def _hold(self, point: PointRow, days: str | None) -> None:
        if days is None:
            return
        until = self.room.now() + timedelta(days=int(days)) if days != "0" else None
        words = f"Held until {moment(until)}." if until else "Released; its policy decides again."
        context = self.room.context
        self.room.requests.run(lambda: hold_point(context, point.point_id, until), lambda _: self.room.say(words))


def _answers(point: PointRow, now: datetime) -> Iterable[Content]:
    """The four questions, in words, from what is known today."""
    if point.damaged:
        data = (f"damaged: {point.damaged[0]}", Role.BAD)
    elif point.verified_at:
        data = (f"every chunk verified {ago(point.verified_at, now)}", Role.GOOD)
    else:
        data = ("stored and committed; not read back yet (v verifies)", Role.PLAIN)
    readable = "file systems proved clean" if point.consistency is not Consistency.CRASH else "not proved"
    for question, answer in (
        ("Does it boot?", ("not tested", Role.QUIET)),
        ("Is the data there?", data),
        ("Is it readable?", (readable, Role.PLAIN)),
        ("Does it make sense?", (_SENSE[point.consistency], Role.PLAIN)),
    ):
        yield line((f"{question:<21}", Role.QUIET), answer)


def _expiry(point: PointRow, now: datetime) -> str:
    if point.expires_at is None:
        return "never expires"
    if point.expires_at <= now:
        return f"expired {moment(point.expires_at)}: the next prune removes it, unless it is one of the newest"
    return f"expires {moment(point.expires_at)}"


def _about(point: PointRow, now: datetime) -> Iterable[Content]:
    tags = ", ".join(point.tags) or NOTHING
    yield line((point.consistency.value, Role.STRONG), f": {point.consistency_reason}")
    held = f" · held until {moment(point.held_until)}" if point.held_until else ""
    reason = f" ({point.expiry_reason})" if point.expiry_reason else ""
    yield line(f"{_expiry(point, now)}{reason} · {tags}{held}")
    disks = ", ".join(f"{disk.get('id', '')} {size(disk.get('size_bytes', 0))} {disk.get('mode', '')}" for disk in point.disks)
    yield line((f"{count(len(point.disks), 'disk')}: {disks}" if point.disks else "no disks", Role.QUIET))
