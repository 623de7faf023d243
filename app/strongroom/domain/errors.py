"""What every error of Strongroom carries: code, message, cause, what to do (feature A19).

A room that can fail defines its own subclasses in its own ``errors.py``; the class name is the code that operators see,
and ``docs/errors.md`` has one heading for each. Nothing is raised to an operator that is not one of these.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, TypedDict


class ErrorKind(StrEnum):
    """What sort of failure it is; the command line turns it into an exit code, in one table."""

    FAILED = "failed"
    USAGE = "usage"
    NOT_FOUND = "not found"
    BUSY = "busy"
    KEY = "key"
    VERSION = "version"
    CANCELLED = "cancelled"


class ErrorRecord(TypedDict):
    """An error as data: job rows, worker messages and ``--json`` output all have this shape."""

    code: str
    message: str
    cause: str
    action: str
    kind: str
    retryable: bool


class StrongroomError(Exception):
    """The base of all our errors: ``message`` names the object, ``cause`` why, ``action`` the next command.

    ``retryable`` says whether the same attempt may succeed by itself a little later (feature A18).
    """

    kind: ClassVar[ErrorKind] = ErrorKind.FAILED
    retryable: ClassVar[bool] = False
    default_cause: ClassVar[str] = ""
    default_action: ClassVar[str] = ""

    def __init__(self, message: str, *, cause: str = "", action: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause or self.default_cause
        self.action = action or self.default_action

    @property
    def code(self) -> str:
        """The name by which documents and programs know this error."""
        return type(self).__name__

    def record(self) -> ErrorRecord:
        """This error as plain data."""
        return {
            "code": self.code,
            "message": self.message,
            "cause": self.cause,
            "action": self.action,
            "kind": self.kind.value,
            "retryable": self.retryable,
        }

    def __str__(self) -> str:
        return " · ".join(part for part in (self.message, self.cause, self.action) if part)


class Cancelled(StrongroomError):
    """The operator cancelled the operation; nothing half done is left."""

    kind = ErrorKind.CANCELLED
    default_action = "Run it again when you are ready."


class InvalidInput(StrongroomError):
    """A value from the operator or a file breaks a stated rule."""

    kind = ErrorKind.USAGE


class InternalError(StrongroomError):
    """Something happened that nobody foresaw; the job log has the traceback."""

    default_action = "Look at the job log (strongroom job log ID) and report it with that log."


def as_record(error: BaseException) -> ErrorRecord:
    """Any exception as an error record: our own as they are, the rest as ``InternalError``."""
    if isinstance(error, StrongroomError):
        return error.record()
    name = type(error).__name__
    return InternalError(f"An unexpected {name} ended the operation", cause=str(error) or name).record()
