"""The terminal's application: six pages, one stack of screens for each, and what all of them share."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.types import CSSPathType

from strongroom.catalog.queries.vaults import VaultRow, vaults
from strongroom.domain.errors import ErrorRecord
from strongroom.domain.text import safe_text
from strongroom.engine.context import Context
from strongroom.engine.submission import Submitted
from strongroom.resources import styles_folder
from strongroom.tui.busy import Busy
from strongroom.tui.commands import bound
from strongroom.tui.following import Ending, Following
from strongroom.tui.messages import CatalogChanged, CatalogLost, ServiceSeen
from strongroom.tui.notices import Notice, Notices, Severity
from strongroom.tui.palette import ObjectCommands, PageCommands
from strongroom.tui.requests import Requests
from strongroom.tui.screens.actions import ActionsScreen
from strongroom.tui.screens.configure import ConfigurePage
from strongroom.tui.screens.create_vault import CreateVaultScreen
from strongroom.tui.screens.dashboard import DashboardPage
from strongroom.tui.screens.error import ErrorScreen
from strongroom.tui.screens.help import HelpScreen
from strongroom.tui.screens.job_details import JobScreen
from strongroom.tui.screens.jobs import JobsPage
from strongroom.tui.screens.live import LiveScreen
from strongroom.tui.screens.notifications import NotificationsScreen
from strongroom.tui.screens.policies import PoliciesPage
from strongroom.tui.screens.protected import ProtectedPage
from strongroom.tui.screens.registered import RegisteredPage
from strongroom.tui.screens.vault_list import VaultsScreen
from strongroom.tui.service import InstalledService, ServiceView
from strongroom.tui.themes import THEMES
from strongroom.tui.watcher import Watcher
from strongroom.tui.widgets.tab_bar import TABS

if TYPE_CHECKING:
    from sqlmodel import Session

STYLES = ("base.tcss", "table.tcss", "dashboard.tcss", "details.tcss", "forms.tcss")
SECONDS_BETWEEN_CLOCK_LOOKS = 5.0
FAREWELL = "Jobs go on in the service. Look at them with: strongroom job list"


class StrongroomApp(App[None]):
    """Holds no work: requests go to the engine in threads, rows come from the catalog when its version moves."""

    TITLE = "Strongroom"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {PageCommands, ObjectCommands}  # noqa: RUF012  (Textual's own declaration)
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-short"), (34, "-tall")]  # noqa: RUF012
    NOTIFICATION_TIMEOUT = 6
    MODES: ClassVar[dict[str, Any]] = {
        "dashboard": DashboardPage,
        "registered": RegisteredPage,
        "protected": ProtectedPage,
        "policies": PoliciesPage,
        "jobs": JobsPage,
        "configure": ConfigurePage,
    }
    DEFAULT_MODE = "dashboard"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"tab('{tab.mode}')", tab.label, show=False, id=f"app.tab-{tab.mode}")
            for number, tab in enumerate(TABS, start=1)
        ),
        *bound(
            "app",
            ("left_square_bracket", "next_tab(-1)", "Tab before"),
            ("right_square_bracket", "next_tab(1)", "Next tab"),
            ("question_mark,f1", "show_keys", "Help for this screen"),
            ("colon", "command_palette", "Commands, machines, policies and jobs by name"),
            ("V", "vaults", "Vaults"),
            ("o", "view_job", "Open the job of the last notification"),
            ("exclamation_mark", "notifications", "Notifications"),
            ("z", "pause", "Pause or resume live updates"),
            ("ctrl+z", "suspend_process", "Suspend"),
        ),
    ]

    def __init__(self, context: Context, service: ServiceView | None = None, *, takes_signals: bool = False) -> None:
        css: CSSPathType = [styles_folder() / name for name in STYLES]
        super().__init__(css_path=css)
        self.context = context
        self.service = service or InstalledService(context)
        self.busy = Busy()
        self.requests = Requests(self, context.catalog, self.busy, self.show_error)
        self.watcher = Watcher(context.catalog, self.service, self.post_message)
        self.notices = Notices()
        self.vault: VaultRow | None = None
        self.vault_rows: tuple[VaultRow, ...] = ()
        self.vaults_known = False
        self.service_seen: ServiceSeen | None = None
        self.paused = False
        self.lost: ErrorRecord | None = None
        self.ended_by: int | None = None
        self._following = Following()
        self._takes_signals = takes_signals
        self.animation_level = "none"

    # Life

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        if self._takes_signals:
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self._end_by, number)
        self.read_vaults()
        self.requests.run(self.service.ensure, self._service_ensured)
        self.watcher.start()
        self.set_interval(SECONDS_BETWEEN_CLOCK_LOOKS, self.show_titles)

    def on_unmount(self) -> None:
        self.watcher.stop()

    def _end_by(self, number: int) -> None:
        """A signal ends the application like a key: the terminal is left as it was found."""
        self.ended_by = number
        self.exit(return_code=128 + number)

    def _service_ensured(self, message: str) -> None:
        if message:
            self.say(message)
        self.requests.run(self.watcher.look_at_service)

    # The catalog

    @on(CatalogChanged)
    def _catalog_changed(self) -> None:
        if self._following.any:
            self.requests.read(self._endings, self._say_endings)
        if not self.paused:
            self.read_vaults()

    @on(CatalogLost)
    def _catalog_lost(self, event: CatalogLost) -> None:
        self.lost = event.error
        self.show_titles()
        if event.error is not None:
            self.show_error(event.error)

    @on(ServiceSeen)
    def _service_seen(self, event: ServiceSeen) -> None:
        self.service_seen = event
        self.show_titles()
        if isinstance(self.screen, ConfigurePage):
            self.screen.reload()

    def read_vaults(self) -> None:
        """Ask for the vaults, then let every visible screen ask for its own rows."""
        self.requests.read(lambda session: vaults(session).items, self._vaults_arrived)

    def _vaults_arrived(self, rows: tuple[VaultRow, ...]) -> None:
        chosen = self.vault.vault_id if self.vault else None
        self.vault_rows, self.vaults_known = rows, True
        self.vault = next((row for row in rows if row.vault_id == chosen), rows[0] if rows else None)
        self.show_titles()
        self.reload_visible()

    def reload_visible(self) -> None:
        """What is not on the screen asks again when it comes back to it."""
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen) and (screen is self.screen or self.screen.is_modal):
                screen.reload()

    @property
    def vault_id(self) -> int:
        """The vault in use; 0, which no vault has, while there is none."""
        return self.vault.vault_id if self.vault else 0

    def now(self) -> datetime:
        return self.context.clock.now()

    def new_vault(self) -> None:
        self.push_screen(CreateVaultScreen())

    def choose_vault(self, vault_id: int) -> None:
        """Use another vault from now on."""
        self.vault = next((row for row in self.vault_rows if row.vault_id == vault_id), self.vault)
        self.read_vaults()

    def show_titles(self) -> None:
        """Bring the title of the page in front up to date."""
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen):
                screen.show_title()

    def _endings(self, session: Session) -> list[Ending]:
        return self._following.look(session, self.vault.name if self.vault else "")

    def _say_endings(self, endings: list[Ending]) -> None:
        for ending in endings:
            self.say(ending.text, severity=ending.severity, batch=ending.batch, job_ids=ending.job_ids)

    # What is said

    def say(self, text: str, *, severity: Severity = "information", batch: str = "", job_ids: tuple[int, ...] = ()) -> None:
        """A toast that is kept in the history; with jobs it names the key that opens them."""
        notice = Notice(self.context.clock.now(), severity, text, batch, job_ids)
        self.notices.keep(notice)
        shown = safe_text(text) + ("  [o\u00a0View\u00a0Job]" if notice.has_jobs else "")
        self.notify(shown, severity=severity, markup=False)

    def show_error(self, error: ErrorRecord) -> None:
        """An error of the engine: its code, message and cause, and what to do."""
        parts = (f"{error['code']}: {error['message']}", error["cause"], error["action"])
        self.say(" · ".join(part for part in parts if part), severity="error")

    def submit(self, work: Callable[[], Submitted], words: str) -> None:
        """Make a request in a thread; say ``words`` when its jobs were made, and each refusal with its reason."""
        self.requests.run(work, lambda submitted: self.submitted(submitted, words))

    def submitted(self, submitted: Submitted, words: str) -> None:
        """Say what became of a request, and follow its jobs."""
        self._following.follow(submitted)
        if submitted.job_ids:
            self.say(words, batch=submitted.batch, job_ids=submitted.job_ids)
        if len(submitted.refused) == 1 and not submitted.job_ids:
            self.show_error(submitted.refused[0].error)
        elif submitted.refused:
            self.push_screen(ErrorScreen.of_refusals(submitted.refused))
        self.read_vaults()

    # Keys

    def action_tab(self, mode: str) -> None:
        if mode != self.current_mode:
            self.switch_mode(mode)

    def action_next_tab(self, steps: int) -> None:
        modes = [tab.mode for tab in TABS]
        self.action_tab(modes[(modes.index(self.current_mode) + steps) % len(modes)])

    def action_leave(self) -> None:
        self.exit(message=FAREWELL)

    def action_show_keys(self) -> None:
        self.push_screen(HelpScreen.of(self.screen))

    def action_all_actions(self) -> None:
        screen = self.screen
        if isinstance(screen, LiveScreen):
            self.push_screen(ActionsScreen(screen.command_states()), lambda chosen: screen.action_command(chosen) if chosen else None)

    def action_vaults(self) -> None:
        self.push_screen(VaultsScreen())

    def action_notifications(self) -> None:
        self.push_screen(NotificationsScreen(self.notices.all, self.context.clock.now()), self._open_notice)

    def action_pause(self) -> None:
        self.paused = not self.paused
        self.show_titles()
        if not self.paused:
            self.read_vaults()

    def action_view_job(self) -> None:
        self._open_notice(self.notices.last_with_jobs)

    def _open_notice(self, notice: Notice | None) -> None:
        """One job in its details, several as the list of their batch."""
        if notice is None or not notice.has_jobs:
            return
        if len(notice.job_ids) == 1:
            self.push_screen(JobScreen(notice.job_ids[0]))
        else:
            self.show_jobs(batch=notice.batch)

    def show_jobs(self, **wanted: Any) -> None:
        """Go to Jobs, filtered: any field of ``JobsPage.narrow``."""
        self.action_tab("jobs")
        self.call_after_refresh(self._narrow_jobs, wanted)

    def _narrow_jobs(self, wanted: dict[str, Any]) -> None:
        bottom = self.screen_stack[0]
        if isinstance(bottom, JobsPage):
            while len(self.screen_stack) > 1:
                self.pop_screen()
            bottom.narrow(**wanted)


def _log_to_file(context: Context) -> None:
    """What nobody foresaw is written beside the service's log, never onto the screen."""
    log = context.paths.service_log.with_name("terminal.log")
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = logging.FileHandler(log, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("strongroom.tui")
    logger.addHandler(handler)
    logger.propagate = False


def run_ui(context: Context, operator: str | None = None) -> int:
    """Run the terminal until the operator leaves it. ``operator`` goes into jobs and the audit log. Answers the exit code."""
    mine = replace(context, caller=operator) if operator else context
    _log_to_file(mine)
    app = StrongroomApp(mine, takes_signals=True)
    app.run(mouse=not os.environ.get("SSH_CONNECTION"))
    return app.return_code or 0
