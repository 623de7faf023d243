"""The one shape of every operation, so that the runner knows none of them by name.

A job goes: ``spec`` (what the worker is told, or None when the service does it itself) → the worker's result → ``perform`` (events that must be
durable first) → its ``Apply``, in the same transaction as the job's end. If anything fails, ``failed`` says what the item shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from strongroom.catalog.entities import Job
from strongroom.domain.errors import ErrorRecord
from strongroom.engine.context import Context

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended well; warnings make it «Completed with warnings»."""

    result: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    point_id: int | None = None


Apply = Callable[[Session], Outcome]


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker process is told: ``body`` as JSON, and the vault's key, which travels apart and is never logged."""

    body: dict[str, Any]
    vault_uid: str = ""  # whose key it needs; empty for none


def no_spec(_context: Context, _job: Job) -> WorkerSpec | None:
    """The service does it itself."""
    return None


def nothing_shown(_session: Session, _context: Context, _job: Job, _error: ErrorRecord) -> None:
    """A failure changes no state beside the job's own."""


@dataclass(frozen=True, slots=True)
class Undertaking:
    """One operation."""

    perform: Callable[[Context, Job, Result], Apply]
    sub_tasks: tuple[str, ...]
    spec: Callable[[Context, Job], WorkerSpec | None] = no_spec
    failed: Callable[[Session, Context, Job, ErrorRecord], None] = nothing_shown
