"""Jobs that the operator began here, followed until they end, so that the end is said where the beginning was (feature A3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.catalog.queries.jobs import JobDetails, JobFilter, job, jobs
from strongroom.catalog.queries.page import Page
from strongroom.domain.states import ENDED, JobStatus, Operation
from strongroom.engine.submission import Submitted
from strongroom.tui.notices import Severity
from strongroom.tui.units import count

if TYPE_CHECKING:
    from sqlmodel import Session

MOST_FOLLOWED_JOBS = 500
_SHOWN_BY_ROWS = frozenset({Operation.REGISTER, Operation.UNREGISTER, Operation.CONFIGURE_PROTECTION, Operation.STOP_PROTECTION})


@dataclass(frozen=True, slots=True)
class Ending:
    """What is said when a request's last job has ended."""

    text: str
    severity: Severity
    batch: str
    job_ids: tuple[int, ...]


class Following:
    """The requests whose end has not been said yet."""

    def __init__(self) -> None:
        self._followed: list[Submitted] = []

    def follow(self, submitted: Submitted) -> None:
        if submitted.job_ids:
            self._followed.append(submitted)

    @property
    def any(self) -> bool:
        return bool(self._followed)

    def look(self, session: Session, vault_name: str) -> list[Ending]:
        """The requests that have ended since; each is told once."""
        endings = []
        for submitted in list(self._followed):
            details = _details(session, submitted)
            if all(found.row.status in ENDED for found in details):
                self._followed.remove(submitted)
                endings.extend([_ending(submitted, details, vault_name)] if _worth_saying(details) else [])
        return endings


def _details(session: Session, submitted: Submitted) -> list[JobDetails]:
    """A single job whole; of a bulk action the rows are enough, so one query tells about all of them."""
    if len(submitted.job_ids) == 1 or not submitted.batch:
        return [found for job_id in submitted.job_ids if (found := job(session, job_id))]
    listing = jobs(session, JobFilter(batch=submitted.batch), page=Page(limit=MOST_FOLLOWED_JOBS))
    if any(row.status not in ENDED for row in listing.items):
        return [JobDetails(row, None, "", None, {}, (), {}, (), None, None) for row in listing.items]
    return [found for row in listing.items if (found := job(session, row.job_id))]


def _worth_saying(details: Sequence[JobDetails]) -> bool:
    """What only changes rows shows its success in the rows."""
    return any(found.row.status is not JobStatus.COMPLETED or found.row.operation not in _SHOWN_BY_ROWS for found in details)


def _ending(submitted: Submitted, details: Sequence[JobDetails], vault_name: str) -> Ending:
    statuses = Counter(found.row.status for found in details)
    bad = statuses[JobStatus.FAILED]
    severity: Severity = "error" if bad else "warning" if statuses[JobStatus.WARNINGS] + statuses[JobStatus.CANCELLED] else "information"
    if details[0].row.operation is Operation.DISCOVER and not bad:
        text = _discovered(details, vault_name)
    elif len(details) == 1:
        text = _single(details[0])
    else:
        parts = ", ".join(f"{number} {status.value}" for status, number in sorted(statuses.items()))
        text = f"{details[0].row.operation.value} of {count(len(details), 'machine')} ended: {parts}"
    return Ending(text, severity, submitted.batch, submitted.job_ids)


def _single(details: JobDetails) -> str:
    row = details.row
    text = f"{row.operation.value} of {row.workload_name}: {row.status.value}"
    if row.error:
        text += f" · {row.error.get('code', '')}: {row.error.get('message', '')}"
    return text


def _discovered(details: Sequence[JobDetails], vault_name: str) -> str:
    found, new, gone = (sum(int(one.result.get(key, 0)) for one in details) for key in ("found", "new", "vanished"))
    counts = f"{count(found, 'machine')} found, {new} new" + (f", {gone} vanished" if gone else "")
    where = f" Register them to the vault '{vault_name}' with r." if vault_name else ""
    return f"Successfully discovered new items. {counts}.{where}" if new else f"Discovery ended: {counts}."
