"""Policies (feature A8): schedule and retention in words, made and changed in simple forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content

from strongroom.catalog.queries.page import Listing
from strongroom.catalog.queries.policies import PolicyRow, policies
from strongroom.domain.policy import PolicySpec
from strongroom.domain.preview import preview
from strongroom.domain.schedule import next_slots
from strongroom.domain.wording import retention_in_words, schedule_in_words
from strongroom.engine.policies import delete_policy
from strongroom.tui.commands import Command, bindings_of
from strongroom.tui.screens.confirm import ConfirmScreen
from strongroom.tui.screens.list_page import SLICE, ListPage, Sorting
from strongroom.tui.screens.policy_form import CopyPolicyScreen, PolicyScreen
from strongroom.tui.states import Role, line, lines
from strongroom.tui.units import count, short_moment
from strongroom.tui.widgets.columns import WIDE_FROM, Column
from strongroom.tui.widgets.table import Cell, Row, Table

if TYPE_CHECKING:
    from sqlmodel import Session

_COMMANDS = (
    Command("new", "n", "New", "Make a policy"),
    Command("edit", "e", "Edit", "Change schedule and retention"),
    Command("copy", "c", "Copy", "Make a new policy with the same rules"),
    Command("delete", "D", "Delete", "Delete a policy that no machine uses"),
)


class PoliciesPage(ListPage[PolicyRow]):
    mode = "policies"
    has_types = False
    COMMANDS_HERE = _COMMANDS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("policies", _COMMANDS)]
    columns = (
        Column("Name", 14, weight=1),
        Column("Schedule", 20, weight=3),
        Column("Retention", 20, weight=3, shows_from=WIDE_FROM),
        Column("Machines", 8, right=True),
        Column("Next run", 12),
    )
    sortings = (Sorting(0, "name"),)

    def question(self) -> Callable[[Session], Listing[PolicyRow]]:
        vault, text, order = self.room.vault_id, self.filter.text, self.order
        return lambda session: policies(session, vault, text=text, page=SLICE, order=order)

    def key(self, item: PolicyRow) -> str:
        return str(item.policy_id)

    def row(self, item: PolicyRow) -> Row:
        spec, now = PolicySpec.from_json(item.spec), self.room.now()
        upcoming = next_slots(spec.schedule, now, 1)
        cells = (
            Cell(item.name, Role.STRONG),
            Cell(schedule_in_words(spec.schedule)),
            Cell(retention_in_words(spec.retention), Role.QUIET),
            Cell(f"{item.machines:,}", Role.PLAIN if item.machines else Role.QUIET),
            Cell(short_moment(upcoming[0].due_at, now) if upcoming else "never"),
        )
        return Row(self.key(item), cells)

    def about(self, item: PolicyRow) -> Content:
        spec, now = PolicySpec.from_json(item.spec), self.room.now()
        seen = preview(spec, now, runs=3)
        runs = " · ".join(short_moment(run.due_at, now) for run in seen.next_runs)
        return lines(
            line((item.name, Role.STRONG), f" · {count(item.machines, 'machine')}"),
            line(f"{schedule_in_words(spec.schedule)}, {retention_in_words(spec.retention)}"),
            line((f"next runs {runs} · about {count(seen.points_when_full, 'point')} for each machine when full", Role.QUIET)),
        )

    def tell_empty(self) -> None:
        steps = [("n", "New: say when to back up and how long to keep"), ("p", "Protect, on Registered Items, makes one in place")]
        self.note.advise("This vault has no policy yet.", steps)

    def selected_id(self) -> str:
        return self.current.uid if self.current else ""

    def refusal(self, command: str) -> str:
        if command == "new":
            return ""
        chosen = self.current
        if chosen is None:
            return "Choose a policy"
        if command == "delete" and chosen.machines:
            return f"{chosen.name} is used by {count(chosen.machines, 'machine')}"
        return ""

    @on(Table.Chosen)
    def _open(self) -> None:
        self.action_command("edit")

    def do_new(self) -> None:
        self.app.push_screen(PolicyScreen())

    def do_edit(self) -> None:
        self.app.push_screen(PolicyScreen(self.current))

    def do_copy(self) -> None:
        if self.current:
            self.app.push_screen(CopyPolicyScreen(self.current))

    def do_delete(self) -> None:
        chosen = self.current
        if chosen:
            asked = ConfirmScreen(f"Delete policy {chosen.name}?", "No machine uses it.", "Delete")
            self.app.push_screen(asked, lambda sure: self._delete(chosen) if sure else None)

    def _delete(self, chosen: PolicyRow) -> None:
        context = self.room.context
        self.room.requests.run(lambda: delete_policy(context, chosen.policy_id), lambda _: self.room.say(f"Deleted policy {chosen.name}."))
