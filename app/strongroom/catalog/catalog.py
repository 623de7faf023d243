"""The catalog as one object: short read sessions, short write sessions, and a number that moves when anybody commits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlmodel import Session

from strongroom.catalog import schema
from strongroom.catalog.connection import BUSY_TIMEOUT_SECONDS, connect, explained
from strongroom.catalog.errors import CatalogMissing, CatalogReadOnly
from strongroom.catalog.mounts import require_local
from strongroom.catalog.sqlite import sqlite_module
from strongroom.catalog.turn import turn

POOLED_CONNECTIONS = 5


class Catalog:
    """An open catalog; threads may share it, a forked child must open its own.

    Get one from ``open`` or ``create``. It is a context manager that closes itself.
    """

    def __init__(self, path: Path, *, read_only: bool, timeout_seconds: float) -> None:
        self.path = path
        self._read_only = read_only
        self._timeout_seconds = timeout_seconds
        self._readers = self._engine(self._begin_reading, query_only=True)
        self._writers = self._engine(self._begin_writing)
        self._quick_writers = self._engine(self._begin_writing, synchronous="NORMAL")
        self._watcher: Any = None
        self._watcher_lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> Self:
        """Open the catalog at ``path`` after comparing its schema with this program's.

        Raises ``CatalogMissing``, ``CatalogTooOld``, ``CatalogTooNew``, ``NotACatalog``, ``CatalogOnNetwork``, ``UnsafeSqlite``.
        """
        require_local(path)
        if not path.exists():
            raise CatalogMissing(f"There is no catalog at {path}")
        opened = cls(path, read_only=read_only, timeout_seconds=timeout_seconds)
        try:
            with opened.read() as session:
                schema.require_ours(path, session.connection().connection.driver_connection)
        except BaseException:
            opened.close()
            raise
        return opened

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a new catalog, whole or not at all, readable by this user only, and open it.

        The folder must exist. Raises ``CatalogExists``, ``CatalogOnNetwork``, ``UnsafeSqlite``.
        """
        from strongroom.catalog.migration import build  # noqa: PLC0415  (imports alembic, half a second that only this pays)

        build(path)
        return cls.open(path)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A read-only session on one consistent state; keep it short, for the log cannot be cleared behind it."""
        with explained(self.path), Session(self._readers, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Session]:
        """A session that alone may write: commits when the block ends, rolls back when it raises.

        ``durable=False`` is for progress rows: a power failure may undo the commit, a crash of any process does not.
        Do not open one inside another. Objects stay readable after the commit.
        Raises ``CatalogBusy`` when others write for longer than the timeout; SQLAlchemy's ``IntegrityError`` passes unchanged.
        """
        if self._read_only:
            raise CatalogReadOnly(f"The catalog {self.path} was opened for reading", cause="this command only reads")
        engine = self._writers if durable else self._quick_writers
        with explained(self.path), Session(engine, expire_on_commit=False) as session:
            session.connection()  # take the lock now: a transaction that reads first would work on an outdated state
            yield session
            session.commit()

    def data_version(self) -> int:
        """A number that differs from the last answer if and only if anybody committed since; costs microseconds.

        It means something only to this object and only by comparison. Thread-safe.
        """
        with self._watcher_lock, explained(self.path):
            if self._watcher is None:
                self._watcher = connect(self.path, query_only=True)
            (version,) = self._watcher.execute("PRAGMA data_version").fetchone()
            return int(version)

    def close(self) -> None:
        """Close every connection; the object is not used after this."""
        for engine in (self._readers, self._writers, self._quick_writers):
            engine.dispose()
        with self._watcher_lock:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _engine(self, begin: Callable[[Connection], None], *, synchronous: str = "FULL", query_only: bool = False) -> Engine:
        def creator() -> Any:
            return connect(self.path, synchronous=synchronous, query_only=query_only, timeout_seconds=self._timeout_seconds)

        engine = create_engine(
            "sqlite://",
            module=sqlite_module(),
            creator=creator,
            poolclass=QueuePool,
            pool_size=POOLED_CONNECTIONS,
            max_overflow=-1,
        )
        event.listen(engine, "begin", begin)
        return engine

    def _begin_reading(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")
        self._compare_schema(connection)

    def _begin_writing(self, connection: Connection) -> None:
        with turn(self.path, timeout_seconds=self._timeout_seconds):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        self._compare_schema(connection)

    def _compare_schema(self, connection: Connection) -> None:
        """In every transaction, for microseconds: a service may migrate the file while an old client has it open."""
        schema.compare(self.path, schema.revision_of(connection.connection.driver_connection))
