from __future__ import annotations

import shutil
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import UniqueConstraint, create_engine
from sqlmodel import SQLModel

from strongroom.catalog import migration, schema
from strongroom.catalog.catalog import Catalog
from strongroom.catalog.connection import connect
from strongroom.catalog.errors import CatalogMissing, CatalogTooNew, CatalogTooOld, MigrationFailed, NotACatalog
from strongroom.catalog.queries.dashboard import dashboard
from strongroom.catalog.queries.jobs import jobs
from strongroom.catalog.queries.protected import protected
from strongroom.domain.states import Operation
from tests.unit.catalog.rows import NOW, writing

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures").glob("catalog-*.db"))
REVISION = '''"""A revision made for a test."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None


def upgrade():
{body}
'''
ADDS_A_COLUMN = """
    with op.batch_alter_table("vault", recreate="always") as vault:
        vault.add_column(sa.Column("note", sa.String(), server_default="", nullable=False))
"""
FAILS_HALF_WAY = ADDS_A_COLUMN + "    op.execute('DELETE FROM point_of_no_return')\n"
BREAKS_A_REFERENCE = "    op.execute('DELETE FROM vault')\n"


def contents(path: Path) -> tuple[dict[str, list[Any]], list[Any]]:
    """Every row of every table, and the schema."""
    with closing(connect(path, query_only=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in sorted(tables)}
        return rows, connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()


def next_revision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    """Make this program one schema newer than it is."""
    scripts = tmp_path / "migrations"
    shutil.copytree(migration.SCRIPTS, scripts)
    (scripts / "versions" / "r0002_next.py").write_text(REVISION.format(body=body))
    monkeypatch.setattr(migration, "SCRIPTS", scripts)
    monkeypatch.setattr(schema, "SCHEMA", "0002")


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A copy of the fixture catalog of schema 0001."""
    path = tmp_path / "catalog.db"
    shutil.copy(FIXTURES[0], path)
    return path


def test_this_program_speaks_the_newest_revision_and_each_has_one_parent() -> None:
    scripts = ScriptDirectory(str(migration.SCRIPTS))
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert scripts.get_heads() == [schema.SCHEMA]
    assert revisions == sorted(revisions, reverse=True)


def test_the_migrations_build_exactly_the_tables_of_the_entities(catalog: Catalog) -> None:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with engine.connect() as connection:
        expected = schema_lines(connection.connection.driver_connection)
    engine.dispose()
    with closing(connect(catalog.path)) as connection:
        found = schema_lines(connection)
    assert found == expected


def schema_lines(connection: Any) -> dict[str, set[str]]:
    """Each table and index as its name with the set of its parts, so that the order of constraints does not matter."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'")
    return {name: {line.strip().rstrip(",").replace('"', "") for line in sql.splitlines()} for name, sql in rows}


def test_alembic_sees_nothing_left_to_migrate(catalog: Catalog) -> None:
    with catalog.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"target_metadata": SQLModel.metadata})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_every_reference_has_an_index_so_that_deleting_its_target_reads_no_whole_table() -> None:
    for table in SQLModel.metadata.tables.values():
        whole = [index for index in table.indexes if index.dialect_options["sqlite"]["where"] is None]
        unique = [rule for rule in table.constraints if isinstance(rule, UniqueConstraint)]
        indexed = {next(iter(one.columns)).name for one in (*whole, *unique)}
        assert {reference.parent.name for reference in table.foreign_keys} <= indexed, table.name


def test_every_constraint_has_a_name_so_that_a_later_migration_can_change_it() -> None:
    unnamed = [table.name for table in SQLModel.metadata.tables.values() for rule in table.constraints if rule.name is None]
    assert unnamed == []


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
def test_a_catalog_of_every_released_schema_is_brought_to_this_one_with_all_its_rows(fixture: Path, tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    shutil.copy(fixture, path)
    before, _ = contents(path)
    migrated = migration.migrate(path)
    assert migrated.to_schema == schema.SCHEMA
    after, _ = contents(path)
    assert {name: len(rows) for name, rows in before.items()} == {name: len(rows) for name, rows in after.items()}
    assert all(before.values())
    with Catalog.open(path) as catalog, catalog.read() as session:
        assert dashboard(session, 1, now=NOW).protected == 1
        assert [row.name for row in protected(session, 1).items] == ["web01"]
        assert {row.operation for row in jobs(session).items} == {Operation.BACKUP, Operation.DISCOVER}


def test_a_fixture_of_this_schema_is_kept() -> None:
    assert f"catalog-{schema.SCHEMA}" in [path.stem for path in FIXTURES]


def test_a_catalog_that_is_up_to_date_is_left_alone_and_not_copied(released: Path) -> None:
    before = released.read_bytes()
    assert migration.migrate(released) == migration.Migrated("0001", "0001", None)
    assert released.read_bytes() == before
    assert [path.name for path in released.parent.iterdir()] == ["catalog.db"]


def test_a_migration_keeps_the_children_of_a_changed_table_and_a_copy_from_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, released: Path
) -> None:
    before = contents(released)
    next_revision(monkeypatch, tmp_path, ADDS_A_COLUMN)
    with pytest.raises(CatalogTooOld):
        Catalog.open(released)

    migrated = migration.migrate(released, now=lambda: datetime(2026, 11, 22, 10, 45, tzinfo=UTC))

    assert (migrated.from_schema, migrated.to_schema) == ("0001", "0002")
    assert migrated.copy == tmp_path / "catalog.db.0001.20261122T104500Z"
    assert contents(migrated.copy) == before
    assert stat.S_IMODE(migrated.copy.stat().st_mode) == 0o600
    after, _ = contents(released)
    assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before[0].items()}
    assert after["vault"][0][-1] == ""
    Catalog.open(released).close()


@pytest.mark.parametrize("body", [FAILS_HALF_WAY, BREAKS_A_REFERENCE], ids=["a statement fails", "a reference breaks"])
def test_a_migration_that_fails_leaves_the_catalog_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, released: Path, body: str
) -> None:
    before = contents(released)
    next_revision(monkeypatch, tmp_path, body)
    with pytest.raises(MigrationFailed) as caught:
        migration.migrate(released)
    assert contents(released) == before
    monkeypatch.undo()
    Catalog.open(released).close()
    assert "copy" in caught.value.action


def test_an_open_client_is_told_after_a_migration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, released: Path) -> None:
    with Catalog.open(released) as client:
        next_revision(monkeypatch, tmp_path, "    pass")
        migration.migrate(released)
        monkeypatch.undo()
        with pytest.raises(CatalogTooNew), client.write():
            pass


def test_a_migration_takes_what_another_process_has_committed_but_not_moved_out_of_the_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, released: Path
) -> None:
    with Catalog.open(released) as client:
        with writing(client) as rows:
            rows.vault("late")
        next_revision(monkeypatch, tmp_path, ADDS_A_COLUMN)
        copy = migration.migrate(released).copy
    for path in (released, copy):
        assert "late" in str(contents(path)[0]["vault"])


def test_what_is_newer_foreign_or_missing_is_not_migrated(tmp_path: Path, released: Path) -> None:
    with closing(connect(released)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogTooNew):
        migration.migrate(released)
    with pytest.raises(CatalogMissing):
        migration.migrate(tmp_path / "none.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(NotACatalog):
        migration.migrate(tmp_path / "empty.db")
