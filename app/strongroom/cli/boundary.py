"""The one place where errors leave the program: as records and exit codes, never as a traceback."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer
from typer.exceptions import TyperException

from strongroom.cli.exits import ExitCode, of_kind
from strongroom.cli.invocation import Invocation
from strongroom.cli.output import discard
from strongroom.domain.errors import ErrorRecord, InternalError, InvalidInput, StrongroomError, as_record

DEBUG_VARIABLE = "STRONGROOM_DEBUG"


def run(command: Any, arguments: Sequence[str]) -> int:
    """Run ``command`` and return its exit code; whatever it raises is told as an error record."""
    invocation = Invocation(as_json="--json" in arguments)
    try:
        code = _outcome(command, arguments, invocation)
    finally:
        invocation.close()
        _flush()
    return int(code)


def _outcome(command: Any, arguments: Sequence[str], invocation: Invocation) -> int:
    try:
        code = command.main(list(arguments), prog_name="strongroom", standalone_mode=False, obj=invocation)
    except StrongroomError as error:
        return _told(invocation, error.record())
    except TyperException as error:
        return _usage(invocation, error)
    except typer.Abort:
        return ExitCode.CANCELLED
    except SystemExit as ending:  # a pager or shell completion ends this way
        return ending.code if isinstance(ending.code, int) else ExitCode.DONE
    except Exception as error:  # noqa: BLE001  (nothing may reach the operator as a traceback)
        return _told(invocation, _unexpected(invocation, error))
    return code if isinstance(code, int) else ExitCode.DONE


def _told(invocation: Invocation, record: ErrorRecord) -> int:
    invocation.output.error(record)
    return of_kind(record["kind"])


def _usage(invocation: Invocation, error: Any) -> int:
    """A wrong command line: Typer's own words, or the record that scripts expect."""
    if invocation.as_json:
        return _told(invocation, InvalidInput(error.format_message(), action="Look at --help of the command.").record())
    from typer.rich_utils import rich_format_error

    rich_format_error(error)
    return ExitCode.USAGE


def _unexpected(invocation: Invocation, error: Exception) -> ErrorRecord:
    """``InternalError``; the traceback goes to the log of commands, and to stderr when STRONGROOM_DEBUG is set."""
    text = "".join(traceback.format_exception(error))
    if os.environ.get(DEBUG_VARIABLE):
        sys.stderr.write(text)
    kept = _keep(invocation, text)
    record = as_record(error)
    if record["code"] == InternalError.__name__:
        record["action"] = f"Report it with the traceback {kept or f'that {DEBUG_VARIABLE}=1 prints'}."
    return record


def _keep(invocation: Invocation, text: str) -> str:
    with contextlib.suppress(OSError, StrongroomError):
        log = invocation.paths.command_log
        if log.parent.is_dir():
            with log.open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)
            return f"in {log}"
    return ""


def _flush() -> None:
    """Flush what is left; a reader that has gone away is no failure of ours."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            discard(stream)
