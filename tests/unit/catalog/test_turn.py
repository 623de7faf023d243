from __future__ import annotations

import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.errors import CatalogBusy, CatalogUnreadable
from strongroom.catalog.turn import gate_of, turn
from tests.unit.catalog.rows import writing


@contextmanager
def held(path: Path) -> Iterator[None]:
    """The gate as another process would hold it."""
    with gate_of(path).open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def test_a_writer_that_does_not_get_its_turn_is_told_that_the_catalog_is_busy(catalog: Catalog) -> None:
    with Catalog.open(catalog.path, timeout_seconds=0.05) as impatient:
        with held(catalog.path), pytest.raises(CatalogBusy) as caught, impatient.write():
            pass
        assert caught.value.retryable
        with writing(impatient) as rows:
            rows.vault()


def test_a_writer_waits_for_its_turn_and_then_writes(catalog: Catalog) -> None:
    holding, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with held(catalog.path):
            holding.set()
            let_go.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    holding.wait(10)
    timer = threading.Timer(0.05, let_go.set)
    timer.start()
    with writing(catalog) as rows:
        assert let_go.is_set()
        rows.vault()
    other.join()
    timer.join()


def test_the_gate_is_open_again_as_soon_as_the_writer_has_the_lock(catalog: Catalog) -> None:
    with writing(catalog), held(catalog.path):
        pass
    assert stat.S_IMODE(gate_of(catalog.path).stat().st_mode) == 0o600


def test_readers_pass_without_a_turn(catalog: Catalog) -> None:
    with held(catalog.path), catalog.read() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM vault").scalar() == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CatalogUnreadable) as caught, turn(tmp_path / "catalog.db", timeout_seconds=1):
        pass
    assert "Permission denied" in caught.value.cause
