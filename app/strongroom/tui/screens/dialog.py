"""The shape of every modal: a heading, fields, a line for what is wrong, and two buttons."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from strongroom.domain.errors import ErrorRecord
from strongroom.tui.commands import bound
from strongroom.tui.states import Role, line, lines

if TYPE_CHECKING:
    from strongroom.tui.app import StrongroomApp

Result = TypeVar("Result")
T = TypeVar("T")


class Dialog(ModalScreen[Result], Generic[Result]):
    """Subclasses give ``fields`` and ``proceed``; escape and the left button leave without doing anything."""

    heading: ClassVar[str] = ""
    verb: str = "OK"
    decline: str = "Cancel"
    width_class: ClassVar[str] = ""
    careful: ClassVar[bool] = False
    """Whether the button that declines has the focus at first."""
    BINDINGS: ClassVar[list[BindingType]] = [*bound("dialog", ("escape", "decline", "Back without doing anything"))]

    _attempting = False

    @property
    def room(self) -> StrongroomApp:
        app: Any = self.app
        found: StrongroomApp = app
        return found

    def title_words(self) -> str:
        return self.heading

    @abstractmethod
    def fields(self) -> Iterable[Widget]:
        """What stands between heading and buttons."""

    @abstractmethod
    def proceed(self) -> None:
        """The right button: do it, or say with ``complain`` why not."""

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes=self.width_class):
            yield Static(line((self.title_words(), Role.STRONG)), id="heading")
            with VerticalScroll(id="fields", can_focus=False):
                yield from self.fields()
            yield Static(id="problem")
            with Horizontal(id="buttons"):
                yield Button(line(self.decline), id="decline", compact=True)
                yield Button(line(self.verb), id="proceed", compact=True, variant="error" if self.careful else "primary")

    def on_mount(self) -> None:
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one("#problem").display = False
        if self.careful:
            self.query_one("#decline").focus()

    def action_decline(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#decline")
    def _declined(self) -> None:
        self.action_decline()

    @on(Button.Pressed, "#proceed")
    def _proceed(self) -> None:
        self.proceed()

    @on(Input.Submitted)
    def _next_field(self) -> None:
        self.focus_next()

    # For subclasses

    def value(self, name: str) -> str:
        """What stands in an input."""
        return self.query_one(f"#{name}", Input).value.strip()

    def complain(self, words: str, action: str = "") -> None:
        """Say what is wrong, without leaving; an empty text takes it back."""
        problem = self.query_one("#problem", Static)
        problem.display = bool(words)
        problem.update(lines(line((words, Role.BAD)), *([line((action, Role.QUIET))] if action else [])))

    def attempt(self, work: Callable[[], T], done: Callable[[T], object]) -> None:
        """Call the engine in a thread; the dialog stays until it answers, and shows what it refuses."""
        if self._attempting:
            return  # the key was pressed twice
        self._attempting = True
        self.complain("")

        def arrived(answer: T) -> None:
            self._attempting = False
            done(answer)

        self.room.requests.run(work, arrived, self._refused)

    def _refused(self, error: ErrorRecord) -> None:
        self._attempting = False
        if self.is_attached:
            self.complain(" · ".join(part for part in (f"{error['code']}: {error['message']}", error["cause"]) if part), error["action"])
        else:
            self.room.show_error(error)
