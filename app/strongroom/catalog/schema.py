"""Which schema this program speaks, and the comparison that every process makes before it touches a catalog.

Stands without alembic, whose import costs half a second that no command should pay.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strongroom.catalog.errors import CatalogTooNew, CatalogTooOld, NotACatalog

SCHEMA = "0001"
"""The newest revision under ``migrations/versions``."""

APPLICATION_ID = 0x5354524D  # «STRM», in the file's header: file(1) and we know our own


def revision_of(connection: Any) -> str:
    """The schema revision of an open database; "" when it holds none (``connection`` is a plain DBAPI one)."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    return row[0] if row else ""


def compare(path: Path, revision: str) -> None:
    """Raise ``CatalogTooOld``, ``CatalogTooNew`` or ``NotACatalog`` unless ``revision`` is this program's own."""
    if not revision.isdigit():
        raise NotACatalog(f"{path} is not a catalog", cause="it has no schema revision of ours")
    if revision < SCHEMA:
        raise CatalogTooOld(f"The catalog {path} has schema {revision}", cause=f"this program needs schema {SCHEMA}")
    if revision > SCHEMA:
        raise CatalogTooNew(f"The catalog {path} has schema {revision}", cause=f"this program knows schemas up to {SCHEMA}")


def require_ours(path: Path, connection: Any) -> None:
    """Raise ``NotACatalog`` unless the file carries our application id."""
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    if found != APPLICATION_ID:
        raise NotACatalog(f"{path} is not a catalog", cause="it is an SQLite file of another program")
