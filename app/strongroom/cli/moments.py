"""Times as operators type them: a date, a date with a time, or a distance such as 30d."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from strongroom.domain.errors import InvalidInput

_DISTANCE = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
HELP = "a date (2026-12-31, its first moment), a time (2026-12-31T22:00, here unless it names a zone) or a distance (90m, 12h, 30d, 4w)"


def in_future(text: str, now: datetime) -> datetime:
    """The moment meant, in UTC; a distance counts forward from ``now``. Raises ``InvalidInput`` if it has passed."""
    moment = _moment(text, now, 1)
    if moment <= now:
        raise InvalidInput(f"{text!r} has passed", action="Give a time to come.")
    return moment


def in_past(text: str, now: datetime) -> datetime:
    """The moment meant, in UTC; a distance counts back from ``now``. Raises ``InvalidInput``."""
    return _moment(text, now, -1)


def _moment(text: str, now: datetime, direction: int) -> datetime:
    distance = _DISTANCE.fullmatch(text.strip())
    try:
        if distance:
            return now + direction * int(distance[1]) * _UNITS[distance[2]]
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is not a time", action=f"Give {HELP}.") from None
