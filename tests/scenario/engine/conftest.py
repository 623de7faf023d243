"""One installation per test; a worker process takes a quarter of a second to start, so tests share jobs where they can."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.engine.room import Room, make_room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = make_room(tmp_path)
    yield made
    made.context.catalog.close()
