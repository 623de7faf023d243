"""The fields of a daily policy: times, zone, how long points are kept; and what they mean, in words, as they are typed."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from zoneinfo import available_timezones

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from strongroom.domain.errors import InvalidInput
from strongroom.domain.policy import PolicySpec, in_words
from strongroom.domain.preview import preview
from strongroom.domain.retention import RetentionSpec
from strongroom.domain.schedule import Daily
from strongroom.tui.states import Role, line, lines
from strongroom.tui.units import count, short_moment
from strongroom.tui.widgets.field import Field, text_field

_TIERS = (("days", "30"), ("weeks", "12"), ("months", "12"), ("years", ""))


class PolicyFields(Vertical):
    """``spec`` is what is filled in, or ``InvalidInput`` with what is wrong."""

    def __init__(self, now: Callable[[], datetime], spec: PolicySpec | None = None) -> None:
        super().__init__(id="policy-fields")
        self._now = now
        self._old = spec

    def compose(self) -> ComposeResult:
        old = self._old
        times = ", ".join(f"{at:%H:%M}" for at in old.schedule.times) if old else "22:00"
        yield Field("Every day at", text_field("times", times), "HH:MM, several with commas")
        zone = Input(
            old.zone if old else local_zone(),
            compact=True,
            id="zone",
            suggester=SuggestFromList(sorted(available_timezones()), case_sensitive=False),
        )
        yield Field("Time zone", zone, "Europe/Berlin; → completes")
        for tier, usual in _TIERS:
            value = getattr(old.retention, tier) if old else usual
            yield Field(f"Keep {tier}", text_field(tier, str(value) if value else ""))
        yield Static(id="policy-preview")

    def on_mount(self) -> None:
        self._explain()

    @on(Input.Changed)
    def _explain(self) -> None:
        self.query_one("#policy-preview", Static).update(self._words())

    def spec(self) -> PolicySpec:
        """The policy as it stands in the fields; a changed policy keeps what this form does not show."""
        schedule = Daily(tuple(_time(part) for part in self._text("times").split(",") if part.strip()), self._text("zone"))
        counts = {tier: _number(self._text(tier), tier) for tier, _usual in _TIERS}
        old = self._old
        retention = RetentionSpec(**counts, keep_last=old.retention.keep_last if old else 0)
        if old is None:
            return PolicySpec(schedule, retention)
        return PolicySpec(schedule, retention, old.consistency, old.retries, old.start_window_seconds)

    def _words(self) -> Content:
        try:
            spec = self.spec()
        except InvalidInput as error:
            return lines(line((error.message, Role.BAD)), line((error.action, Role.QUIET)))
        now = self._now()
        seen = preview(spec, now, runs=3)
        runs = " · ".join(short_moment(run.due_at, now) for run in seen.next_runs)
        return lines(
            line((in_words(spec), Role.STRONG)),
            line((f"next runs {runs} · about {count(seen.points_when_full, 'point')} for each machine when full", Role.QUIET)),
        )

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()


def _time(text: str) -> time:
    try:
        hours, minutes = text.strip().split(":")
        return time(int(hours), int(minutes))
    except ValueError as error:
        raise InvalidInput(f"«{text.strip()}» is not a time of day", action="Write HH:MM, for example 22:00.") from error


def _number(text: str, tier: str) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit():
        raise InvalidInput(f"Keep {tier} is not a number", action="Write a whole number, or nothing for none.")
    return int(text)


def local_zone() -> str:
    """The IANA name of this machine's zone, as far as it can be told; else UTC."""
    named = os.environ.get("TZ", "")
    if named in available_timezones():
        return named
    parts = Path("/etc/localtime").resolve().parts
    name = "/".join(parts[parts.index("zoneinfo") + 1 :]) if "zoneinfo" in parts else ""
    return name if name in available_timezones() else "UTC"
