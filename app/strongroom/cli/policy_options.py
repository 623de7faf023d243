"""A policy's rules as options of the command line, and back: ``create`` and ``edit`` share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from strongroom.domain.errors import InvalidInput
from strongroom.domain.policy import ConsistencyWish
from strongroom.domain.schedule import Ordinal, Weekday

_WHEN = "When"
_KEEP = "How long"

TimeZoneOption = Annotated[
    str | None, typer.Option("--time-zone", metavar="ZONE", help="IANA zone (default: this host's).", rich_help_panel=_WHEN)
]
HourlyOption = Annotated[
    int | None, typer.Option("--hourly-every", metavar="HOURS", help="Every 1, 2, 4, 6, 8 or 12 hours.", rich_help_panel=_WHEN)
]
FromOption = Annotated[str | None, typer.Option("--from", metavar="HH:MM", help="Start of the hourly window.", rich_help_panel=_WHEN)]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="HH:MM", help="End of the hourly window.", rich_help_panel=_WHEN)]
DailyOption = Annotated[
    list[str] | None, typer.Option("--daily-at", metavar="HH:MM", help="Every day at this time; may be repeated.", rich_help_panel=_WHEN)
]
AtOption = Annotated[
    list[str] | None,
    typer.Option("--at", metavar="HH:MM", help="Time for --weekly-on and --monthly-…; may be repeated.", rich_help_panel=_WHEN),
]
WeeklyOption = Annotated[
    list[Weekday] | None,
    typer.Option("--weekly-on", case_sensitive=False, help="Every week on this day; may be repeated.", rich_help_panel=_WHEN),
]
MonthlyDayOption = Annotated[
    list[int] | None,
    typer.Option("--monthly-on-day", metavar="DAY", help="Every month on this day, 1-31; may be repeated.", rich_help_panel=_WHEN),
]
MonthlyWeekdayOption = Annotated[
    str | None,
    typer.Option(
        "--monthly-on", metavar="ORDINAL-WEEKDAY", help="Every month, for example first-sunday or last-friday.", rich_help_panel=_WHEN
    ),
]
KeepDaysOption = Annotated[
    int | None, typer.Option("--keep-days", metavar="N", min=0, help="Keep every point so many days.", rich_help_panel=_KEEP)
]
KeepWeeksOption = Annotated[
    int | None, typer.Option("--keep-weeks", metavar="N", min=0, help="Keep a week's first point so many weeks.", rich_help_panel=_KEEP)
]
KeepMonthsOption = Annotated[
    int | None, typer.Option("--keep-months", metavar="N", min=0, help="… a month's first, so many months.", rich_help_panel=_KEEP)
]
KeepYearsOption = Annotated[
    int | None, typer.Option("--keep-years", metavar="N", min=0, help="… a year's first, so many years.", rich_help_panel=_KEEP)
]
KeepLastOption = Annotated[
    int | None, typer.Option("--keep-last", metavar="N", min=0, help="Never fewer than so many points.", rich_help_panel=_KEEP)
]
ConsistencyOption = Annotated[
    ConsistencyWish | None, typer.Option("--consistency", case_sensitive=False, help="What the points must be (default: any).")
]
AttemptsOption = Annotated[
    int | None, typer.Option("--attempts", metavar="N", help="How often a backup is tried (default: the installation's setting).")
]
StartWindowOption = Annotated[
    int | None, typer.Option("--start-window-hours", metavar="HOURS", help="How late a missed run may start (default: however late).")
]


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """The options about when, as given; at most one kind of schedule may be among them."""

    zone: str | None
    hourly: int | None
    window_from: str | None
    window_until: str | None
    daily: list[str] | None
    at: list[str] | None
    weekly: list[Weekday] | None
    monthly_days: list[int] | None
    monthly_weekday: str | None

    def record(self, former: dict[str, Any] | None = None) -> dict[str, Any]:
        """The schedule's JSON record; what was not given stays as it was in ``former``. Raises ``InvalidInput``."""
        zone = self.zone or (former or {}).get("zone") or host_zone()
        kinds = [kind for kind in (self._hourly(), self._daily(), self._weekly(), self._monthly_days(), self._monthly_weekday()) if kind]
        if len(kinds) > 1:
            raise InvalidInput(
                "A policy has one kind of schedule", action="Give one of --hourly-every, --daily-at, --weekly-on, --monthly-…."
            )
        if not kinds and former is None:
            raise InvalidInput("When should the policy run?", action="For example: --daily-at 22:00")
        self._refuse_stray(kinds[0]["kind"] if kinds else "")
        return {**(kinds[0] if kinds else former or {}), "zone": zone}

    def _refuse_stray(self, kind: str) -> None:
        if kind != "hourly" and (self.window_from or self.window_until):
            raise InvalidInput("--from and --until belong to --hourly-every")
        if kind not in {"weekly", "monthly"} and self.at:
            raise InvalidInput("--at belongs to --weekly-on and --monthly-…", action="Every day: --daily-at HH:MM")

    def _hourly(self) -> dict[str, Any]:
        if self.hourly is None:
            return {}
        window = {"from": self.window_from, "until": self.window_until}
        return {"kind": "hourly", "every_hours": self.hourly, **{key: value for key, value in window.items() if value}}

    def _daily(self) -> dict[str, Any]:
        return {"kind": "daily", "times": self.daily} if self.daily else {}

    def _weekly(self) -> dict[str, Any]:
        return {"kind": "weekly", "weekdays": [day.value for day in self.weekly], "times": self._times()} if self.weekly else {}

    def _monthly_days(self) -> dict[str, Any]:
        return {"kind": "monthly", "days": self.monthly_days, "times": self._times()} if self.monthly_days else {}

    def _monthly_weekday(self) -> dict[str, Any]:
        if not self.monthly_weekday:
            return {}
        ordinal, _, weekday = self.monthly_weekday.lower().partition("-")
        if ordinal not in list(Ordinal) or weekday not in list(Weekday):
            raise InvalidInput(f"{self.monthly_weekday!r} is no day of a month", action="For example: --monthly-on last-friday")
        return {"kind": "monthly", "ordinal": ordinal, "weekdays": [weekday], "times": self._times()}

    def _times(self) -> list[str]:
        if not self.at:
            raise InvalidInput("At what time?", action="Add --at HH:MM")
        return self.at


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """The options about everything but when, as given."""

    days: int | None
    weeks: int | None
    months: int | None
    years: int | None
    last: int | None
    consistency: ConsistencyWish | None
    attempts: int | None
    start_window_hours: int | None

    def record(self, former: dict[str, Any] | None = None) -> dict[str, Any]:
        """A policy's JSON record without its schedule; what was not given stays as it was in ``former``."""
        old = former or {}
        given = {"days": self.days, "weeks": self.weeks, "months": self.months, "years": self.years, "keep_last": self.last}
        kept = {**old.get("retention", {}), **{tier: count for tier, count in given.items() if count is not None}}
        if former is None and not any(kept.values()):
            raise InvalidInput("How long should points be kept?", action="For example: --keep-days 30")
        retries = dict(old.get("retries", {}))
        if self.attempts is not None:
            retries["attempts"] = self.attempts
        window = self.start_window_hours * 3600 if self.start_window_hours is not None else old.get("start_window_seconds")
        wish = self.consistency.value if self.consistency else old.get("consistency", ConsistencyWish.ANY.value)
        return {"retention": kept, "consistency": wish, "retries": retries, "start_window_seconds": window}


def host_zone() -> str:
    """This host's IANA zone: ``TZ``, or where /etc/localtime leads; UTC where neither tells."""
    import os
    from pathlib import Path

    named = os.environ.get("TZ", "").lstrip(":")
    if named and not named.startswith("/"):
        return named
    _, found, zone = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")
    return zone.removeprefix("posix/") if found else "UTC"
