"""One of several services on a catalog, as a process of its own, in a time that runs 3,600 times faster than the machine's.

Arguments: the catalog, the instant (seconds since the epoch) at which the fast clock began, the TTL, and a name to lead under instead of its
own («-» for its own), which makes the others judge it by its counter.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from strongroom.catalog.catalog import Catalog
from strongroom.scheduler.lease import Lease
from strongroom.scheduler.scheduler import Scheduler
from tests.unit.scheduler.installation import Installation

SPEED = 3600
EPOCH = datetime(2026, 3, 28, 20, tzinfo=UTC)


class FastClock:
    """An hour a second since ``began``; the monotonic clock stays the machine's, because leases are renewed in real seconds."""

    def __init__(self, began: float) -> None:
        self._began = began

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=(time.time() - self._began) * SPEED)

    def monotonic(self) -> float:
        return time.monotonic()


def main(catalog_path: str, began: str, ttl: str, name: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    clock = FastClock(float(began))
    installation = Installation.__new__(Installation)
    installation.clock = clock  # type: ignore[assignment]  # only its now() is asked for
    catalog = Catalog.open(Path(catalog_path))
    lease = Lease(catalog, clock, ttl_seconds=float(ttl), owner="" if name == "-" else f"{name}:boot/1:{os.getpid()}:1")
    scheduler = Scheduler(catalog, installation.submit, clock, lease, refresh_seconds=0.05)
    while True:
        if lease.acquire():
            print(f"leads {lease.token}", flush=True)
            scheduler.start()
            while lease.renew():
                time.sleep(0.05)
            scheduler.stop()
        time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
