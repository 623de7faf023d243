"""Sources and how their last discovery went (feature A3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlmodel import Session

from strongroom.catalog.queries.page import FIRST, Key, Listing, Page, page_of
from strongroom.catalog.queries.tables import JOB, MACHINE, SOURCE, fetch, number
from strongroom.domain.states import LIVE, WorkloadType


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source; ``machines`` counts those that the last discovery saw, ``vanished`` those that it missed.

    ``live_job_id`` is the discovery that waits or runs now, if any.
    """

    source_id: int
    uid: str
    address: str
    region: str
    workload_type: WorkloadType
    added_at: datetime
    discovered_at: datetime | None
    machines: int
    vanished: int
    live_job_id: int | None


def sources(session: Session, *, page: Page = FIRST) -> Listing[SourceRow]:
    """All sources by address."""
    rows, following = page_of(session, _statement(), (Key(SOURCE.c.address),), page)
    return Listing(tuple(_source_row(row) for row in rows), following, number(session, select(func.count()).select_from(SOURCE)))


def find_source(session: Session, address: str) -> SourceRow | None:
    """The source of exactly that address; None if there is none."""
    found = fetch(session, _statement().where(SOURCE.c.address == address))
    return _source_row(found[0]) if found else None


def _statement() -> Select[Any]:
    machines = select(func.count()).select_from(MACHINE).where(MACHINE.c.source_id == SOURCE.c.id)
    live = select(func.max(JOB.c.id)).where(JOB.c.source_id == SOURCE.c.id, JOB.c.status.in_(sorted(LIVE)))
    return select(
        SOURCE.c.id,
        SOURCE.c.uid,
        SOURCE.c.address,
        SOURCE.c.region,
        SOURCE.c.workload_type,
        SOURCE.c.added_at,
        SOURCE.c.discovered_at,
        machines.where(MACHINE.c.vanished_at.is_(None)).scalar_subquery().label("machines"),
        machines.where(MACHINE.c.vanished_at.is_not(None)).scalar_subquery().label("vanished"),
        live.scalar_subquery().label("live_job_id"),
    )


def _source_row(row: Any) -> SourceRow:
    return SourceRow(
        source_id=row.id,
        uid=row.uid,
        address=row.address,
        region=row.region,
        workload_type=row.workload_type,
        added_at=row.added_at,
        discovered_at=row.discovered_at,
        machines=row.machines,
        vanished=row.vanished,
        live_job_id=row.live_job_id,
    )
