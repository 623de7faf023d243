"""One way to open the file: the settings that make several processes safe on it, and SQLite's failures in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy.exc import DatabaseError as WrappedError

from strongroom.catalog.errors import (
    CatalogBusy,
    CatalogDamaged,
    CatalogError,
    CatalogFull,
    CatalogMissing,
    CatalogReadOnly,
    CatalogUnreadable,
    NotACatalog,
)
from strongroom.catalog.sqlite import sqlite_module

BUSY_TIMEOUT_SECONDS = 30.0
"""How long a writer waits for the others; a write transaction of ours takes milliseconds."""

_SQLITE_ERRORS: dict[int, tuple[type[CatalogError], str]] = {
    5: (CatalogBusy, "is locked"),
    6: (CatalogBusy, "is locked"),
    8: (CatalogReadOnly, "cannot be written"),
    10: (CatalogError, "could not be read or written"),
    11: (CatalogDamaged, "is damaged"),
    13: (CatalogFull, "cannot grow"),
    14: (CatalogUnreadable, "cannot be opened"),
    26: (NotACatalog, "is not a catalog"),
}
"""SQLite's primary result codes (https://www.sqlite.org/rescode.html) that are about the file and not about the statement."""


def connect(path: Path, *, synchronous: str = "FULL", query_only: bool = False, timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> Any:
    """Open an existing catalog file as a DBAPI connection in autocommit mode; transactions are begun by hand.

    Never creates a file. May be used by any thread, one at a time.
    """
    address = f"file:{quote(str(path.absolute()))}?mode=rw"
    connection = sqlite_module().connect(address, uri=True, timeout=timeout_seconds, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA query_only = {int(query_only)}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the file at ``path`` into ours; errors about a statement (a broken constraint) pass unchanged."""
    try:
        yield
    except (WrappedError, sqlite_module().DatabaseError) as error:
        ours = _translated(path, error)
        if ours is None:
            raise
        raise ours from error


def _translated(path: Path, error: BaseException) -> CatalogError | None:
    original = error.orig if isinstance(error, WrappedError) else error
    code = getattr(original, "sqlite_errorcode", None)
    if code is None or code & 0xFF not in _SQLITE_ERRORS:
        return None
    kind, words = _SQLITE_ERRORS[code & 0xFF]
    if kind is CatalogUnreadable and not path.exists():
        return CatalogMissing(f"There is no catalog at {path}")
    return kind(f"The catalog {path} {words}", cause=str(original))
