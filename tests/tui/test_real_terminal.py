"""The real program on a pseudo-terminal: drawn, driven, resized, ended by key and by signal, the terminal left as it was found (C5)."""

import fcntl
import os
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Job
from strongroom.domain.states import Operation
from tests.packaging.terminal import Terminal

CHECKOUT = Path(__file__).parents[2]
ENTER_ALTERNATE, LEAVE_ALTERNATE, SHOW_CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"


class RecordedTerminal(Terminal):
    """Keeps the bytes beside the screen, because leaving the alternate screen is not drawn."""

    raw = b""

    def _read(self) -> bool:
        feed = self._stream.feed

        def recording(data: bytes) -> None:
            self.raw += data
            feed(data)

        self._stream.feed = recording
        try:
            return super()._read()
        finally:
            self._stream.feed = feed

    def resize(self, columns: int, lines: int) -> None:
        self._screen.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def wait_until_gone(self, words: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while words in self.text:
            assert time.monotonic() < deadline, f"still «{words}» on:\n{self.text}"
            self._read()

    def drain(self) -> None:
        """Read what is left after the end."""
        while self._read() and self.process.poll() is None:
            pass
        self._read()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[RecordedTerminal]:
    env = {
        **os.environ,
        "PYTHONPATH": f"{CHECKOUT / 'app'}:{CHECKOUT}",
        "TERM": "xterm-256color",
        "TZ": "Europe/Berlin",
        "LANG": "C.UTF-8",
    }
    command = [sys.executable, "-m", "tests.tui.terminal_program", str(tmp_path)]
    with RecordedTerminal(command, env=env, cwd=CHECKOUT, columns=80, lines=24) as opened:
        opened.wait_for("PROTECTED", 60)
        yield opened


def test_the_program_is_driven_and_left_by_keys(terminal: RecordedTerminal) -> None:
    """C5: pages, a form, a resize and q; the shell gets its screen back with the remark that jobs go on."""
    terminal.press("3")
    terminal.wait_for("Protection Status", 20)
    terminal.press("jjj\r")
    terminal.wait_for("Is the data there?", 20)
    terminal.press("\x1b")
    terminal.wait_for("Newest Point", 20)
    terminal.resize(120, 40)
    terminal.wait_for("Registered Items", 20)
    terminal.press("q")
    assert terminal.wait_for_end(20) == 0
    terminal.drain()
    assert ENTER_ALTERNATE in terminal.raw
    assert terminal.raw.rindex(LEAVE_ALTERNATE) > terminal.raw.rindex(ENTER_ALTERNATE)
    assert "Jobs go on in the service." in terminal.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_signal_leaves_the_terminal_as_it_was_found(terminal: RecordedTerminal, number: signal.Signals) -> None:
    """C5: the alternate screen is left, the cursor is back, and the exit code names the signal."""
    terminal.process.send_signal(number)
    assert terminal.wait_for_end(20) == 128 + number
    terminal.drain()
    assert LEAVE_ALTERNATE in terminal.raw
    assert SHOW_CURSOR in terminal.raw


def test_a_paste_without_brackets_deletes_nothing(terminal: RecordedTerminal, tmp_path: Path) -> None:
    """A17: pasted text is a run of keys; what destroys data wants its name typed, so a stray paste ends at a question."""
    terminal.press("3")
    terminal.wait_for("Protection Status", 20)
    terminal.press("x")
    terminal.wait_for("Protection of legacy-erp", 20)
    terminal.press("Dyyyn delete everything\r")
    terminal.wait_until_gone("Protection of legacy-erp", 20)
    terminal.process.send_signal(signal.SIGTERM)
    terminal.wait_for_end(20)
    with Catalog.open(tmp_path / "catalog.db") as catalog, catalog.read() as session:
        operations = {job.operation for job in session.exec(select(Job))}
    assert operations == {Operation.BACKUP, Operation.RESTORE, Operation.DISCOVER}  # those that were there before
