"""The command palette: commands of the screen in front, pages, vaults; and machines, policies and jobs by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from strongroom.catalog.queries.jobs import JobFilter, JobRow, jobs
from strongroom.catalog.queries.page import Page
from strongroom.catalog.queries.policies import policies
from strongroom.catalog.queries.protected import ProtectedRow, protected
from strongroom.domain.text import safe_text
from strongroom.tui.commands import key_name
from strongroom.tui.screens.item_details import ItemScreen
from strongroom.tui.screens.job_details import JobScreen
from strongroom.tui.states import styled
from strongroom.tui.widgets.tab_bar import TABS

if TYPE_CHECKING:
    from strongroom.tui.app import StrongroomApp

_FEW = Page(limit=8)
Found = tuple[str, str, Callable[[], None]]


def _room(provider: Provider) -> StrongroomApp:
    app: Any = provider.app
    found: StrongroomApp = app
    return found


class PageCommands(Provider):
    """What can be done here, and where one can go."""

    def _all(self) -> Iterable[Found]:
        room, screen = _room(self), cast("Any", self.screen)
        for command, why in getattr(screen, "command_states", list)():
            key = f" · {key_name(command.key)}" if command.key else ""
            yield command.label, f"{command.help}{key}" if not why else f"not now: {why}", partial(screen.action_command, command.id)
        for number, tab in enumerate(TABS, start=1):
            yield tab.label, f"Go to this page · {number}", partial(room.action_tab, tab.mode)
        yield "Theme", "Change the colours", room.action_change_theme
        yield "Keys", "Help for this screen", room.action_show_keys
        for vault in room.vault_rows:
            yield f"Vault {safe_text(vault.name)}", "Use this vault", partial(room.choose_vault, vault.vault_id)

    async def discover(self) -> Hits:
        for label, words, run in self._all():
            yield DiscoveryHit(styled(label), run, text=label, help=words)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for label, words, run in self._all():
            score = matcher.match(label)
            if score > 0:
                yield Hit(score, styled(label), run, text=label, help=words)


class ObjectCommands(Provider):
    """Machines, policies and jobs whose name contains what was typed."""

    async def search(self, query: str) -> Hits:
        if len(query) < 2:  # noqa: PLR2004  (one letter finds everything)
            return
        for label, words, run in await asyncio.to_thread(self._find, query):
            yield Hit(0.5, styled(label), run, text=label, help=words)

    def _find(self, query: str) -> list[Found]:
        room, vault_id = _room(self), _room(self).vault_id
        with room.context.catalog.read() as session:
            items = protected(session, vault_id, text=query, page=_FEW).items
            rules = policies(session, vault_id, text=query, page=_FEW).items
            work = jobs(session, JobFilter(vault_id=vault_id, text=query), page=_FEW).items
        found: list[Found] = [(_name(item), "Protected machine", partial(_open_item, room, item.item_id)) for item in items]
        found += [(safe_text(rule.name), "Policy", partial(room.action_tab, "policies")) for rule in rules]
        found += [(_title(job), job.status.value, partial(_open_job, room, job.job_id)) for job in work]
        return found


def _name(item: ProtectedRow) -> str:
    return f"{safe_text(item.cloud_service)}/{safe_text(item.name)}"


def _title(job: JobRow) -> str:
    return f"Job {job.job_id}: {job.operation.value} {safe_text(job.workload_name)}"


def _open_item(room: StrongroomApp, item_id: int) -> None:
    room.push_screen(ItemScreen(item_id))


def _open_job(room: StrongroomApp, job_id: int) -> None:
    room.push_screen(JobScreen(job_id))
