"""The test suite keeps its own promises: tiers run alone, and a part that is missing never passes for a test that ran."""

import subprocess
import sys

import pytest

from tests.parts import find_program, require, require_part
from tests.unit.architecture.places import CHECKOUT

BOTH = ("tests/unit/lab", "tests/system/lab")


def collected(*options: str) -> list[str]:
    """The tests that pytest would run, by file."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *BOTH, *options]
    outcome = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return [line.split("::")[0] for line in outcome.stdout.splitlines() if "::" in line]


def test_each_tier_runs_exactly_its_own_tests() -> None:
    assert set(collected()) == {"tests/unit/lab/test_lab.py"}
    assert set(collected("--system")) == {"tests/system/lab/test_guests_stay_valid.py"}
    assert collected("--long") == []


def test_a_missing_part_skips_with_its_reason_on_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        require_part("no-such-program")
    with pytest.raises(pytest.skip.Exception, match="cannot be"):
        require(lambda: False, "it cannot be")


def test_a_missing_part_fails_where_ci_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must have it"):
        require_part("no-such-program")
    with pytest.raises(pytest.fail.Exception, match="CI must have it"):
        require(lambda: False, "it cannot be")


def test_a_part_that_is_there_is_returned_with_its_path() -> None:
    assert require_part("sh") == find_program("sh")
