"""The audit log: one entry in the transaction that makes the change."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from strongroom.catalog.entities import AuditEntry
from strongroom.engine.context import Context


def note(session: Session, context: Context, operation: str, what: str, **detail: Any) -> None:
    """Record that the caller did ``operation`` to ``what``."""
    session.add(AuditEntry(at=context.clock.now(), caller=context.caller, operation=operation, object=what, detail=detail))
