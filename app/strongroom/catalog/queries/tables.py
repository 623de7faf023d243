"""The entities' tables for statements that name columns only, so that no entity leaves a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Executable
from sqlmodel import Session, SQLModel

import strongroom.catalog.entities  # noqa: F401  (defines the tables)

_TABLES = SQLModel.metadata.tables

AUDIT = _TABLES["auditentry"]
ITEM = _TABLES["item"]
JOB = _TABLES["job"]
MACHINE = _TABLES["machine"]
POINT = _TABLES["recoverypoint"]
POLICY = _TABLES["policy"]
SOURCE = _TABLES["source"]
SUB_TASK = _TABLES["subtask"]
VAULT = _TABLES["vault"]


def fetch(session: Session, statement: Executable) -> Sequence[Any]:
    """All rows of a statement, with its columns as attributes and by place; pending changes of the session included."""
    session.flush()
    return session.connection().execute(statement).all()


def number(session: Session, statement: Executable) -> int:
    """The single whole number that a statement yields; 0 for NULL."""
    session.flush()
    return int(session.connection().execute(statement).scalar() or 0)
