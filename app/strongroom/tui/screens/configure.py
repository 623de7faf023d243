"""Configure: the vault, its repository and key, the sources, who leads, and the installation in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from strongroom.catalog.queries.page import Listing
from strongroom.catalog.queries.sources import SourceRow, sources
from strongroom.catalog.queries.vaults import VaultRow
from strongroom.engine.discovery import request_discovery
from strongroom.engine.sources import remove_source
from strongroom.tui.commands import Command, bindings_of
from strongroom.tui.screens.add_source import AddSourceScreen
from strongroom.tui.screens.confirm import ConfirmScreen
from strongroom.tui.screens.create_vault import ConfirmKeyScreen
from strongroom.tui.screens.page import Page
from strongroom.tui.states import Role, line, lines
from strongroom.tui.units import ago, count, moment, size
from strongroom.tui.widgets.columns import WIDE_FROM, Column
from strongroom.tui.widgets.table import Cell, Row, Table
from strongroom.tui.widgets.words import Words

if TYPE_CHECKING:
    from sqlmodel import Session

_COMMANDS = (
    Command("new_vault", "n", "New vault", "Make a vault"),
    Command("confirm_key", "c", "Confirm key", "Prove that you hold the vault's recovery key"),
    Command("add_source", "a", "Add source", "Name a place where machines run"),
    Command("discover", "d", "Discover", "Search the source under the cursor"),
    Command("remove_source", "D", "Delete source", "Forget the source under the cursor"),
)
_LABEL_CELLS = 14


class ConfigurePage(Page[Listing[SourceRow]]):
    mode = "configure"
    COMMANDS_HERE = _COMMANDS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("configure", _COMMANDS)]

    def __init__(self) -> None:
        super().__init__()
        columns = (
            Column("Source", 24, weight=3),
            Column("Region", 10, weight=1),
            Column("Machines", 8, right=True),
            Column("Vanished", 8, right=True, shows_from=WIDE_FROM),
            Column("Discovered", 12),
        )
        self.table = Table(columns, marks=False, id="rows")

    def body(self) -> Iterable[Widget]:
        yield VerticalScroll(
            Words(id="vault-facts", classes="block"), Words(id="service-facts", classes="block"), id="facts", can_focus=False
        )
        yield Static(line(("SOURCES", Role.QUIET)), classes="caption section")
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    def question(self) -> Callable[[Session], Listing[SourceRow]]:
        return sources

    def show(self, model: Listing[SourceRow]) -> None:
        self.table.show([self._row(source) for source in model.items])
        vault = self.room.vault
        self.query_one("#vault-facts", Words).tell(
            lines(*(self._vault_facts(vault) if vault else [line(("There is no vault yet.", Role.WARN))]))
        )
        self.query_one("#service-facts", Words).tell(lines(*self._service_facts()))

    def show_without_vault(self) -> None:
        """Sources and the installation can be looked at without a vault."""
        self.reload_rows()

    def _row(self, source: SourceRow) -> Row:
        cells = (
            Cell(source.address, Role.STRONG),
            Cell(source.region),
            Cell(f"{source.machines:,}"),
            Cell(f"{source.vanished:,}", Role.WARN if source.vanished else Role.QUIET),
            Cell("now …", Role.LIVE) if source.live_job_id else Cell(ago(source.discovered_at, self.room.now()), Role.QUIET),
        )
        return Row(str(source.source_id), cells)

    def _vault_facts(self, vault: VaultRow) -> Iterable[Content]:
        yield line(("VAULT", Role.QUIET))
        yield _fact("Name", vault.name, Role.STRONG)
        yield _fact("Region", vault.region)
        yield _fact("Repository", vault.repository_path)
        free = f", {size(vault.free_bytes)} free" if vault.free_bytes is not None else ""
        measured = f" · measured {ago(vault.measured_at, self.room.now())}" if vault.measured_at else " · not measured yet"
        yield _fact("Storage", f"{size(vault.used_bytes)} used{free}{measured}")
        yield _fact("Holds", f"{count(vault.items, 'item')}, {vault.protected} protected, {count(vault.points, 'recovery point')}")
        if vault.recovery_confirmed_at:
            yield _fact("Recovery key", f"confirmed {moment(vault.recovery_confirmed_at)}", Role.GOOD)
        else:
            yield _fact("Recovery key", "not confirmed: no backup runs until it is (c)", Role.WARN)
        if not vault.tips_confirmed:
            yield _fact("Rebuilt", "newest points not confirmed: strongroom rebuild --confirm-tips", Role.WARN)

    def _service_facts(self) -> Iterable[Content]:
        seen, paths = self.room.service_seen, self.room.context.paths
        yield line(("INSTALLATION", Role.QUIET))
        yield _fact("In use", paths.name)
        yield _fact("Catalog", str(paths.catalog))
        if seen is None:
            yield _fact("Service", "looking …", Role.QUIET)
        else:
            yield _fact("Service", seen.message or "no service runs", Role.GOOD if seen.running else Role.BAD)
        yield _fact("You are", self.room.context.caller)

    @property
    def current(self) -> SourceRow | None:
        return next((row for row in (self.model.items if self.model else ()) if str(row.source_id) == self.table.cursor_key), None)

    def selected_id(self) -> str:
        return self.current.address if self.current else ""

    # Commands

    @on(Table.Moved)
    def _moved(self) -> None:
        self.refresh_commands()

    def refusal(self, command: str) -> str:
        match command:
            case "confirm_key" if self.room.vault is None:
                return "There is no vault yet"
            case "confirm_key" if self.room.vault and self.room.vault.recovery_confirmed_at:
                return "The recovery key is confirmed"
            case "discover" | "remove_source" if self.current is None:
                return "There is no source yet"
        return ""

    def do_new_vault(self) -> None:
        self.room.new_vault()

    def do_confirm_key(self) -> None:
        self.app.push_screen(ConfirmKeyScreen())

    def do_add_source(self) -> None:
        self.app.push_screen(AddSourceScreen())

    def do_discover(self) -> None:
        source, context = self.current, self.room.context
        if source:
            self.room.submit(lambda: request_discovery(context, [source.source_id]), "Discovering new items …")

    def do_remove_source(self) -> None:
        source = self.current
        if source:
            asked = ConfirmScreen(f"Delete source {source.address}?", "Only a source without registered machines can be deleted.", "Delete")
            self.app.push_screen(asked, lambda sure: self._remove(source) if sure else None)

    def _remove(self, source: SourceRow) -> None:
        context = self.room.context
        self.room.requests.run(
            lambda: remove_source(context, source.source_id), lambda _: self.room.say(f"Deleted source {source.address}.")
        )


def _fact(label: str, words: str, role: Role = Role.PLAIN) -> Content:
    return line((f"{label:<{_LABEL_CELLS}}", Role.QUIET), (words, role))
