"""The vaults (feature A1): choose, make, delete when empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from strongroom.catalog.queries.vaults import VaultRow
from strongroom.engine.vaults import delete_vault
from strongroom.tui.commands import bound
from strongroom.tui.screens.confirm import ConfirmScreen
from strongroom.tui.screens.create_vault import CreateVaultScreen
from strongroom.tui.states import Role, line
from strongroom.tui.units import size
from strongroom.tui.widgets.columns import Column
from strongroom.tui.widgets.table import Cell, Row, Table

if TYPE_CHECKING:
    from strongroom.tui.app import StrongroomApp

_COLUMNS = (
    Column("Vault", 14, weight=2),
    Column("Region", 10, weight=1),
    Column("Protected", 9, right=True),
    Column("Points", 7, right=True),
    Column("Used", 9, right=True),
)


class VaultsScreen(ModalScreen[None]):
    """Enter chooses the vault in use."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bound("vaults", ("escape,q", "close", "Back"), ("n", "new", "New vault"), ("D", "delete", "Delete an empty vault"))
    ]

    def __init__(self) -> None:
        super().__init__()
        self.table = Table(_COLUMNS, marks=False, id="rows")

    @property
    def room(self) -> StrongroomApp:
        app: Any = self.app
        found: StrongroomApp = app
        return found

    def compose(self) -> ComposeResult:
        keys = (("enter", " Use   "), ("n", " New   "), ("D", " Delete   "), ("esc", " Back"))
        with Vertical(id="dialog", classes="-list"):
            yield Static(line(("Vaults", Role.STRONG)), id="heading")
            yield self.table
            yield Static(line(*(piece for key, words in keys for piece in ((key, Role.ACCENT), words))), id="buttons")

    def on_mount(self) -> None:
        self.table.show([_row(vault) for vault in self.room.vault_rows])
        if self.room.vault:
            self.table.put_cursor(str(self.room.vault.vault_id))
        self.table.focus()

    @property
    def _current(self) -> VaultRow | None:
        return next((vault for vault in self.room.vault_rows if str(vault.vault_id) == self.table.cursor_key), None)

    @on(Table.Chosen)
    def _chosen(self) -> None:
        if self._current:
            self.room.choose_vault(self._current.vault_id)
        self.dismiss(None)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_new(self) -> None:
        self.dismiss(None)
        self.room.push_screen(CreateVaultScreen())

    def action_delete(self) -> None:
        vault = self._current
        if vault:
            words = f"Its repository stays at {vault.repository_path}. Only an empty vault can be deleted."
            room = self.room
            self.dismiss(None)
            room.push_screen(
                ConfirmScreen(f"Delete vault {vault.name}?", words, "Delete"), lambda sure: _delete(room, vault) if sure else None
            )


def _delete(room: StrongroomApp, vault: VaultRow) -> None:
    room.requests.run(lambda: delete_vault(room.context, vault.vault_id), lambda _: room.say(f"Deleted vault {vault.name}."))


def _row(vault: VaultRow) -> Row:
    cells = (
        Cell(vault.name, Role.STRONG),
        Cell(vault.region),
        Cell(f"{vault.protected:,}"),
        Cell(f"{vault.points:,}"),
        Cell(size(vault.used_bytes), Role.QUIET),
    )
    return Row(str(vault.vault_id), cells)
