"""Which SQLite library all processes use: the interpreter's own where it is safe, else pysqlite3.

SQLite 3.7.0 to 3.51.2 has the WAL-reset bug (https://www.sqlite.org/wal.html#walresetbug): with two or more connections a commit
can be lost when a checkpoint races with the restart of the log. Every process must therefore run a repaired version.
"""

from __future__ import annotations

import importlib
import sqlite3
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from strongroom.catalog.errors import UnsafeSqlite

Version = tuple[int, int, int]

FIRST_SAFE: Version = (3, 51, 3)
SAFE_BACK_PORTS: tuple[Version, ...] = ((3, 44, 6), (3, 50, 7))
"""First repaired patch release of each older line that got the repair."""


@dataclass(frozen=True, slots=True)
class SqliteFacts:
    """What ``doctor`` shows: the library in use (``sqlite3``, ``pysqlite3`` or ""), its version, and whether it is safe.

    ``interpreter_version`` is that of the interpreter's own library, used or not.
    """

    library: str
    version: str
    safe: bool
    interpreter_version: str


def is_safe(version: Version) -> bool:
    """Whether this SQLite version is free of the WAL-reset bug.

    Distributions that patch without a new version number count as unsafe: nothing tells them apart.
    """
    return version >= FIRST_SAFE or any(version[:2] == fixed[:2] and version >= fixed for fixed in SAFE_BACK_PORTS)


def sqlite_module() -> ModuleType:
    """The DBAPI module that every connection of this process must use.

    Raises ``UnsafeSqlite`` when neither library is safe.
    """
    chosen = _chosen()
    if chosen is None:
        raise UnsafeSqlite(
            f"SQLite {sqlite3.sqlite_version} of this Python can lose committed data",
            cause="it has the WAL-reset bug and no safe pysqlite3 is installed",
        )
    return chosen


def sqlite_facts() -> SqliteFacts:
    """Facts about the library in use; never raises."""
    chosen = _chosen()
    own = sqlite3.sqlite_version
    if chosen is None:
        return SqliteFacts("", own, safe=False, interpreter_version=own)
    return SqliteFacts(chosen.__name__.partition(".")[0], chosen.sqlite_version, safe=True, interpreter_version=own)


@cache
def _chosen() -> ModuleType | None:
    if is_safe(sqlite3.sqlite_version_info):
        return sqlite3
    other = _pysqlite3()
    return other if other is not None and is_safe(other.sqlite_version_info) else None


def _pysqlite3() -> ModuleType | None:
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return None
