"""Numbers and times as people read them; programs read ``--json``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024
_MINUTE_SECONDS = 60
_HOUR_SECONDS = 3600
_DAY_SECONDS = 86_400


def size(count_bytes: int | None) -> str:
    """``1536`` → «1.5 KiB»; unknown is a dash."""
    if count_bytes is None:
        return "-"
    amount, unit = float(count_bytes), 0
    while abs(amount) >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{count_bytes} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def duration(seconds: float | None) -> str:
    """``75.2`` → «1 m 15 s»; unknown is a dash."""
    if seconds is None:
        return "-"
    whole = int(max(0.0, seconds))
    if whole < _MINUTE_SECONDS:
        return f"{max(0.0, seconds):.1f} s"
    if whole < _HOUR_SECONDS:
        return f"{whole // _MINUTE_SECONDS} m {whole % _MINUTE_SECONDS} s"
    if whole < _DAY_SECONDS:
        return f"{whole // _HOUR_SECONDS} h {whole % _HOUR_SECONDS // _MINUTE_SECONDS} m"
    return f"{whole // _DAY_SECONDS} d {whole % _DAY_SECONDS // _HOUR_SECONDS} h"


def local_time(moment: datetime | None) -> str:
    """A time in the caller's own zone, to the second; unknown is a dash."""
    return "-" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def percent(ratio: float | None) -> str:
    """``0.618`` → «62 %»; unknown is a dash."""
    return "-" if ratio is None else f"{ratio * 100:.0f} %"


def word(value: Any) -> str:
    """Anything else in one cell: yes and no, lists with commas, nothing as a dash."""
    if value is None or value in ("", (), [], {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return local_time(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(word(entry) for entry in value)
    return str(getattr(value, "value", value))
