"""Everything that was said in a toast, so that it can be read again and its job opened."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Severity = Literal["information", "warning", "error"]
MOST_NOTICES = 200


@dataclass(frozen=True, slots=True)
class Notice:
    """One toast; ``batch`` and ``job_ids`` name what View Job opens, if anything."""

    at: datetime
    severity: Severity
    text: str
    batch: str = ""
    job_ids: tuple[int, ...] = ()

    @property
    def has_jobs(self) -> bool:
        return bool(self.batch or self.job_ids)


class Notices:
    """The last of them, newest first."""

    def __init__(self) -> None:
        self._kept: deque[Notice] = deque(maxlen=MOST_NOTICES)

    def keep(self, notice: Notice) -> None:
        self._kept.appendleft(notice)

    @property
    def all(self) -> tuple[Notice, ...]:
        return tuple(self._kept)

    @property
    def last_with_jobs(self) -> Notice | None:
        """What ``o`` opens."""
        return next((notice for notice in self._kept if notice.has_jobs), None)
