"""The one thing that looks at the catalog by itself: a thread that compares a number four times a second."""

from __future__ import annotations

import threading
from collections.abc import Callable

from textual.message import Message

from strongroom.catalog.catalog import Catalog
from strongroom.domain.errors import as_record
from strongroom.tui.messages import CatalogChanged, CatalogLost, ServiceSeen
from strongroom.tui.service import ServiceView

LOOKS_PER_SECOND = 4
SECONDS_BETWEEN_SERVICE_LOOKS = 5.0


class Watcher:
    """Posts ``CatalogChanged`` when the catalog's version moved; ``post`` must be safe to call from any thread."""

    def __init__(self, catalog: Catalog, service: ServiceView, post: Callable[[Message], object]) -> None:
        self._catalog = catalog
        self._service = service
        self._post = post
        self._stop = threading.Event()
        self._looking = threading.Lock()
        self._version: int | None = None
        self._lost = False
        self._seen: ServiceSeen | None = None
        self._thread = threading.Thread(target=self._run, name="catalog-watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for its last look."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def look(self) -> bool:
        """Compare once and post what is new; answers whether anything was. Thread-safe."""
        with self._looking:
            try:
                version = self._catalog.data_version()
            except Exception as error:  # noqa: BLE001  (a thread that dies would leave a screen that only looks alive)
                return self._tell_lost(error)
            moved = version != self._version
            if self._lost or (moved and self._version is not None):
                self._recovered()
                self._post(CatalogChanged())
            self._version = version
            return moved

    def look_at_service(self) -> None:
        """Ask who leads and post the answer when it differs from the last one."""
        try:
            seen = self._service.state()
        except Exception as error:  # noqa: BLE001  (for the same reason)
            seen = ServiceSeen(running=False, owner="", message=as_record(error)["message"])
        last = self._seen
        if last is None or (last.running, last.owner, last.message) != (seen.running, seen.owner, seen.message):
            self._seen = seen
            self._post(seen)

    def _run(self) -> None:
        looks_a_round = int(SECONDS_BETWEEN_SERVICE_LOOKS * LOOKS_PER_SECOND)
        count = 0
        while not self._stop.wait(1 / LOOKS_PER_SECOND if count else 0):
            if count % looks_a_round == 0:
                self.look_at_service()
            self.look()
            count += 1

    def _tell_lost(self, error: Exception) -> bool:
        if self._lost:
            return False
        self._lost = True
        self._post(CatalogLost(as_record(error)))
        return True

    def _recovered(self) -> None:
        if self._lost:
            self._lost = False
            self._post(CatalogLost(None))
