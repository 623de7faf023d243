"""Registered Items (features A3-A6): the vault's machines, and below the line those that were discovered and are in no vault yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.content import Content

from strongroom.catalog.queries.page import Listing
from strongroom.catalog.queries.registered import RegisteredRow, registered
from strongroom.domain.states import ProtectionStatus, RegistrationStatus
from strongroom.engine.discovery import request_discovery
from strongroom.engine.registration import request_unregister
from strongroom.tui.commands import Command, bindings_of
from strongroom.tui.screens.add_source import AddSourceScreen
from strongroom.tui.screens.confirm import ConfirmScreen
from strongroom.tui.screens.list_page import SLICE, ListPage, Sorting
from strongroom.tui.screens.protect import ProtectScreen
from strongroom.tui.screens.register import RegisterScreen
from strongroom.tui.states import Role, line, lines, protection_state, registration_state
from strongroom.tui.units import count, size
from strongroom.tui.widgets.columns import WIDE_FROM, Column
from strongroom.tui.widgets.table import Cell, Row

if TYPE_CHECKING:
    from sqlmodel import Session

_COMMANDS = (
    Command("add_source", "a", "Add source", "Name a place where machines run"),
    Command("discover", "d", "Discover", "Search every source for machines"),
    Command("register", "r", "Register", "Register discovered machines with this vault"),
    Command("protect", "p", "Protect", "Give registered machines a policy"),
    Command("unregister", "u", "Unregister", "Take machines out of this vault"),
)


class RegisteredPage(ListPage[RegisteredRow]):
    mode = "registered"
    COMMANDS_HERE = _COMMANDS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("registered", _COMMANDS)]
    columns = (
        Column("Name", 16, weight=3),
        Column("Cloud Service", 12, weight=1),
        Column("Type", 19, shows_from=WIDE_FROM),
        Column("Region", 10, weight=1, shows_from=WIDE_FROM),
        Column("Power", 8, shows_from=WIDE_FROM),
        Column("Agent", 9, shows_from=WIDE_FROM),
        Column("Status", 21),
    )
    sortings = (Sorting(0, "name"), Sorting(1, "cloud_service"), Sorting(2, "workload_type"), Sorting(6, "status"))

    def question(self) -> Callable[[Session], Listing[RegisteredRow]]:
        vault, kind, text, order = self.room.vault_id, self.filter.type, self.filter.text, self.order
        return lambda session: registered(session, vault, workload_type=kind, text=text, page=SLICE, order=order)

    def rows(self, items: Sequence[RegisteredRow]) -> list[Row]:
        rows = [self.row(item) for item in items]
        first = next((index for index, item in enumerate(items) if item.item_id is None), None)
        if first is not None:
            found = len(items) - first
            rows.insert(first, Row("rule", rule=f"{count(found, 'discovered machine')}, not registered yet · r registers"))
        return rows

    def key(self, item: RegisteredRow) -> str:
        return f"m{item.machine_id}" if item.machine_id else f"i{item.item_id}"

    def row(self, item: RegisteredRow) -> Row:
        state = registration_state(item.status)
        cells = (
            Cell(item.name, Role.STRONG if item.item_id else Role.PLAIN),
            Cell(item.cloud_service),
            Cell(item.workload_type.value, Role.QUIET),
            Cell(item.region, Role.QUIET),
            Cell(item.power.value),
            Cell(item.agent.value, Role.QUIET),
            Cell(state.text, state.role),
        )
        return Row(self.key(item), cells)

    def about(self, item: RegisteredRow) -> Content:
        state = protection_state(item.protection)
        used = f", {size(item.used_bytes)} used" if item.used_bytes is not None else ""
        disks = f"{count(len(item.disks), 'disk')} {size(item.size_bytes)}{used}"
        first = line((item.name, Role.STRONG), f" · {item.workload_type.value} · {item.cloud_service} · {item.region}")
        second = line(f"{item.power.value} · agent {item.agent.value} · {disks}")
        if item.error:
            third = line((f"{item.error.get('code', '')}: {item.error.get('message', '')} {item.error.get('action', '')}", Role.BAD))
        elif item.item_id:
            third = line((state.text, state.role))
        else:
            third = line(("in no vault yet", Role.QUIET))
        return lines(first, second, third)

    def tell_empty(self) -> None:
        steps = [("a", "Add source: name a place where machines run"), ("d", "Discover: search every source for machines")]
        self.note.advise("No machine is known in this vault's region yet.", steps)

    def selected_id(self) -> str:
        return f"{self.current.cloud_service}/{self.current.name}" if self.current else ""

    # Commands

    def refusal(self, command: str) -> str:
        chosen = self.selection
        match command:
            case "register":
                return "" if any(item.status in _REGISTERABLE for item in self._items) else "Nothing discovered waits to be registered"
            case "protect":
                return "" if any(_protectable(item) for item in self._items) else "No registered machine is without a policy"
            case "unregister" if not any(item.item_id for item in chosen):
                return "Choose a registered machine"
            case "unregister" if any(item.protection is not ProtectionStatus.NONE for item in chosen):
                return "Stop protection and delete the backup data first"
        return ""

    @property
    def _items(self) -> tuple[RegisteredRow, ...]:
        return self.model.items if self.model else ()

    def do_add_source(self) -> None:
        self.app.push_screen(AddSourceScreen())

    def do_discover(self) -> None:
        context = self.room.context
        self.room.submit(lambda: request_discovery(context), "Discovering new items …")

    def do_register(self) -> None:
        self.app.push_screen(RegisterScreen(frozenset(item.machine_id for item in self.selection if item.machine_id)))

    def do_protect(self) -> None:
        chosen = [item for item in self.selection if _protectable(item)] or [item for item in self._items if _protectable(item)]
        marked = self.table.marks or (self.current is not None and _protectable(self.current))
        names = [(item.item_id or 0, f"{item.cloud_service}/{item.name}") for item in chosen]
        self.app.push_screen(ProtectScreen(names, preselected=bool(marked)))

    def do_unregister(self) -> None:
        chosen = [item for item in self.selection if item.item_id]
        names = ", ".join(item.name for item in chosen)
        vault = self.room.vault.name if self.room.vault else ""
        asked = ConfirmScreen(f"Unregister {names} from vault {vault}?", "The machines themselves are not touched.", "Unregister")
        self.app.push_screen(asked, lambda sure: self._unregister(chosen) if sure else None)

    def _unregister(self, chosen: Sequence[RegisteredRow]) -> None:
        ids, context = [item.item_id or 0 for item in chosen], self.room.context
        self.room.submit(lambda: request_unregister(context, ids), "Successfully created job(s) to unregister selected items.")


_REGISTERABLE = frozenset({RegistrationStatus.DISCOVERED, RegistrationStatus.FAILED})


def _protectable(item: RegisteredRow) -> bool:
    return item.status is RegistrationStatus.REGISTERED and item.protection is ProtectionStatus.NONE
