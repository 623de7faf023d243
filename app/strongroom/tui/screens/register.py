"""Register Items (features A4, A5): the region's discovered machines, many at once; those of other regions with what would take them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget
from textual.widgets import Static

from strongroom.catalog.queries.page import Page as Slice
from strongroom.catalog.queries.registered import ElsewhereRow, RegisteredRow, discovered_elsewhere, registered
from strongroom.domain.states import RegistrationStatus
from strongroom.engine.registration import request_register
from strongroom.engine.submission import Submitted
from strongroom.tui.screens.dialog import Dialog
from strongroom.tui.states import Role, line
from strongroom.tui.units import count
from strongroom.tui.widgets.columns import Column
from strongroom.tui.widgets.table import Cell, Row, Table

if TYPE_CHECKING:
    from sqlmodel import Session

_SLICE = Slice(limit=500)
_COLUMNS = (Column("Name", 14, weight=2), Column("Service", 10, weight=1), Column("Power", 7), Column("", 22, weight=2))


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be registered here, what failed before and can be tried again, and what lives elsewhere."""

    here: tuple[RegisteredRow, ...]
    elsewhere: tuple[ElsewhereRow, ...]


def _offer(session: Session, vault_id: int) -> Offer:
    found = [
        row
        for status in (RegistrationStatus.DISCOVERED, RegistrationStatus.FAILED)
        for row in registered(session, vault_id, status=status, page=_SLICE).items
    ]
    return Offer(tuple(row for row in found if row.machine_id), discovered_elsewhere(session, vault_id, page=_SLICE).items)


class RegisterScreen(Dialog[None]):
    """Space marks; the marked machines, or the one under the cursor, are registered, one job each."""

    heading = "Register Items"
    verb = "Register"
    width_class = "-large"

    def __init__(self, preselected: frozenset[int]) -> None:
        super().__init__()
        self.table = Table(_COLUMNS, id="rows")
        self._preselected = preselected
        self._offer = Offer((), ())

    def title_words(self) -> str:
        vault = self.room.vault
        return f"Register Items with vault {vault.name} · region {vault.region}" if vault else self.heading

    def fields(self) -> Iterable[Widget]:
        yield Static(line(("space", Role.ACCENT), " marks, ", ("*", Role.ACCENT), " all. Nothing is installed in a guest."), classes="lead")
        yield self.table
        yield Static(id="chosen")

    def on_mount(self) -> None:
        super().on_mount()
        vault_id = self.room.vault_id
        self.room.requests.read(lambda session: _offer(session, vault_id), self._arrived)
        self.table.focus()

    def _arrived(self, offer: Offer) -> None:
        self._offer = offer
        rows = [_here(row) for row in offer.here]
        if offer.elsewhere:
            rows.append(Row("rule", rule="in other regions; this vault does not take them"))
            rows += [_elsewhere(row) for row in offer.elsewhere]
        self.table.show(rows)
        self.table.marks = {f"m{row.machine_id}" for row in offer.here if row.machine_id in self._preselected}
        self.table.refresh()
        self._count()

    @on(Table.Marked)
    @on(Table.Moved)
    def _count(self) -> None:
        number = len(self._chosen)
        self.query_one("#chosen", Static).update(line((f"{count(number, 'job')} will be created, one for each machine.", Role.QUIET)))

    @on(Table.Chosen)
    def _enter(self) -> None:
        self.query_one("#proceed").focus()

    @property
    def _chosen(self) -> list[RegisteredRow]:
        keys = set(self.table.chosen_keys)
        return [row for row in self._offer.here if f"m{row.machine_id}" in keys]

    def proceed(self) -> None:
        ids = [row.machine_id for row in self._chosen if row.machine_id]
        vault_id, context = self.room.vault_id, self.room.context
        if not ids:
            self._explain_refusal()
            return
        self.attempt(lambda: request_register(context, vault_id, ids), self._registered)

    def _explain_refusal(self) -> None:
        key = self.table.cursor_key
        row = next((row for row in self._offer.elsewhere if f"e{row.machine_id}" == key), None)
        if row is None:
            self.complain("Choose a machine of this vault's region")
            return
        takers = f"Use vault {', '.join(row.vault_names)} (V)." if row.vault_names else f"Make a vault for region {row.region}: V, then n."
        self.complain(f"RegionMismatch: {row.name} lives in region {row.region}", takers)

    def _registered(self, submitted: Submitted) -> None:
        room = self.room
        self.dismiss(None)
        room.submitted(submitted, "Successfully created job(s) to register selected items.")


def _here(row: RegisteredRow) -> Row:
    again = "failed before" if row.status is RegistrationStatus.FAILED else ""
    cells = (Cell(row.name, Role.STRONG), Cell(row.cloud_service), Cell(row.power.value), Cell(again, Role.WARN))
    return Row(f"m{row.machine_id}", cells)


def _elsewhere(row: ElsewhereRow) -> Row:
    takers = f"vault {', '.join(row.vault_names)}" if row.vault_names else "no vault there yet"
    cells = (Cell(row.name, Role.QUIET), Cell(row.cloud_service, Role.QUIET), Cell(""), Cell(f"{row.region}: {takers}", Role.QUIET))
    return Row(f"e{row.machine_id}", cells, fixed=True)
