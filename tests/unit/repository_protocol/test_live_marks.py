"""The mark of a collection holds any number of ids in little memory."""

from __future__ import annotations

import random

import pytest

from strongroom.repository.protocol.live_marks import LiveMarks


@pytest.mark.parametrize("budget_bytes", [0, 1000, 1 << 20])
def test_exactly_the_marked_rows_are_live_whatever_the_memory(budget_bytes: int) -> None:
    """B4: with everything in files, some of it, and none."""
    choice = random.Random(1)
    live = [choice.randbytes(32) for _ in range(500)]
    dead = [choice.randbytes(32) for _ in range(500)]
    rows = [(chunk_id, number, number * 3) for number, chunk_id in enumerate(choice.sample(live + dead, 1000))]
    with LiveMarks(budget_bytes) as marks:
        for chunk_id in [*live, *live[:100]]:
            marks.add(chunk_id)
        found = sorted(marks.live_rows(rows))
        assert found == sorted(row for row in rows if row[0] in set(live))
        assert sorted(marks.live_rows(rows)) == found


def test_an_id_asked_for_lately_is_not_new() -> None:
    with LiveMarks() as marks:
        assert marks.is_new(b"a")
        assert not marks.is_new(b"a")
        assert marks.is_new(b"b")


@pytest.mark.long
def test_three_million_ids_stay_within_the_budget() -> None:
    """B4: about 3 TiB of live chunks."""
    import tracemalloc

    tracemalloc.start()
    with LiveMarks() as marks:
        for number in range(3_000_000):
            marks.add(number.to_bytes(32, "little"))
        rows = ((number.to_bytes(32, "little"), 1, 1) for number in range(0, 6_000_000, 1000))
        assert sum(1 for _ in marks.live_rows(rows)) == 3000
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 400 * 1024 * 1024
