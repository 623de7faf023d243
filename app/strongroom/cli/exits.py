"""What a command's exit code means: one table, used by every command and printed in ``docs/guides/command-line.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

from strongroom.domain.errors import ErrorKind
from strongroom.domain.states import JobStatus


class ExitCode(IntEnum):
    """Every code that a command of ours ends with."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    IN_PART = 3
    NOT_FOUND = 10
    BUSY = 11
    KEY = 12
    VERSION = 13
    CANCELLED = 130


OF_ERROR: Mapping[str, ExitCode] = {
    ErrorKind.FAILED: ExitCode.FAILED,
    ErrorKind.USAGE: ExitCode.USAGE,
    ErrorKind.NOT_FOUND: ExitCode.NOT_FOUND,
    ErrorKind.BUSY: ExitCode.BUSY,
    ErrorKind.KEY: ExitCode.KEY,
    ErrorKind.VERSION: ExitCode.VERSION,
    ErrorKind.CANCELLED: ExitCode.CANCELLED,
}

OF_JOB: Mapping[str, ExitCode] = {
    JobStatus.COMPLETED: ExitCode.DONE,
    JobStatus.WARNINGS: ExitCode.IN_PART,
    JobStatus.SKIPPED: ExitCode.IN_PART,
    JobStatus.FAILED: ExitCode.FAILED,
    JobStatus.CANCELLED: ExitCode.CANCELLED,
}


def of_kind(kind: str) -> ExitCode:
    """The code of an error record's kind; a kind that a newer version wrote counts as a failure."""
    return OF_ERROR.get(kind, ExitCode.FAILED)


def of_many(codes: Iterable[ExitCode]) -> ExitCode:
    """One code for several outcomes: theirs where all agree, else «in part»; none at all is done."""
    different = set(codes)
    if not different:
        return ExitCode.DONE
    return different.pop() if len(different) == 1 else ExitCode.IN_PART
