"""One active service per catalog (feature B12).

The lease is a row. Whoever holds it moves its counter; whoever wants it judges the holder in two ways and never by comparing wall clocks, which may jump
by days: on the same host by asking whether that very process still lives, elsewhere by watching, on its own monotonic clock, whether the counter moves.
Every take-over raises the token, and what the holder writes is checked against the token in the same transaction, so that a holder that was asleep
cannot write after it was replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlmodel import Session

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Lease as LeaseRow
from strongroom.domain.clock import Clock
from strongroom.domain.errors import StrongroomError
from strongroom.scheduler.errors import LeaseLost
from strongroom.scheduler.owner import Life, life_of, this_owner

log = structlog.get_logger(__name__)

DEFAULT_TTL_SECONDS = 30.0
RENEWALS_PER_TTL = 3
"""Two renewals may fail before anybody else may think that the holder is gone."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    """What the holder's row said, and when (monotonic seconds) it said so for the first time."""

    owner: str
    token: int
    counter: int
    since: float


class Lease:
    """This process's claim to be the active service; call ``acquire`` and ``renew`` as often as you like, they write only when it is time."""

    def __init__(
        self,
        catalog: Catalog,
        clock: Clock,
        *,
        ttl_seconds: float = DEFAULT_TTL_SECONDS,
        renew_seconds: float | None = None,
        name: str = "service",
        owner: str = "",
    ) -> None:
        self.owner = owner or this_owner()
        self.token = 0
        self.ttl_seconds = ttl_seconds
        self.renew_seconds = ttl_seconds / RENEWALS_PER_TTL if renew_seconds is None else renew_seconds
        self._catalog = catalog
        self._clock = clock
        self._name = name
        self._renewed = float("-inf")
        self._sighting: _Sighting | None = None

    @property
    def held(self) -> bool:
        """Whether this process may act as the active service: it holds the lease and renewed it within the TTL."""
        return self.token > 0 and self._clock.monotonic() - self._renewed < self.ttl_seconds

    def acquire(self) -> bool:
        """Try once, without waiting, to become (or to stay) the active service."""
        if self.token:
            return self.renew()
        with self._catalog.read() as session:
            row = session.get(LeaseRow, self._name)
        if not self._may_take(row):
            return False
        started = self._clock.monotonic()
        with self._catalog.write() as session:
            token = self._take(session, row)
        if not token:
            return False
        self.token, self._renewed, self._sighting = token, started, None
        log.info("lease taken", owner=self.owner, token=token, before=row.owner if row else "")
        return True

    def renew(self) -> bool:
        """Keep the lease; False once it is lost. A catalog that does not answer for a moment is no loss until the TTL is over."""
        if not self.token:
            return False
        started = self._clock.monotonic()
        if started - self._renewed < self.renew_seconds:
            return True
        try:
            with self._catalog.write() as session:
                row = self._own_row(session)
                row.counter, row.renewed_at = row.counter + 1, self._clock.now()
                session.add(row)
        except LeaseLost as error:
            log.warning("lease lost", **error.record())
            self.token = 0
            return False
        except StrongroomError as error:
            log.warning("lease not renewed", **error.record())
            return self.held
        self._renewed = started
        return True

    def guard(self, session: Session) -> None:
        """Raise ``LeaseLost``, and so undo the caller's transaction, unless this process is the active service at this very moment."""
        if not self.token:
            raise LeaseLost("This process does not hold the service's lease")
        self._own_row(session)

    def release(self) -> None:
        """Give the lease up, so that a stand-by takes over at once; harmless if it is not held."""
        if not self.token:
            return
        try:
            with self._catalog.write() as session:
                row = self._own_row(session)
                row.owner = ""
                session.add(row)
        except LeaseLost:
            pass
        finally:
            self.token = 0

    def _own_row(self, session: Session) -> LeaseRow:
        row = session.get(LeaseRow, self._name)
        if row is None or (row.owner, row.token) != (self.owner, self.token):
            by = f"{row.owner or 'nobody'} with token {row.token}" if row else "nobody"
            raise LeaseLost(
                "Another service has taken over the lease", cause=f"it is held by {by}, this is {self.owner} with token {self.token}"
            )
        return row

    def _may_take(self, row: LeaseRow | None) -> bool:
        """Whether the holder is gone; starts or continues to watch its counter where that is all there is to go by."""
        if row is None or not row.owner:
            return True
        life = life_of(row.owner)
        if life is not Life.UNKNOWN:
            self._sighting = None
            return life is Life.DEAD
        now = self._clock.monotonic()
        seen = self._sighting
        if seen is None or (seen.owner, seen.token, seen.counter) != (row.owner, row.token, row.counter):
            self._sighting = _Sighting(row.owner, row.token, row.counter, now)
            return False
        return now - seen.since >= self.ttl_seconds

    def _take(self, session: Session, judged: LeaseRow | None) -> int:
        """Write this process into the row if it is still the one that was judged, for whoever writes first wins; the new token or 0."""
        row = session.get(LeaseRow, self._name)
        if _state(row) != _state(judged):
            return 0
        row = row or LeaseRow(name=self._name, owner="", renewed_at=self._clock.now())
        row.owner, row.token, row.counter, row.renewed_at = self.owner, row.token + 1, row.counter + 1, self._clock.now()
        session.add(row)
        return row.token


def _state(row: LeaseRow | None) -> tuple[str, int, int]:
    return (row.owner, row.token, row.counter) if row else ("", 0, 0)
