"""Protected Items (features A9, A14, A17): what is protected, how well, and the commands that back up and bring back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content

from strongroom.catalog.queries.page import Listing
from strongroom.catalog.queries.protected import ProtectedRow, protected
from strongroom.domain.states import ProtectionStatus
from strongroom.engine.backups import request_backup
from strongroom.tui.commands import Command, bindings_of
from strongroom.tui.screens.item_details import ItemScreen
from strongroom.tui.screens.list_page import SLICE, ListPage, Sorting
from strongroom.tui.screens.protect import ProtectScreen
from strongroom.tui.screens.restore import RestoreScreen
from strongroom.tui.screens.stop import StopScreen
from strongroom.tui.screens.verify import verify_items
from strongroom.tui.states import Role, line, lines, protection_state, short_consistency
from strongroom.tui.units import NOTHING, count, short_moment
from strongroom.tui.widgets.columns import WIDE_FROM, Column
from strongroom.tui.widgets.table import Cell, Row, Table

if TYPE_CHECKING:
    from sqlmodel import Session

_COMMANDS = (
    Command("backup", "b", "Backup Now", "Back up the chosen machines at once"),
    Command("policy", "e", "Policy", "Change the policy of the chosen machines"),
    Command("restore", "R", "Restore", "Bring a machine or its disks back"),
    Command("stop", "x", "Stop", "Stop, resume, or delete backup data"),
    Command("verify", "", "Verify", "Read every chunk of the chosen machines' recovery points and prove it"),
)
_STOPPED = frozenset({ProtectionStatus.STOPPED, ProtectionStatus.SUSPENDED})


class ProtectedPage(ListPage[ProtectedRow]):
    mode = "protected"
    COMMANDS_HERE = _COMMANDS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("protected", _COMMANDS)]
    columns = (
        Column("Name", 12, weight=3),
        Column("Service", 9, weight=1),
        Column("Type", 18, shows_from=WIDE_FROM),
        Column("Protection Status", 20, weight=3),
        Column("Points", 6, right=True),
        Column("Policy", 9, weight=1, shows_from=WIDE_FROM),
        Column("Newest Point", 15),
        Column("Last Backup", 11, shows_from=WIDE_FROM),
    )
    sortings = (
        Sorting(0, "name"),
        Sorting(1, "cloud_service"),
        Sorting(2, "workload_type"),
        Sorting(3, "status"),
        Sorting(5, "policy_name"),
    )

    def question(self) -> Callable[[Session], Listing[ProtectedRow]]:
        vault, kind, text, order = self.room.vault_id, self.filter.type, self.filter.text, self.order
        return lambda session: protected(session, vault, workload_type=kind, text=text, page=SLICE, order=order)

    def key(self, item: ProtectedRow) -> str:
        return str(item.item_id)

    def row(self, item: ProtectedRow) -> Row:
        state, now = protection_state(item.status), self.room.now()
        newest = f"{short_moment(item.newest_point_at, now)} {short_consistency(item.newest_consistency)}".strip()
        cells = (
            Cell(item.name, Role.STRONG),
            Cell(item.cloud_service),
            Cell(item.workload_type.value, Role.QUIET),
            Cell(f"◐ {state.word}", Role.LIVE) if item.live_job_id else Cell(state.text, state.role),
            Cell(f"{item.points:,}", Role.PLAIN if item.points else Role.QUIET),
            Cell(item.policy_name or NOTHING),
            Cell(newest, Role.PLAIN if item.newest_point_at else Role.QUIET),
            Cell(short_moment(item.last_backup_at, now), Role.QUIET),
        )
        return Row(self.key(item), cells)

    def about(self, item: ProtectedRow) -> Content:
        now, state = self.room.now(), protection_state(item.status)
        policy = f" · policy {item.policy_name}" if item.policy_name else " · no policy"
        runs = f" · job {item.live_job_id} runs" if item.live_job_id else ""
        first = line((item.name, Role.STRONG), f" · {item.cloud_service} · ", (state.text, state.role), policy, (runs, Role.LIVE))
        if item.newest_point_at:
            level = item.newest_consistency.value if item.newest_consistency else ""
            second = line(f"{count(item.points, 'recovery point')} · newest {short_moment(item.newest_point_at, now)}, {level}")
        else:
            second = line(("no recovery point yet · b makes one now", Role.QUIET))
        if item.error:
            third = line((f"{item.error.get('code', '')}: {item.error.get('message', '')}", Role.BAD))
        else:
            last = f"{short_moment(item.last_backup_at, now)} {item.last_backup_status}" if item.last_backup_at else "none yet"
            third = line((f"last backup {last}", Role.QUIET))
        return lines(first, second, third)

    def tell_empty(self) -> None:
        steps = [("2", "Registered Items: choose machines there"), ("p", "Protect: give them a policy")]
        self.note.advise("No machine of this vault is protected yet.", steps)

    def selected_id(self) -> str:
        return self.current.uid if self.current else ""

    @on(Table.Chosen)
    def _open(self) -> None:
        if self.current:
            self.app.push_screen(ItemScreen(self.current.item_id))

    # Commands

    def refusal(self, command: str) -> str:
        chosen = self.selection
        if not chosen:
            return "Choose a protected machine"
        match command:
            case "backup" if all(item.status in _STOPPED for item in chosen):
                return "Protection is stopped; resume it first"
            case "backup" if all(item.live_job_id for item in chosen):
                return "Another operation is in progress on this item"
            case "restore" if len(chosen) > 1:
                return "Restore one machine at a time"
            case "restore" | "verify" if not any(item.points for item in chosen):
                return "There is no recovery point yet"
            case "stop" if len(chosen) > 1:
                return "Stop one machine at a time"
        return ""

    def do_backup(self) -> None:
        items, context = self.selection, self.room.context
        ids = [item.item_id for item in items]
        names = items[0].name if len(items) == 1 else count(len(items), "machine")
        self.room.submit(lambda: request_backup(context, ids), f"Successfully created job(s) to back up {names}.")

    def do_policy(self) -> None:
        names = [(item.item_id, f"{item.cloud_service}/{item.name}") for item in self.selection]
        self.app.push_screen(ProtectScreen(names, preselected=True, changes=True))

    def do_restore(self) -> None:
        self.app.push_screen(RestoreScreen(self.selection[0].item_id))

    def do_stop(self) -> None:
        self.app.push_screen(StopScreen(self.selection[0]))

    def do_verify(self) -> None:
        verify_items(self.room, [item.item_id for item in self.selection])
