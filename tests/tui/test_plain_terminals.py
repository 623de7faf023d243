"""Terminals with few colours, none, or no screen at all (feature C5): what a state is stands in its symbol and word."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tui.test_real_terminal import CHECKOUT, RecordedTerminal

_WORDS = ("■ Protection stopped", "✗ Protection error", "✓ Protected", "◐ Protected")
_COLOUR = re.compile(rb"\x1b\[(?:\d+;)*[34]8;2;(\d+);(\d+);(\d+)")
_PALETTE = re.compile(rb"\x1b\[(?:\d+;)*[34]8;[25];")


def _environment(**changed: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLORTERM", "NO_COLOR")}
    return {**kept, "PYTHONPATH": f"{CHECKOUT / 'app'}:{CHECKOUT}", "TZ": "Europe/Berlin", "LANG": "C.UTF-8", **changed}


def _protected_items(folder: Path, **changed: str) -> bytes:
    """Start the program, look at Protected Items, leave; returns what was written to the terminal."""
    command = [sys.executable, "-m", "tests.tui.terminal_program", str(folder)]
    with RecordedTerminal(command, env=_environment(**changed), cwd=CHECKOUT) as terminal:
        terminal.wait_for("PROTECTED", 60)
        terminal.press("3")
        for words in _WORDS:
            terminal.wait_for(words, 20)
        terminal.press("q")
        assert terminal.wait_for_end(20) == 0
        return terminal.raw


def test_without_colours_every_state_is_still_a_symbol_and_a_word(tmp_path: Path) -> None:
    """C5: NO_COLOR leaves greys only."""
    written = _protected_items(tmp_path, NO_COLOR="1", TERM="xterm-256color", COLORTERM="truecolor")
    found = set(_COLOUR.findall(written))
    assert found
    assert all(red == green == blue for red, green, blue in found)


@pytest.mark.parametrize("kind", ["xterm", "linux"])
def test_sixteen_colours_are_enough(kind: str, tmp_path: Path) -> None:
    """C5: no colour is asked for that such a terminal does not have."""
    assert not _PALETTE.search(_protected_items(tmp_path, TERM=kind))


def test_a_dumb_terminal_is_told_so_instead_of_being_drawn_on(tmp_path: Path) -> None:
    """C5"""
    command = [sys.executable, "-m", "strongroom", "--home", str(tmp_path), "ui"]
    with RecordedTerminal(command, env=_environment(TERM="dumb"), cwd=CHECKOUT, columns=120) as terminal:
        terminal.wait_for("TERM is dumb", 60)
        assert terminal.wait_for_end(20) == 2
        assert b"\x1b[?1049h" not in terminal.raw


def test_without_a_terminal_the_reason_and_the_next_command_are_said(tmp_path: Path) -> None:
    """C5"""
    command = [sys.executable, "-m", "strongroom", "--home", str(tmp_path), "ui"]
    told = subprocess.run(
        command, env=_environment(TERM="xterm"), cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert told.returncode == 2
    assert "There is no terminal to draw on" in told.stderr
    assert "strongroom --help" in told.stderr
