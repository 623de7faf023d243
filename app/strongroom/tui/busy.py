"""One counter of everything under way, so that a test can wait for the screen to be true instead of sleeping."""

from __future__ import annotations


class Busy:
    """How many requests and readings have begun and not yet been shown. Only the event loop's thread touches it."""

    def __init__(self) -> None:
        self._under_way = 0

    def begin(self) -> None:
        self._under_way += 1

    def end(self) -> None:
        self._under_way -= 1

    @property
    def idle(self) -> bool:
        return self._under_way == 0
