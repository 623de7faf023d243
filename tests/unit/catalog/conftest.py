from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.catalog.catalog import Catalog


@pytest.fixture(scope="session")
def empty_catalog_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "catalog.db"
    Catalog.create(path).close()
    return path


@pytest.fixture
def catalog(empty_catalog_file: Path, tmp_path: Path) -> Iterator[Catalog]:
    """A new catalog of its own for each test, copied because making one runs every migration."""
    path = tmp_path / "catalog.db"
    shutil.copy(empty_catalog_file, path)
    with Catalog.open(path) as opened:
        yield opened
