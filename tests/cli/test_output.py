"""Data on stdout, narration on stderr, and no name from outside that disturbs either (features A19, C5)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from strongroom.cli.exits import OF_ERROR, OF_JOB, ExitCode, of_kind, of_many
from strongroom.cli.output import Column, Output
from strongroom.cli.plain import plain
from strongroom.domain.errors import ErrorKind, InternalError
from strongroom.domain.states import ENDED, JobStatus
from tests.cli.terminal_run import APP, Command, apart


@dataclass(frozen=True)
class Row:
    name: str


HOSTILE = "a\nb\x1b[2J\u202eevil\udcff"
COLUMNS = (Column("Name", lambda row: row.name),)


def test_a_table_shows_hostile_names_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """C5: one row stays one line, and no control character reaches the terminal."""
    Output().items([Row(HOSTILE)], COLUMNS)
    assert capsys.readouterr().out == "Name\na\\nb\\x1b[2J\\u202eevil\\udcff\n"


def test_json_keeps_hostile_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """C5: programs get the name verbatim, in ASCII on every terminal."""
    Output(as_json=True).items([{"name": HOSTILE}], COLUMNS, after="cursor")
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"items": [{"name": HOSTILE}], "next": "cursor"}


def test_markup_in_a_name_is_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    """C5: a machine may be called [bold]."""
    Output().items([Row("[bold]x[/bold]")], COLUMNS)
    assert "[bold]x[/bold]" in capsys.readouterr().out


def test_a_table_in_a_pipe_is_neither_wrapped_nor_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """C5: what other programs read is whole."""
    Output().items([Row("x" * 5000)], COLUMNS)
    assert capsys.readouterr().out.splitlines()[1] == "x" * 5000


def test_an_error_names_cause_and_action_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """A19: code, message, cause, what to do; stdout stays empty for pipes."""
    Output().error(InternalError("It broke", cause="because", action="mend it").record())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line.split(":")[0].strip() for line in captured.err.splitlines()] == ["InternalError", "Cause", "Do"]


def test_an_error_as_json_is_the_documented_object(command: Command) -> None:
    """A19: ``{"error": {"code", "message", "cause", "action"}}`` on stdout."""
    ran = command("vault", "show", "nowhere", "--json")
    assert ran.code == ExitCode.NOT_FOUND
    assert ran.json["error"]["code"] == "VaultNotFound"
    assert {"message", "cause", "action"} <= set(ran.json["error"])


def test_every_kind_of_error_and_every_end_of_a_job_has_its_exit_code() -> None:
    """A19: one table, complete."""
    assert set(OF_ERROR) == set(ErrorKind)
    assert set(OF_JOB) == set(ENDED)
    assert set(OF_ERROR.values()) | set(OF_JOB.values()) | {ExitCode.DONE} == set(ExitCode)


def test_codes_that_differ_are_in_part() -> None:
    """A19: several jobs, one exit code."""
    done, failed = OF_JOB[JobStatus.COMPLETED], OF_JOB[JobStatus.FAILED]
    assert of_many([]) == ExitCode.DONE
    assert of_many([done, done]) == ExitCode.DONE
    assert of_many([failed, failed]) == ExitCode.FAILED
    assert of_many([done, failed]) == ExitCode.IN_PART
    assert of_kind("a kind of tomorrow") == ExitCode.FAILED


def test_times_are_utc_and_rows_are_objects() -> None:
    """commands.md's shapes: RFC 3339 in UTC (feature A13)."""
    from datetime import datetime, timedelta, timezone

    from strongroom.domain.progress import Progress

    at = datetime(2026, 11, 22, 12, 0, tzinfo=timezone(timedelta(hours=1)))
    assert plain({"at": at, "for": timedelta(minutes=1.5), "status": JobStatus.WARNINGS, "path": Path("/x")}) == {
        "at": "2026-11-22T11:00:00.000Z",
        "for": 90.0,
        "status": "Completed with warnings",
        "path": "/x",
    }
    assert plain(Progress(phase="x"))["phase"] == "x"


def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    """A19: ``strongroom … | head -1`` ends quietly, and with the command's own exit code."""
    script = (
        "import sys; from strongroom.cli.output import Output, prepare_streams; from strongroom.cli.boundary import _flush; prepare_streams()\n"
        "for _ in range(100_000): Output().text('x' * 100)\n"
        "_flush(); print('to the end', file=sys.stderr)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(APP)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b"to the end\n"
    assert process.returncode == 0


def test_a_poor_encoding_never_ends_a_command(tmp_path: Path) -> None:
    """C5: a terminal that knows only ASCII gets escapes, not a traceback."""
    done = apart("vault", "show", "größe", home=tmp_path, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"})
    assert done.returncode == ExitCode.NOT_FOUND
    assert "Traceback" not in done.stderr


def test_what_nobody_foresaw_is_an_internal_error_and_its_traceback_goes_to_the_log(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A19: the operator never sees a traceback, unless STRONGROOM_DEBUG asks for it."""
    command("vault", "list")

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a state that cannot be")

    monkeypatch.setattr("strongroom.catalog.queries.vaults.vaults", broken)
    ran = command("vault", "list", "--json")
    assert ran.code == ExitCode.FAILED
    assert ran.json["error"]["code"] == "InternalError"
    assert ran.err == ""
    assert "ZeroDivisionError: a state that cannot be" in (command.home / "log" / "command.log").read_text()
    monkeypatch.setenv("STRONGROOM_DEBUG", "1")
    assert "Traceback" in command("vault", "list").err


def test_no_empty_catalog_is_made_where_one_was_lost(command: Command) -> None:
    """C4: keys without a catalog mean a loss; the command says how to bring it back."""
    keys = command.home / "keys"
    keys.mkdir(parents=True)
    (keys / "0123.key").write_text("{}")
    ran = command("vault", "list", "--json")
    assert ran.code == ExitCode.NOT_FOUND
    assert ran.json["error"]["code"] == "CatalogMissing"
    assert "strongroom rebuild" in ran.json["error"]["action"]
    assert not (command.home / "catalog.db").exists()


def test_a_narrow_terminal_loses_spare_columns_and_no_names(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """C5: at 40 columns the name stands whole on one line; what is spare is left out, most spare first."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    columns = (*COLUMNS, Column("Much", lambda _: "x" * 12, spare=2), Column("Less", lambda _: "y" * 12, spare=1))
    Output().items([Row("a" * 20)], columns)
    out = capsys.readouterr().out
    assert "a" * 20 in out
    assert "y" * 12 in out
    assert "x" not in out


def test_a_spreadsheet_gets_plain_values_and_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    """A13: one line a row whatever the name holds, nothing as an empty field, and no name becomes a formula."""
    columns = (*COLUMNS, Column("none", lambda _: None), Column("bytes", lambda _: 42))
    Output().csv([Row('a,\n"b'), Row("=1+1")], columns)
    assert capsys.readouterr().out == 'Name,none,bytes\n"a,\\n""b",,42\n\'=1+1,,42\n'


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_failure(tmp_path: Path, closed: str) -> None:
    """A19: cron jobs and service managers close what they like."""
    environment = {**os.environ, "PYTHONPATH": str(APP), "STRONGROOM_HOME": str(tmp_path)}
    line = f"{sys.executable} -P -m strongroom vault list --json {closed}"
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
