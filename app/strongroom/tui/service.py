"""The service as the terminal sees it: is one running, who leads, and start one if there is none."""

from __future__ import annotations

from typing import Protocol

from strongroom.engine.context import Context
from strongroom.tui.messages import ServiceSeen


class ServiceView(Protocol):
    """The two questions that the terminal asks; both may take a moment and are asked from threads."""

    def state(self) -> ServiceSeen:
        """Who leads now."""
        ...

    def ensure(self) -> str:
        """Start a service in the background unless one runs; what was done, in words, or nothing when one ran already."""
        ...


class InstalledService:
    """The service of the installation in use."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def state(self) -> ServiceSeen:
        from strongroom import bootstrap  # noqa: PLC0415  (the first frame must not wait for the scheduler's libraries)

        found = bootstrap.service_state(self._context)
        return ServiceSeen(running=found.running, owner=found.owner, message=found.message)

    def ensure(self) -> str:
        from strongroom import bootstrap  # noqa: PLC0415

        found = bootstrap.ensure_service(self._context)
        return found.message if found.started or not found.running else ""
