"""Sizes, times and durations in the words of the screens (feature C5)."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from strongroom.tui.units import ago, count, duration, minute, moment, short_moment, size

NOW = datetime(2026, 11, 22, 13, 7, 6, tzinfo=UTC)


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("count_bytes", "words"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (412 * 1024**2, "412 MiB"),
        (9.4 * 1024**3, "9.4 GiB"),
        (1 << 42, "4.0 TiB"),
    ],
)
def test_sizes_are_binary_with_their_unit(count_bytes: float | None, words: str) -> None:
    assert size(count_bytes) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (-1, "0.0 s"), (2.14, "2.1 s"), (59, "59 s"), (252, "4 min 12 s"), (11040, "3 h 04 min"), (191000, "2 d 5 h")],
)
def test_durations_have_two_units_at_most(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("age", "words"), [(timedelta(seconds=5), "just now"), (timedelta(minutes=5), "5 min ago"), (timedelta(hours=31), "1 d ago")]
)
def test_an_age_is_told_in_one_unit(age: timedelta, words: str) -> None:
    assert ago(NOW - age, NOW) == words


def test_what_never_happened_is_never() -> None:
    assert ago(None, NOW) == "never"
    assert short_moment(None, NOW) == moment(None) == minute(None) == "–"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW, "14:07"),
        (NOW - timedelta(days=1), "Sat 14:07"),
        (NOW + timedelta(days=30), "22 Dec"),
        (NOW - timedelta(days=400), "18 Oct 2025"),
    ],
)
def test_a_moment_is_as_short_as_it_can_be(at: datetime, words: str) -> None:
    assert short_moment(at, NOW) == words


def test_a_whole_moment_names_its_zone() -> None:
    assert moment(NOW) == "2026-11-22 14:07:06 CET"


def test_counts_agree_with_their_noun() -> None:
    assert (count(1, "machine"), count(12431, "job"), count(2, "policy", "policies")) == ("1 machine", "12,431 jobs", "2 policies")
