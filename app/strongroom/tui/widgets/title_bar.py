"""The first line of every screen: the vault in use on the left, who leads and what time it is on the right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from strongroom.catalog.queries.vaults import VaultRow
from strongroom.tui.messages import ServiceSeen
from strongroom.tui.states import Role, line
from strongroom.tui.units import size
from strongroom.tui.widgets.columns import WIDE_FROM
from strongroom.tui.widgets.table import fitted

_HOST_CELLS = 8


@dataclass(frozen=True, slots=True)
class TitleFacts:
    """What the title tells; ``lost`` means that the rows below may be old."""

    vault: VaultRow | None
    service: ServiceSeen | None
    now: datetime
    vaults_known: bool
    paused: bool
    lost: bool


class TitleBar(Horizontal):
    """Two texts, one at either end; painted only when they differ."""

    def __init__(self) -> None:
        super().__init__(id="title")
        self._left = Static(id="title-left")
        self._right = Static(id="title-right")
        self._shown: tuple[Content, Content] | None = None

    def compose(self) -> ComposeResult:
        yield self._left
        yield self._right

    def show(self, facts: TitleFacts) -> None:
        wide = self.app.size.width >= WIDE_FROM
        parts = (line(("Strongroom", Role.ACCENT), " ▏") + _place(facts, wide=wide), _state(facts, wide=wide))
        if parts != self._shown:
            self._shown = parts
            self._left.update(parts[0])
            self._right.update(parts[1])


def _place(facts: TitleFacts, *, wide: bool) -> Content:
    vault = facts.vault
    if vault is None:
        return line(("no vault yet" if facts.vaults_known else "", Role.QUIET))
    free = f" · {size(vault.free_bytes)} free" if wide and vault.free_bytes is not None else ""
    return line((vault.name, Role.STRONG), (f" · {vault.region}{free}", Role.QUIET))


def _state(facts: TitleFacts, *, wide: bool) -> Content:
    warnings = [("catalog unreachable  ", Role.BAD)] if facts.lost else []
    warnings += [("paused · z resumes  ", Role.WARN)] if facts.paused else []
    clock = facts.now.astimezone().strftime("  %H:%M %Z" if wide else "  %H:%M")
    return line(*warnings) + _service(facts.service, wide=wide) + line((clock, Role.QUIET))


def _service(seen: ServiceSeen | None, *, wide: bool) -> Content:
    if seen is None:
        return line(("○", Role.QUIET))
    if not seen.running:
        return line(("no service ○", Role.BAD))
    host = seen.owner.split(":", 1)[0]
    return line((f"service {host} " if wide else f"{fitted(host, _HOST_CELLS).strip()} ", Role.QUIET), ("●", Role.GOOD))
