"""Where answers go: data on stdout as tables or JSON, narration on stderr, every name from outside made safe to show."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from strongroom.cli.formats import word
from strongroom.cli.plain import plain
from strongroom.domain.errors import ErrorRecord
from strongroom.domain.text import safe_text

_FORMULA_STARTS = "=+-@"
_GAP = 2
"""Spaces between two columns."""

_UNBOUNDED_COLUMNS = 100_000
"""The width of a table that no terminal shows: another program reads it, so nothing is wrapped or cut."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its heading, and how a row fills it (any value; ``formats.word`` writes it).

    On a terminal that is too narrow the columns with the highest ``spare`` are left out first; those with 0 never.
    """

    heading: str
    value: Callable[[Any], Any]
    right: bool = False
    spare: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """Prints one command's answer in the form that was asked for; ``one_line_errors`` is for logs, whose last line must say it all."""

    as_json: bool = False
    one_line_errors: bool = False

    def items(self, rows: Sequence[Any], columns: Sequence[Column], *, after: Any = None, empty: str = "Nothing to list.") -> None:
        """A list: ``{"items": […], "next": …}`` or a table; ``after`` is the cursor of the next page."""
        if self.as_json:
            self.json({"items": plain(rows), "next": plain(after)})
        elif not rows:
            self.say(empty)
        else:
            self.text(_table(rows, columns))
            if after is not None:
                self.say(f"There are more: add --after {after}")

    def csv(self, rows: Sequence[Any], columns: Sequence[Column]) -> None:
        """A list for spreadsheets: plain values, nothing as an empty field, text made safe."""
        import csv
        import io

        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(column.heading for column in columns)
        writer.writerows([_field(plain(column.value(row))) for column in columns] for row in rows)
        _write(sys.stdout, table.getvalue())

    def thing(self, value: Any, lines: Mapping[str, Any]) -> None:
        """One object: itself as JSON, or ``lines`` as «label: value», without those that are empty."""
        if self.as_json:
            self.json(plain(value))
            return
        shown = {safe_text(label): safe_text(word(entry)) for label, entry in lines.items() if entry not in (None, "", (), [])}
        width = max((len(label) for label in shown), default=0) + 1
        self.text("\n".join(f"{label + ':':<{width}}  {entry}" for label, entry in shown.items()))

    def done(self, value: Mapping[str, Any], sentence: str) -> None:
        """The answer of a command that changed something: ``value`` as JSON, or one sentence."""
        if self.as_json:
            self.json(plain(value))
        else:
            self.text(safe_text(sentence))

    def json(self, value: Any) -> None:
        """One JSON document. ASCII only: the same text on every terminal, and the same values for every reader."""
        self.text(json.dumps(value, ensure_ascii=True, indent=2))

    def text(self, text: str) -> None:
        """Data, as it is, with a line end."""
        _write(sys.stdout, text + "\n")

    def say(self, text: str) -> None:
        """Narration: one safe line for people, never data."""
        _write(sys.stderr, safe_text(text) + "\n")

    def error(self, record: ErrorRecord) -> None:
        """An error: ``{"error": {…}}`` as JSON on stdout, or what happened, why, and what to do, on stderr."""
        if self.as_json:
            self.json({"error": dict(record)})
            return
        if self.one_line_errors:
            self.say(" · ".join(part for part in (f"{record['code']}: {record['message']}", record["cause"], record["action"]) if part))
            return
        self.say(f"{record['code']}: {record['message']}")
        for label, part in (("  Cause:  ", record["cause"]), ("  Do:     ", record["action"])):
            if part:
                self.say(label + part)


def _field(value: Any) -> Any:
    """A value of a spreadsheet; text that a spreadsheet would take for a formula is marked as text."""
    if not isinstance(value, str):
        return value
    text = safe_text(value)
    return f"'{text}" if text.startswith(tuple(_FORMULA_STARTS)) else text


def _table(rows: Sequence[Any], columns: Sequence[Column]) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if terminal else _UNBOUNDED_COLUMNS, no_color=None if terminal else True)
    cells = [[safe_text(word(column.value(row))) for row in rows] for column in columns]
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    shown = _fitting(columns, cells, console.width)
    for place in shown:
        column = columns[place]
        table.add_column(Text(column.heading), justify="right" if column.right else "left", overflow="fold")
    for row in zip(*(cells[place] for place in shown), strict=True):
        table.add_row(*map(Text, row))
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _fitting(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> list[int]:
    """The places of the columns that are shown: as many as the width takes, by their ``spare``."""
    from rich.cells import cell_len

    needed = [max(map(cell_len, [column.heading, *filled])) + _GAP for column, filled in zip(columns, cells, strict=True)]
    shown = list(range(len(columns)))
    for place in sorted(shown, key=lambda place: -columns[place].spare):
        if columns[place].spare and sum(needed[kept] for kept in shown) - _GAP > width:
            shown.remove(place)
    return shown


def _write(stream: TextIO, text: str) -> None:
    """Write at once; a reader that has gone away ends the printing, not the command."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        discard(stream)


def discard(stream: TextIO) -> None:
    """Let everything further written to ``stream`` go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def prepare_streams() -> None:
    """Whatever the locale, printing never fails: what the encoding lacks is escaped, and a stream that was closed takes everything."""
    nowhere = Path(os.devnull)
    sys.stdin = sys.stdin or nowhere.open(encoding="utf-8")
    sys.stdout = sys.stdout or nowhere.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or nowhere.open("w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
