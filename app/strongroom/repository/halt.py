"""How the threads of one session end together: the first failure, wherever it happens, stops them all and is what the caller sees."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final, TypeVar

Item = TypeVar("Item")
POLL_SECONDS: Final = 0.1  # how late, at most, a wait notices a cancellation


class Halt:
    """Set once, by the first error; ``check`` is the caller's own reason to stop (it raises ``Cancelled``)."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._event = threading.Event()
        self._guard = threading.Lock()
        self._error: BaseException | None = None

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def fail(self, error: BaseException) -> None:
        """Stop everybody because of ``error``."""
        with self._guard:
            self._error = self._error or error
            self._event.set()

    def stop(self) -> None:
        """Stop everybody without a reason of ours."""
        self._event.set()

    def look(self) -> None:
        """Raise the first error of any thread, or the caller's own reason. For the caller's thread."""
        if self._error is not None:
            raise self._error
        self._check()

    def wait_for(self, source: queue.SimpleQueue[Item]) -> Item:
        """The next item; looks up while it waits. For the caller's thread."""
        while True:
            self.look()
            try:
                return source.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue

    def join(self, thread: threading.Thread) -> None:
        """Wait for a thread that was told to end; looks up while it waits. For the caller's thread."""
        while thread.is_alive():
            self.look()
            thread.join(POLL_SECONDS)
        self.look()
