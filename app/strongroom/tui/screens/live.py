"""A screen that shows a read model and asks for it again when the catalog changed and it can be seen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual.binding import BindingType
from textual.screen import Screen

from strongroom.domain.errors import ErrorRecord
from strongroom.tui.commands import Command, bound
from strongroom.tui.widgets.command_bar import CommandBar
from strongroom.tui.widgets.title_bar import TitleBar, TitleFacts

if TYPE_CHECKING:
    from sqlmodel import Session

    from strongroom.tui.app import StrongroomApp

Model = TypeVar("Model")


class LiveScreen(Screen[None], Generic[Model]):
    """Subclasses say what to ask (``question``), how to show the answer (``show``), and why a command is refused (``refusal``)."""

    AUTO_FOCUS = ""  # each screen knows where its focus belongs
    COMMANDS_HERE: ClassVar[tuple[Command, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        *bound(
            "screen",
            ("full_stop", "app.all_actions", "All actions for the selection, with the reason why one is not possible"),
            ("ctrl+r,f5", "reload", "Refresh"),
            ("y", "copy_id", "Copy the id of what is selected"),
        )
    ]

    def __init__(self) -> None:
        super().__init__()
        self._reading = False
        self._outdated = False
        self.model: Model | None = None

    @property
    def room(self) -> StrongroomApp:
        """The application, with its own type."""
        app: Any = self.app
        found: StrongroomApp = app
        return found

    # For subclasses

    @abstractmethod
    def question(self) -> Callable[[Session], Model]:
        """What to ask now; made on the event loop, called in a thread."""

    @abstractmethod
    def show(self, model: Model) -> None:
        """Show what came back."""

    def refusal(self, command: str) -> str:  # noqa: ARG002  (subclasses look at it)
        """Why the command cannot run on what is selected now; empty if it can."""
        return ""

    def selected_id(self) -> str:
        """What ``y`` copies."""
        return ""

    # The reading

    def reload(self) -> None:
        """Ask again; while a reading is under way, ask once more after it. A screen without its widgets yet asks when it comes to the front."""
        if not self.is_mounted:
            return
        if self._reading:
            self._outdated = True
            return
        question = self.question()
        self._reading = True
        self._outdated = False
        self.room.requests.read(question, self._arrived, self._missed)

    def action_reload(self) -> None:
        self.reload()

    def on_screen_resume(self) -> None:
        self.show_title()
        self.refresh_commands()
        self.reload()

    def on_resize(self) -> None:
        self.show_title()

    def _arrived(self, model: Model) -> None:
        self._reading = False
        if not self.is_attached:
            return
        self.model = model
        self.show(model)
        self.refresh_commands()
        if self._outdated:
            self.reload()

    def _missed(self, error: ErrorRecord) -> None:
        self._reading = False
        self.room.show_error(error)

    # The title

    def show_title(self) -> None:
        """Bring the first line up to date."""
        room = self.room
        for bar in self.query(TitleBar):
            bar.show(
                TitleFacts(
                    room.vault, room.service_seen, room.now(), vaults_known=room.vaults_known, paused=room.paused, lost=bool(room.lost)
                )
            )

    # The commands

    def command_states(self) -> list[tuple[Command, str]]:
        """Every command of the screen with the reason why it cannot run now."""
        return [(command, self.refusal(command.id)) for command in self.COMMANDS_HERE]

    def refresh_commands(self) -> None:
        """Let the bar show what the selection allows."""
        for found in self.query(CommandBar):
            found.show([(command, not why) for command, why in self.command_states()])

    def action_command(self, command: str) -> None:
        """Run a command of the screen, or say why it cannot run."""
        why = self.refusal(command)
        if why:
            self.room.say(why, severity="warning")
            return
        getattr(self, f"do_{command}")()

    def action_copy_id(self) -> None:
        found = self.selected_id()
        if found:
            self.app.copy_to_clipboard(found)
            self.room.say(f"Copied {found}")
