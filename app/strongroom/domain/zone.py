"""Wall-clock time in a zone, and calendar arithmetic on it (feature A8).

One rule turns a wall-clock time into an instant, for schedules and expiries alike: it is the first instant at which the zone's clock reads
that time *or later*. A time inside a spring gap is therefore the end of the gap, and a time that occurs twice in autumn is its first occurrence.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from strongroom.domain.errors import InvalidInput

_NOT_ZONES = ("", "localtime", "posixrules", "Factory")
_NOT_ZONE_FOLDERS = ("right/", "posix/")
_ONE_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo:
    """The IANA zone of that name; ``InvalidInput`` if there is none (names that only mean something on one host count as none)."""
    zone = None if name in _NOT_ZONES or name.startswith(_NOT_ZONE_FOLDERS) else _load(name)
    if zone is None:
        message = f"There is no time zone named {name!r}"
        raise InvalidInput(message, action="Give an IANA name such as Europe/Berlin, America/New_York or UTC.")
    return zone


def _load(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant at which ``zone``'s clock first reads ``wall`` (naive) or later."""
    later = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if wall_of(later, zone) == wall:
        return later
    earlier = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _end_of_gap(earlier, later, zone)


def wall_of(at: datetime, zone: ZoneInfo) -> datetime:
    """What ``zone``'s clock reads at the instant ``at`` (aware), as a naive time."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def add_days(at: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same wall-clock time ``days`` calendar days later, as an instant."""
    return instant_of(wall_of(at, zone) + timedelta(days=days), zone)


def add_months(at: datetime, months: int, zone: ZoneInfo) -> datetime:
    """The same day and wall-clock time ``months`` months later; a day that month does not have becomes its last one."""
    wall = wall_of(at, zone)
    years, month = divmod(wall.month - 1 + months, 12)
    year, month = wall.year + years, month + 1
    day = min(wall.day, monthrange(year, month)[1])
    return instant_of(wall.replace(year=year, month=month, day=day), zone)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The zone's change of clock between two instants on either side of it; changes fall on whole seconds."""
    old_offset = before.astimezone(zone).utcoffset()
    while after - before > _ONE_SECOND:
        middle = before + timedelta(seconds=(after - before) // _ONE_SECOND // 2)
        if middle.astimezone(zone).utcoffset() == old_offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
