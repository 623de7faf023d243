"""All actions for the selection; those that are not possible say why."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets.option_list import Option

from strongroom.tui.commands import Command, key_name
from strongroom.tui.screens.option_modal import OptionModal
from strongroom.tui.states import Role, line


class ActionsScreen(OptionModal[str]):
    """Answers the id of the command to run, or None."""

    def __init__(self, commands: Sequence[tuple[Command, str]]) -> None:
        options = [Option(_entry(command, why), disabled=bool(why)) for command, why in commands]
        super().__init__("Actions", options, [command.id for command, _why in commands])


def _entry(command: Command, why: str) -> Content:
    key = f"{key_name(command.key):>2}  "
    if why:
        return line((key + command.label, Role.QUIET), (f"  ({why})", Role.FAINT))
    return line((key, Role.ACCENT), (command.label, Role.STRONG), (f"  {command.help}", Role.QUIET))
