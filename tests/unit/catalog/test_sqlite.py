from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from strongroom.catalog import sqlite
from strongroom.catalog.errors import UnsafeSqlite


@pytest.fixture(autouse=True)
def _fresh_choice() -> Iterator[None]:
    sqlite._chosen.cache_clear()
    yield
    sqlite._chosen.cache_clear()


@pytest.mark.parametrize("version", [(3, 51, 3), (3, 53, 4), (4, 0, 0), (3, 50, 7), (3, 50, 8), (3, 44, 6)])
def test_versions_with_the_repair_of_the_log_reset_are_safe(version: tuple[int, int, int]) -> None:
    assert sqlite.is_safe(version)


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 2), (3, 50, 6), (3, 44, 5), (3, 45, 9), (3, 49, 2)])
def test_versions_that_can_lose_a_commit_are_not_safe(version: tuple[int, int, int]) -> None:
    assert not sqlite.is_safe(version)


def test_the_interpreters_own_library_is_used_where_it_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite.sqlite3, "sqlite_version_info", (3, 51, 3))
    assert sqlite.sqlite_module() is sqlite3


def test_pysqlite3_is_used_where_the_interpreters_own_library_is_not_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    other = SimpleNamespace(__name__="pysqlite3.dbapi2", sqlite_version="3.53.4", sqlite_version_info=(3, 53, 4))
    monkeypatch.setattr(sqlite.sqlite3, "sqlite_version_info", (3, 40, 1))
    monkeypatch.setattr(sqlite, "_pysqlite3", lambda: other)
    assert sqlite.sqlite_module() is other
    assert sqlite.sqlite_facts() == sqlite.SqliteFacts("pysqlite3", "3.53.4", safe=True, interpreter_version=sqlite3.sqlite_version)


@pytest.mark.parametrize("other", [None, SimpleNamespace(sqlite_version_info=(3, 46, 0))])
def test_without_a_safe_library_nothing_is_opened_and_the_facts_say_why(monkeypatch: pytest.MonkeyPatch, other: Any) -> None:
    monkeypatch.setattr(sqlite.sqlite3, "sqlite_version_info", (3, 40, 1))
    monkeypatch.setattr(sqlite, "_pysqlite3", lambda: other)
    with pytest.raises(UnsafeSqlite) as caught:
        sqlite.sqlite_module()
    assert "pysqlite3" in caught.value.action
    assert not sqlite.sqlite_facts().safe


def test_this_machine_uses_a_safe_library() -> None:
    assert sqlite.sqlite_facts().safe
    assert sqlite.is_safe(sqlite.sqlite_module().sqlite_version_info)
