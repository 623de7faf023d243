"""From plain counters to progress records: rate, time left, thinned to a few a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from strongroom.domain.progress import RECORDS_PER_SECOND, Progress

_SMOOTHING = 0.3
"""Weight of the newest interval in the rate that is shown."""


class Counted(Protocol):
    """Plain integers that the work moves and the meter only reads."""

    total_bytes: int
    done_bytes: int
    read_bytes: int
    new_bytes: int
    stored_bytes: int


class Meter:
    """Samples ``counted`` on its own thread while the context lasts and hands records to ``send``, the last one at the end."""

    def __init__(self, phase: str, counted: Counted, send: Callable[[Progress], None], *, total_bytes: int = 0) -> None:
        """``total_bytes`` is the least that the whole comes to, where that is known before ``counted`` has met all of it."""
        self._phase = phase
        self._total_bytes = total_bytes
        self._counted = counted
        self._send = send
        self._ended = threading.Event()
        self._rate = 0.0
        self._before = (time.monotonic(), counted.done_bytes)
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._send(self._sample())

    def _run(self) -> None:
        while not self._ended.wait(1 / RECORDS_PER_SECOND):
            self._send(self._sample())

    def _sample(self) -> Progress:
        counted, now = self._counted, time.monotonic()
        done, total = counted.done_bytes, max(counted.total_bytes, self._total_bytes)
        seconds = max(now - self._before[0], 1e-3)
        newest = (done - self._before[1]) / seconds
        self._rate = newest if not self._rate else self._rate + _SMOOTHING * (newest - self._rate)
        self._before = (now, done)
        left = (total - done) / self._rate if self._rate > 0 else None
        return Progress(
            phase=self._phase,
            total_bytes=total,
            done_bytes=done,
            read_bytes=counted.read_bytes,
            new_bytes=counted.new_bytes,
            stored_bytes=counted.stored_bytes,
            bytes_per_second=self._rate,
            remaining_seconds=left,
        )
