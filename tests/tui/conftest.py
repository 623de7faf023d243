"""Installations for the screens' tests, in one time zone."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.engine.context import Context
from tests.tui.installation import empty_context, furnish, furnished_context


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown in local time: the same one for every developer."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "catalog.db"
    furnish(path)
    return path


@pytest.fixture
def furnished(template: Path, tmp_path: Path) -> Iterator[Context]:
    context = furnished_context(template, tmp_path)
    yield context
    context.catalog.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Context]:
    context = empty_context(tmp_path)
    yield context
    context.catalog.close()
