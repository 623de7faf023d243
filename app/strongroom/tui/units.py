"""Sizes, times and durations as people read them: binary units, local time with its zone, «4 min 12 s»."""

from __future__ import annotations

from datetime import datetime, timedelta

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_FOUR_DIGITS, _THREE_DIGITS, _TENTHS_BELOW = 1000, 100, 10
NOTHING = "–"
"""What stands where there is no value."""


def size(count_bytes: float | None) -> str:
    """«412 MiB», «9.4 GiB»: at most three digits before the unit, one after the point below a hundred."""
    if count_bytes is None:
        return NOTHING
    value, unit = float(count_bytes), 0
    while value >= _FOUR_DIGITS and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    digits = 1 if unit and value < _THREE_DIGITS else 0
    return f"{value:.{digits}f} {_UNITS[unit]}"


def rate(bytes_per_second: float) -> str:
    """«412 MiB/s»."""
    return f"{size(bytes_per_second)}/s"


def duration(seconds: float | None) -> str:
    """«2.1 s», «4 min 12 s», «3 h 04 min», «2 d 5 h»."""
    if seconds is None:
        return NOTHING
    if seconds < _TENTHS_BELOW:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def ago(then: datetime | None, now: datetime) -> str:
    """«6 h ago», in one unit: how old something is, not when it was."""
    if then is None:
        return "never"
    seconds = max(0, (now - then).total_seconds())
    for length, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {word} ago"
    return "just now"


def moment(at: datetime | None) -> str:
    """«2026-11-22 12:00:06 CET», local."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if at else NOTHING


def minute(at: datetime | None) -> str:
    """«2026-11-22 12:00 CET», local."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M %Z") if at else NOTHING


def short_moment(at: datetime | None, now: datetime) -> str:
    """As short as it can be said: «12:00» today, «Sun 06:00» within a week, «12 Nov» this year, «12 Nov 2025» before."""
    if at is None:
        return NOTHING
    local, today = at.astimezone(), now.astimezone()
    if local.date() == today.date():
        return local.strftime("%H:%M")
    if abs(local.date() - today.date()) < timedelta(days=7):
        return local.strftime("%a %H:%M")
    return local.strftime("%d %b") if local.year == today.year else local.strftime("%d %b %Y")


def count(number: int, noun: str, plural: str = "") -> str:
    """«1 machine», «3 machines», «12,431 jobs»."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
