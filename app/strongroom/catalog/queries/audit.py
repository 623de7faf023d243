"""The audit log, newest first (feature B5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session

from strongroom.catalog.queries.page import FIRST, Key, Listing, Page, page_of
from strongroom.catalog.queries.tables import AUDIT, number


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what to which object, and when."""

    entry_id: int
    at: datetime
    caller: str
    operation: str
    object: str
    detail: dict[str, Any]


def audit(session: Session, *, page: Page = FIRST) -> Listing[AuditRow]:
    """Audit entries in the order in which they were written, newest first."""
    columns = (AUDIT.c.id, AUDIT.c.at, AUDIT.c.caller, AUDIT.c.operation, AUDIT.c.object, AUDIT.c.detail)
    rows, following = page_of(session, select(*columns), (Key(AUDIT.c.id, descending=True),), page)
    found = tuple(AuditRow(row.id, row.at, row.caller, row.operation, row.object, row.detail) for row in rows)
    return Listing(found, following, number(session, select(func.count()).select_from(AUDIT)))
