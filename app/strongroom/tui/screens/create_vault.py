"""Create vault (feature A1), and the ceremony that proves the operator holds the recovery key."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textual.widget import Widget
from textual.widgets import Static

from strongroom.engine.vaults import CreatedVault, confirm_recovery, confirm_recovery_with_key, create_vault
from strongroom.tui.screens.dialog import Dialog
from strongroom.tui.states import Role, line, lines
from strongroom.tui.widgets.field import Field, text_field


class CreateVaultScreen(Dialog[int]):
    heading = "Create vault"
    verb = "Create vault"

    def fields(self) -> Iterable[Widget]:
        yield Static(line(("A vault keeps the backups of one region's machines in one repository.", Role.QUIET)), classes="lead")
        yield Field("Name", text_field("name", placeholder="for example berlin-1"), "letters, digits, hyphens")
        yield Field("Region", text_field("region", placeholder="for example de-berlin"), "where its machines live")
        yield Field("Repository", text_field("place", placeholder=str(self.room.context.paths.vaults / "NAME")), "empty: this folder")
        yield Field("Passphrase", text_field("passphrase", password=True), "optional")
        yield Field("Again", text_field("again", password=True))

    def proceed(self) -> None:
        name, region, place = self.value("name"), self.value("region"), self.value("place")
        passphrase, context = self.value("passphrase") or None, self.room.context
        if passphrase != (self.value("again") or None):
            self.complain("The two passphrases differ")
            return
        folder = Path(place).expanduser() if place else None
        self.attempt(lambda: create_vault(context, name, region, place=folder, passphrase=passphrase), self._created)

    def _created(self, made: CreatedVault) -> None:
        room = self.room
        self.dismiss(made.vault_id)
        room.read_vaults()
        room.push_screen(RecoveryKeyScreen(made), lambda _: room.choose_vault(made.vault_id))


class RecoveryKeyScreen(Dialog[None]):
    """Shows the key once and asks for its last group back."""

    verb = "Confirm"
    decline = "Later"
    width_class = "-large"

    def __init__(self, made: CreatedVault) -> None:
        super().__init__()
        self._made = made

    def title_words(self) -> str:
        return f"Recovery key of vault {self._made.name}"

    def fields(self) -> Iterable[Widget]:
        yield Static(
            lines(
                line("This key opens the vault when this machine is lost. It is shown ", ("once", Role.WARN), " and kept nowhere."),
                line("Write it on paper, or print the sheet: strongroom key recovery-sheet."),
            ),
            classes="lead",
        )
        yield Static(lines(*(line((part, Role.ACCENT)) for part in key_rows(self._made.recovery_key))), id="key")
        yield Field("Last group", text_field("group"), "type it back")
        yield Static(line(("No backup runs in this vault until the key is confirmed. Later: Configure, c.", Role.QUIET)))

    def proceed(self) -> None:
        made, typed, context = self._made, self.value("group"), self.room.context
        self.attempt(lambda: confirm_recovery(context, made.vault_id, made.recovery_key, typed), self._confirmed)

    def _confirmed(self, _: None) -> None:
        room = self.room
        self.dismiss(None)
        room.say(f"Vault {self._made.name} is ready.")

    def action_decline(self) -> None:
        self.room.say(f"The recovery key of {self._made.name} is not confirmed: no backup runs in it yet.", severity="warning")
        self.dismiss(None)


class ConfirmKeyScreen(Dialog[None]):
    """Confirms a vault's recovery key later, with the whole key."""

    heading = "Confirm the recovery key"
    verb = "Confirm"

    def fields(self) -> Iterable[Widget]:
        yield Static(line(("Type or paste the whole recovery key; it must open this vault's repository.", Role.QUIET)), classes="lead")
        yield Field("Recovery key", text_field("key"))

    def proceed(self) -> None:
        key, vault_id, context = self.value("key"), self.room.vault_id, self.room.context
        self.attempt(lambda: confirm_recovery_with_key(context, vault_id, key), self._confirmed)

    def _confirmed(self, _: None) -> None:
        room = self.room
        self.dismiss(None)
        room.say("The recovery key is confirmed.")


def key_rows(key: str, groups_a_row: int = 4) -> list[str]:
    """The key's groups, a few a row, as they are copied onto paper."""
    groups = key.split("-")
    return ["  ".join(groups[at : at + groups_a_row]) for at in range(0, len(groups), groups_a_row)]
