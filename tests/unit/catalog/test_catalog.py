from __future__ import annotations

import os
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Never

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import select

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.connection import connect
from strongroom.catalog.entities import Job, Vault
from strongroom.catalog.errors import (
    CatalogBusy,
    CatalogDamaged,
    CatalogError,
    CatalogExists,
    CatalogFull,
    CatalogMissing,
    CatalogReadOnly,
    CatalogTooNew,
    CatalogTooOld,
    CatalogUnreadable,
    NotACatalog,
)
from strongroom.catalog.queries.vaults import find_vault
from strongroom.domain.errors import ErrorKind
from strongroom.domain.states import JobStatus, Operation
from tests.unit.catalog.rows import NOW, Rows, new_catalog, writing


def set_revision(path: Path, revision: str) -> None:
    with closing(connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_a_write_is_kept_when_its_block_ends_and_undone_when_it_raises(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        rows.vault("kept")
    with pytest.raises(ZeroDivisionError), writing(catalog) as rows:  # noqa: PT012
        rows.vault("undone")
        raise ZeroDivisionError
    with catalog.read() as session:
        assert [vault.name for vault in session.exec(select(Vault)).all()] == ["kept"]


def test_objects_stay_readable_after_their_write_session(catalog: Catalog) -> None:
    with catalog.write() as session:
        vault = Vault(name="main", region="north", repository_path="/srv", repository_id="r", created_at=NOW)
        session.add(vault)
    assert (vault.id, vault.created_at) == (1, NOW)


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_only_writes_that_may_be_lost_to_a_power_failure_skip_the_sync(catalog: Catalog, durable: bool, level: int) -> None:
    with catalog.write(durable=durable) as session:
        assert session.connection().exec_driver_sql("PRAGMA synchronous").scalar() == level


def test_every_session_keeps_references_and_the_shared_log(catalog: Catalog) -> None:
    for opened in (catalog.read(), catalog.write(), catalog.write(durable=False)):
        with opened as session:
            pragma = session.connection().exec_driver_sql
            assert pragma("PRAGMA foreign_keys").scalar() == 1
            assert pragma("PRAGMA journal_mode").scalar() == "wal"
            assert pragma("PRAGMA busy_timeout").scalar() == 30_000


def test_a_read_session_cannot_write(catalog: Catalog) -> None:
    with pytest.raises(CatalogReadOnly), catalog.read() as session:  # noqa: PT012
        session.add(Vault(name="main", region="north", repository_path="/srv", repository_id="r", created_at=NOW))
        session.flush()


def test_a_read_session_sees_one_state_however_often_it_looks(catalog: Catalog) -> None:
    with catalog.read() as session:
        assert find_vault(session, "main") is None
        with writing(catalog) as rows:
            rows.vault("main")
        assert find_vault(session, "main") is None
    with catalog.read() as session:
        assert find_vault(session, "main") is not None


def test_a_catalog_opened_for_reading_refuses_to_write(catalog: Catalog) -> None:
    with Catalog.open(catalog.path, read_only=True) as reader, pytest.raises(CatalogReadOnly), reader.write():
        pass


def test_a_writer_that_waits_longer_than_the_timeout_is_told_that_the_catalog_is_busy(catalog: Catalog) -> None:
    with Catalog.open(catalog.path, timeout_seconds=0.05) as impatient, catalog.write():
        with pytest.raises(CatalogBusy) as caught, impatient.write():
            pass
        assert caught.value.retryable
        assert caught.value.kind is ErrorKind.BUSY
        with impatient.read() as session:  # readers never wait
            assert find_vault(session, "main") is None


def test_threads_share_one_catalog_and_lose_nothing(catalog: Catalog) -> None:
    def add(first: int) -> None:
        for number in range(first, first + 20):
            with writing(catalog) as rows:
                rows.vault(f"vault-{number}")

    threads = [threading.Thread(target=add, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with catalog.read() as session:
        assert len(session.exec(select(Vault)).all()) == 60


def test_a_broken_rule_of_a_table_stays_recognisable(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        rows.vault("main")
    with pytest.raises(IntegrityError), writing(catalog) as rows:
        rows.vault("main")


def test_one_operation_at_a_time_is_a_rule_of_the_database(catalog: Catalog) -> None:
    """A18."""
    with writing(catalog) as rows:
        item = rows.item(rows.vault())
        rows.job(JobStatus.COMPLETED, item_id=item)
        rows.job(JobStatus.QUEUED, item_id=item)
    with pytest.raises(IntegrityError), writing(catalog) as rows:
        rows.job(JobStatus.IN_PROGRESS, item_id=item)


def test_a_second_discovery_of_a_source_is_refused_by_the_database(catalog: Catalog) -> None:
    """A3."""
    with writing(catalog) as rows:
        source = rows.source()
        rows.job(JobStatus.IN_PROGRESS, Operation.DISCOVER, source_id=source)
    with pytest.raises(IntegrityError), writing(catalog) as rows:
        rows.job(JobStatus.QUEUED, Operation.DISCOVER, source_id=source)


def test_a_word_outside_of_a_vocabulary_is_refused_by_the_database(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        job = rows.job()
    with pytest.raises(IntegrityError), catalog.write() as session:
        session.connection().exec_driver_sql(f"UPDATE job SET status = 'Stuck' WHERE id = {job}")
    with catalog.read() as session:
        assert session.get(Job, job).status is JobStatus.COMPLETED


def test_an_error_in_a_statement_passes_unchanged(catalog: Catalog) -> None:
    with pytest.raises(OperationalError), catalog.read() as session:
        session.connection().exec_driver_sql("SELECT * FROM no_such_table")


def test_the_version_moves_with_every_commit_and_only_then(catalog: Catalog) -> None:
    before = catalog.data_version()
    with catalog.read() as session:
        find_vault(session, "main")
    assert catalog.data_version() == before
    with writing(catalog) as rows:
        rows.vault()
    after = catalog.data_version()
    assert after != before
    assert catalog.data_version() == after


def test_a_missing_catalog_is_an_error_and_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(CatalogMissing) as caught:
        Catalog.open(tmp_path / "catalog.db")
    assert caught.value.kind is ErrorKind.NOT_FOUND
    assert list(tmp_path.iterdir()) == []


def test_a_catalog_that_is_deleted_while_open_is_reported_missing_by_whoever_comes_next(catalog: Catalog) -> None:
    path = catalog.path
    catalog.close()
    path.unlink()
    with pytest.raises(CatalogMissing), catalog.read() as session:
        find_vault(session, "main")
    assert not path.exists()


def test_an_older_schema_asks_for_the_service_and_a_newer_one_for_an_upgrade(catalog: Catalog) -> None:
    set_revision(catalog.path, "0000")
    with pytest.raises(CatalogTooOld) as old:
        Catalog.open(catalog.path)
    set_revision(catalog.path, "9999")
    with pytest.raises(CatalogTooNew) as new:
        Catalog.open(catalog.path)
    assert "service" in old.value.action
    assert "Upgrade this client" in new.value.action
    assert {old.value.kind, new.value.kind} == {ErrorKind.VERSION}


def test_a_client_notices_at_its_next_transaction_that_the_catalog_was_migrated_under_it(catalog: Catalog) -> None:
    with catalog.read() as session:
        find_vault(session, "main")
    set_revision(catalog.path, "9999")
    with pytest.raises(CatalogTooNew), catalog.read() as session:
        find_vault(session, "main")
    with pytest.raises(CatalogTooNew), catalog.write():
        pass


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be read as a header" * 40])
def test_a_file_of_another_kind_is_not_a_catalog(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "catalog.db"
    path.write_bytes(content)
    with pytest.raises(NotACatalog):
        Catalog.open(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_not_a_catalog(tmp_path: Path) -> None:
    from strongroom.catalog.sqlite import sqlite_module

    path = tmp_path / "catalog.db"
    with closing(sqlite_module().connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
        connection.commit()
    with pytest.raises(NotACatalog):
        Catalog.open(path)


def test_a_damaged_catalog_names_the_way_back(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        for number in range(300):
            rows.vault(f"vault-{number}")
    catalog.close()
    content = bytearray(catalog.path.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    catalog.path.write_bytes(content)
    with pytest.raises(CatalogDamaged) as caught, Catalog.open(catalog.path) as opened, opened.read() as session:
        session.exec(select(Vault)).all()
    assert "strongroom rebuild" in caught.value.action


def test_a_full_disk_keeps_nothing_of_the_change_and_leaves_the_catalog_readable(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        rows.vault("before")
    with pytest.raises(CatalogFull) as caught, catalog.write() as session:  # noqa: PT012
        pages = session.connection().exec_driver_sql("PRAGMA page_count").scalar()
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        rows = Rows(session)
        for number in range(500):
            rows.vault(f"vault-{number}")
    assert caught.value.retryable
    with catalog.read() as session:
        assert [vault.name for vault in session.exec(select(Vault)).all()] == ["before"]


def test_a_new_catalog_is_for_its_user_only_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    with new_catalog(tmp_path) as catalog:
        assert stat.S_IMODE(catalog.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.db"]


def test_a_catalog_is_never_made_over_another(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        rows.vault("main")
    with pytest.raises(CatalogExists):
        Catalog.create(catalog.path)
    with catalog.read() as session:
        assert find_vault(session, "main") is not None


def test_a_catalog_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_) -> Never:
        raise PermissionError(13, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(CatalogUnreadable):
        Catalog.create(tmp_path / "catalog.db")
    with pytest.raises(CatalogUnreadable):
        Catalog.create(tmp_path / "no such folder" / "catalog.db")
    assert list(tmp_path.iterdir()) == []


def test_every_catalog_error_is_an_error_with_an_action() -> None:
    kinds = [*CatalogError.__subclasses__()]
    without = [kind.__name__ for kind in kinds if not kind.default_action]
    assert len(kinds) == 13
    assert without == ["CatalogReadOnly", "MigrationFailed"]  # both say at the spot what to do
