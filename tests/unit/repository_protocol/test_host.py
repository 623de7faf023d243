"""A process is called dead only beyond doubt (A18, B12)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from strongroom.repository.host import is_surely_dead, this_host


def test_this_process_lives() -> None:
    assert not is_surely_dead(this_host())


def test_a_process_that_has_ended_is_dead() -> None:
    script = "import json; from strongroom.repository.host import this_host; print(json.dumps(this_host()))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    import json

    assert is_surely_dead(json.loads(done.stdout))


def test_a_process_whose_number_was_given_to_another_is_dead() -> None:
    assert is_surely_dead({**this_host(), "started": "1"})


def test_a_process_before_the_last_boot_is_dead() -> None:
    assert is_surely_dead({**this_host(), "boot_id": "another"})


@pytest.mark.parametrize("elsewhere", [{"name": "other"}, {"machine": "other"}, {"pid_space": "pid:[1]", "started": "1"}, {"boot_id": ""}])
def test_of_another_host_or_container_nothing_is_known(elsewhere: dict[str, str]) -> None:
    assert not is_surely_dead({**this_host(), **elsewhere})


def test_a_session_that_says_nothing_is_not_known_to_be_dead() -> None:
    assert not is_surely_dead({})
