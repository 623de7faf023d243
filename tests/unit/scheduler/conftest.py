from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.scheduler.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Noon in Berlin on 20 November 2026, nothing protected yet."""
    made = Installation(tmp_path, datetime(2026, 11, 20, 11, tzinfo=UTC))
    yield made
    made.catalog.close()
