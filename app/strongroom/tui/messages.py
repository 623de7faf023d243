"""What the watcher's thread tells the application."""

from __future__ import annotations

from textual.message import Message

from strongroom.domain.errors import ErrorRecord


class CatalogChanged(Message):
    """Somebody committed: the visible screens ask their read models again."""


class CatalogLost(Message):
    """The catalog cannot be read any more, or (with no error) can be read again."""

    def __init__(self, error: ErrorRecord | None) -> None:
        super().__init__()
        self.error = error


class ServiceSeen(Message):
    """Who leads the installation, in words, and whether anybody does."""

    def __init__(self, *, running: bool, owner: str, message: str) -> None:
        super().__init__()
        self.running = running
        self.owner = owner
        self.message = message
