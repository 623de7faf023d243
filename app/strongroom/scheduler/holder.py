"""Who leads, as clients ask: TUI and command line show it, and start a service when there is none."""

from __future__ import annotations

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Lease as LeaseRow
from strongroom.scheduler.owner import Life, life_of

SERVICE = "service"


def holder_of(catalog: Catalog) -> str | None:
    """The owner of the service's lease unless it is surely dead; one on another host is believed."""
    with catalog.read() as session:
        row = session.get(LeaseRow, SERVICE)
        owner = row.owner if row else ""
    return owner if owner and life_of(owner) is not Life.DEAD else None
