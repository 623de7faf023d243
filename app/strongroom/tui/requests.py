"""Engine calls and readings, each in a thread: the event loop only ever begins them and shows what came of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App

from strongroom.domain.errors import ErrorRecord, StrongroomError, as_record
from strongroom.tui.busy import Busy

if TYPE_CHECKING:
    from sqlmodel import Session

    from strongroom.catalog.catalog import Catalog

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
Failed = Callable[[ErrorRecord], object]


class Requests:
    """Runs work in threads for one application. A request that raises never ends the application: ``failed`` gets the error as data."""

    def __init__(self, app: App[Any], catalog: Catalog, busy: Busy, failed: Failed) -> None:
        self._app = app
        self._catalog = catalog
        self._busy = busy
        self._failed = failed

    def run(self, work: Callable[[], T], done: Callable[[T], object] | None = None, failed: Failed | None = None) -> None:
        """Call ``work`` in a thread, then ``done`` with its answer (or ``failed``) on the event loop."""
        self._busy.begin()
        self._app.run_worker(self._carry(work, done, failed or self._failed), group="requests", exit_on_error=False)

    def read(self, query: Callable[[Session], T], done: Callable[[T], object], failed: Failed | None = None) -> None:
        """Ask the catalog in one short session, in a thread."""

        def work() -> T:
            with self._catalog.read() as session:
                return query(session)

        self.run(work, done, failed)

    async def _carry(self, work: Callable[[], T], done: Callable[[T], object] | None, failed: Failed) -> None:
        try:
            answer = await asyncio.to_thread(work)
            if done is not None:
                done(answer)
        except Exception as error:  # noqa: BLE001  (whatever it was, the operator sees it and the screen stays)
            if not isinstance(error, StrongroomError):
                _LOG.exception("a request failed unforeseen")
            failed(as_record(error))
        finally:
            self._busy.end()
