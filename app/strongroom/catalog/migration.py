"""Makes new catalogs and brings old ones to this program's schema; only the service and ``create`` come here.

On a connection of its own with foreign keys off (SQLite changes a table by copying it, and would delete children with the old one),
in one explicit transaction so that a failure undoes everything, after a copy of the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, StaticPool, create_engine, event

from strongroom.catalog import schema
from strongroom.catalog.connection import connect, explained
from strongroom.catalog.errors import CatalogExists, CatalogMissing, CatalogTooOld, CatalogUnreadable, MigrationFailed
from strongroom.catalog.mounts import require_local
from strongroom.catalog.sqlite import sqlite_module

SCRIPTS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration did; ``copy`` is the file as it was before, None when nothing was to be done."""

    from_schema: str
    to_schema: str
    copy: Path | None


def build(path: Path) -> None:
    """Make a new catalog file with this program's schema: whole or not at all, mode 0600.

    Raises ``CatalogExists``, ``CatalogUnreadable``, ``CatalogOnNetwork``.
    """
    require_local(path)
    draft = path.with_name(f"{path.name}.new-{os.getpid()}")
    try:
        _reserve(draft)
        with explained(path), closing(connect(draft)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            with _transaction(connection) as borrowed:
                _upgrade(borrowed)
        _settle(draft)
        os.link(draft, path)
        _sync(path.parent)
    except FileExistsError as error:
        raise CatalogExists(f"There is already a catalog at {path}", cause="another process made it") from error
    except OSError as error:
        raise CatalogUnreadable(f"No catalog can be made at {path}", cause=str(error)) from error
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{draft}{suffix}").unlink(missing_ok=True)


def migrate(path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Migrated:
    """Bring the catalog at ``path`` to this program's schema, after copying it beside itself.

    Nobody can write while it runs; other programs that have it open notice the new schema at their next transaction.
    Raises ``CatalogMissing``, ``CatalogTooNew``, ``NotACatalog``, ``CatalogBusy``, ``MigrationFailed`` (the catalog is then as it was).
    """
    require_local(path)
    if not path.exists():
        raise CatalogMissing(f"There is no catalog at {path}")
    with explained(path), closing(connect(path)) as connection:
        schema.require_ours(path, connection)
        with _transaction(connection) as borrowed:
            found = schema.revision_of(connection)
            if not _is_older(path, found):
                return Migrated(found, found, None)
            copy = _copy(path, path.with_name(f"{path.name}.{found}.{now():%Y%m%dT%H%M%SZ}"))
            _upgrade_or_explain(path, borrowed, copy)
        return Migrated(found, schema.SCHEMA, copy)


def config_for(connection: Connection) -> Config:
    """Alembic's configuration for our scripts on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _is_older(path: Path, found: str) -> bool:
    try:
        schema.compare(path, found)
    except CatalogTooOld:
        return True
    return False


def _upgrade_or_explain(path: Path, connection: Connection, copy: Path) -> None:
    try:
        _upgrade(connection)
    except Exception as error:
        raise MigrationFailed(
            f"The catalog {path} could not be migrated to schema {schema.SCHEMA}",
            cause=str(error),
            action=f"Go on with the earlier version of Strongroom; a copy from before lies at {copy}.",
        ) from error


def _upgrade(connection: Connection) -> None:
    """Run the missing revisions; raises ``MigrationFailed`` if a reference is broken after them."""
    command.upgrade(config_for(connection), "head")
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise MigrationFailed(f"The migration left {len(broken)} broken references", cause=f"the first is in table {broken[0][0]}")


@contextmanager
def _transaction(connection: Any) -> Iterator[Connection]:
    """One write transaction without foreign keys around everything, with an SQLAlchemy face on the DBAPI connection."""
    connection.execute("PRAGMA foreign_keys = OFF")
    engine = create_engine("sqlite://", module=sqlite_module(), creator=lambda: connection, poolclass=StaticPool, pool_reset_on_return=None)
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as borrowed:
        yield borrowed


def _copy(path: Path, target: Path) -> Path:
    """A copy of the committed state, log included, under the protection of the caller's write lock."""
    _reserve(target)
    with closing(connect(path, query_only=True)) as source, closing(connect(target)) as copy:
        source.backup(copy)
    _settle(target)
    _sync(target.parent)
    return target


def _reserve(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _settle(path: Path) -> None:
    """Make what was written durable; the last connection is closed, so the log is already in the file."""
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
