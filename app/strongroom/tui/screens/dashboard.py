"""Dashboard (feature A15): counts, the last 24 hours, storage, next runs, what runs now and what wants attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from strongroom.catalog.queries.dashboard import Attention, AttentionKind, Dashboard, dashboard
from strongroom.catalog.queries.jobs import JobRow
from strongroom.catalog.queries.policies import PolicyRow, policies
from strongroom.catalog.queries.sources import sources
from strongroom.domain.policy import PolicySpec
from strongroom.domain.schedule import next_slots
from strongroom.domain.states import LIVE, JobStatus
from strongroom.tui.commands import bound
from strongroom.tui.screens.item_details import ItemScreen
from strongroom.tui.screens.job_details import JobScreen
from strongroom.tui.screens.page import Page
from strongroom.tui.states import Role, line
from strongroom.tui.units import count, short_moment, size
from strongroom.tui.widgets.link_line import LinkLine
from strongroom.tui.widgets.live_pane import LivePane
from strongroom.tui.widgets.note import Note
from strongroom.tui.widgets.table import fitted
from strongroom.tui.widgets.words import Words

if TYPE_CHECKING:
    from sqlmodel import Session

MOST_PANES = 8
MOST_ATTENTIONS = 12
MOST_NEXT_RUNS = 3
_DAY = timedelta(hours=24)
_BAD = frozenset({AttentionKind.DAMAGED, AttentionKind.FAILED})


@dataclass(frozen=True, slots=True)
class DashboardModel:
    """The vault's numbers, its next runs, and whether there is any source at all."""

    numbers: Dashboard
    policies: tuple[PolicyRow, ...]
    sources: int


class Card(Vertical):
    """A caption and a few lines, each of which may lead somewhere."""

    def __init__(self, name: str, caption: str, goals: Iterable[str]) -> None:
        super().__init__(id=f"card-{name}", classes="card")
        self._caption = caption
        self._links = [LinkLine(goal) for goal in goals]

    def compose(self) -> Iterable[Widget]:
        yield Static(line((self._caption, Role.QUIET)), classes="caption")
        yield from self._links

    def show(self, *contents: Content) -> None:
        """One content for each line; lines without one are hidden."""
        for index, link in enumerate(self._links):
            link.display = index < len(contents)
            if index < len(contents):
                link.tell(contents[index])


class DashboardPage(Page[DashboardModel]):
    mode = "dashboard"
    hints = (("enter", "Open"), (":", "Commands"), ("V", "Vaults"), ("!", "Notifications"), ("z", "Pause"))
    BINDINGS: ClassVar[list[BindingType]] = [
        *bound("dashboard", ("down,j", "app.focus_next", "Next"), ("up,k", "app.focus_previous", "Before"), ("n", "new_vault", "New vault"))
    ]

    def __init__(self) -> None:
        super().__init__()
        self._protected = Card("protected", "PROTECTED", ("tab protected", "tab registered", "tab registered"))
        self._recent = Card("recent", "LAST 24 HOURS", ("jobs good", "jobs failed", "jobs live"))
        self._storage = Card("storage", "STORAGE", ("tab configure", "tab configure", "tab configure"))
        self._next = Card("next", "NEXT RUNS", ("tab policies",) * MOST_NEXT_RUNS)
        self._panes = Vertical(id="running")
        self._attention = Vertical(id="attention")
        self._live_caption = Words(classes="caption")
        self._attention_caption = Words(classes="caption")
        self.note = Note()
        self._shown_attention: tuple[Attention, ...] | None = None

    def body(self) -> Iterable[Widget]:
        yield self.note
        with_cards = Container(
            Horizontal(self._protected, self._recent, id="cards-left"), Horizontal(self._storage, self._next, id="cards-right")
        )
        with_cards.id = "cards"
        yield with_cards
        yield VerticalScroll(self._live_caption, self._panes, self._attention_caption, self._attention, id="live", can_focus=False)

    def question(self) -> Callable[[Session], DashboardModel]:
        vault_id, now = self.room.vault_id, self.room.now()
        return lambda session: DashboardModel(
            dashboard(session, vault_id, now=now), policies(session, vault_id).items, sources(session).total
        )

    def show(self, model: DashboardModel) -> None:
        self._show_first_steps(model)
        self._show_cards(model)
        self._show_running(model.numbers.live, model.numbers.in_progress)
        self._show_attention(model.numbers.attention)
        if self.focused is None:
            self._protected.query(LinkLine).first().focus()

    # First run

    def show_without_vault(self) -> None:
        """What to do when nothing is there yet."""
        self.query_one("#cards").display = self.query_one("#live").display = False
        self.note.advise("There is no vault yet. A vault keeps the backups of one region.", [("n", "Make the first vault"), ("?", "Help")])

    def _show_first_steps(self, model: DashboardModel) -> None:
        numbers = model.numbers
        self.query_one("#cards").display = self.query_one("#live").display = True
        if not model.sources:
            self.note.advise("Next: say where machines run.", [("2", "Registered Items, then a: Add source")])
        elif not numbers.registered and not numbers.in_progress:
            key = ("2", "Registered Items, then r: Register") if numbers.discovered else ("2", "Registered Items, then d: Discover")
            self.note.advise(f"Next: register machines; {count(numbers.discovered, 'machine')} discovered.", [key])
        elif not numbers.protected and not numbers.in_progress:
            self.note.advise("Next: protect the registered machines.", [("2", "Registered Items, then p: Protect")])
        else:
            self.note.hide()

    def action_new_vault(self) -> None:
        if self.room.vault is None:
            self.room.new_vault()
        else:
            self.room.action_vaults()

    # The cards

    def _show_cards(self, model: DashboardModel) -> None:
        numbers, now = model.numbers, self.room.now()
        self._protected.show(
            line((f"{numbers.protected:,}", Role.STRONG), f" of {numbers.registered:,} registered"),
            line((f"{numbers.discovered:>3,}", Role.ACCENT if numbers.discovered else Role.QUIET), (" discovered, new", Role.QUIET)),
            line((f"{numbers.without_policy:>3,}", Role.WARN if numbers.without_policy else Role.QUIET), (" without a policy", Role.QUIET)),
        )
        self._recent.show(
            line(("✓", Role.GOOD), (f" {numbers.successful:>3,}", Role.STRONG), " Successful"),
            line(("✗", Role.BAD if numbers.failed else Role.QUIET), (f" {numbers.failed:>3,}", Role.STRONG), " Failed"),
            line(("◐", Role.LIVE if numbers.in_progress else Role.QUIET), (f" {numbers.in_progress:>3,}", Role.STRONG), " In progress"),
        )
        free = self.room.vault.free_bytes if self.room.vault else None
        saved = f", {numbers.saved_ratio:.0%} saved" if numbers.saved_ratio is not None and numbers.saved_ratio > 0 else ""
        points = count(numbers.points, "point")
        self._storage.show(
            line((size(numbers.used_bytes), Role.STRONG), f" used{saved}"),
            line((f"{size(numbers.protected_bytes)} protected", Role.QUIET)),
            line((f"{points} · {size(free)} free" if free is not None else points, Role.QUIET)),
        )
        self._next.show(*_next_runs(model.policies, now))

    # What runs, and what wants attention

    def _show_running(self, live: tuple[JobRow, ...], total: int) -> None:
        more = f"{min(len(live), MOST_PANES)} of {total}" if total > MOST_PANES else f"{total}"
        self._live_caption.tell(line(("RUNNING  ", Role.QUIET), (more if live else "nothing", Role.QUIET)))
        shown = live[:MOST_PANES]
        panes = {pane.goal: pane for pane in self._panes.query(LivePane)}
        wanted = [f"job {job.job_id}" for job in shown]
        if list(panes) != wanted:
            self._rebuild_panes(panes, shown)
            panes = {pane.goal: pane for pane in self._panes.query(LivePane)}
        now = self.room.now()
        for job in shown:
            pane = panes.get(f"job {job.job_id}")
            if pane is not None:
                pane.show(job, now, self.size.width - 6)

    def _rebuild_panes(self, panes: dict[str, LivePane], shown: tuple[JobRow, ...]) -> None:
        """Panes of ended jobs go, new ones come at the end; a pane that stays keeps the focus."""
        wanted = {f"job {job.job_id}" for job in shown}
        for goal, pane in panes.items():
            if goal not in wanted:
                pane.remove()
        self._panes.mount_all(LivePane(job.job_id) for job in shown if f"job {job.job_id}" not in panes)

    def _show_attention(self, attention: tuple[Attention, ...]) -> None:
        self._attention_caption.tell(line(("ATTENTION  ", Role.QUIET), (str(len(attention)) if attention else "nothing", Role.QUIET)))
        if attention == self._shown_attention:
            return
        self._shown_attention = attention
        had_focus = self.focused is not None and self.focused.parent is self._attention
        self._attention.remove_children()
        links = [LinkLine(_goal(one), _attention_line(one)) for one in attention[:MOST_ATTENTIONS]]
        self._attention.mount_all(links)
        if had_focus and links:
            links[0].focus()

    @on(LinkLine.Opened)
    def _open(self, event: LinkLine.Opened) -> None:
        kind, _, what = event.goal.partition(" ")
        match kind:
            case "tab":
                self.room.action_tab(what)
            case "item":
                self.app.push_screen(ItemScreen(int(what)))
            case "job":
                self.app.push_screen(JobScreen(int(what)))
            case "jobs":
                self._open_jobs(what)

    def _open_jobs(self, what: str) -> None:
        since = self.room.now() - _DAY
        match what:
            case "good":
                good = frozenset({JobStatus.COMPLETED, JobStatus.WARNINGS})
                self.room.show_jobs(statuses=good, ended_since=since, words="Successful, last 24 h")
            case "failed":
                self.room.show_jobs(statuses=frozenset({JobStatus.FAILED}), ended_since=since, words="Failed, last 24 h")
            case "live":
                self.room.show_jobs(statuses=LIVE, words="In progress")


def _next_runs(rows: tuple[PolicyRow, ...], now: datetime) -> list[Content]:
    upcoming = []
    for row in rows:
        slots = next_slots(PolicySpec.from_json(row.spec).schedule, now, 1) if row.machines else []
        upcoming += [(slot.due_at, row) for slot in slots]
    upcoming.sort(key=lambda pair: (pair[0], pair[1].name))
    found = [
        line((f"{short_moment(due_at, now):<10}", Role.STRONG), fitted(row.name, 10).strip(), (f" ({row.machines:,})", Role.QUIET))
        for due_at, row in upcoming[:MOST_NEXT_RUNS]
    ]
    return found or [line(("nothing is scheduled", Role.QUIET))]


def _attention_line(one: Attention) -> Content:
    bad = one.kind in _BAD
    return line(("✗ " if bad else "! ", Role.BAD if bad else Role.WARN), one.text)


def _goal(one: Attention) -> str:
    if one.job_id is not None:
        return f"job {one.job_id}"
    return f"item {one.item_id}" if one.item_id is not None else "tab configure"
