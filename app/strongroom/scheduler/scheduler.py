"""From policy rows to queued backups (feature B12): triggers for promptness, a steady look at everything for certainty."""

from __future__ import annotations

import threading

import structlog
from sqlmodel import select

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Policy
from strongroom.domain.clock import Clock
from strongroom.domain.errors import StrongroomError
from strongroom.domain.policy import PolicySpec
from strongroom.domain.schedule import Schedule
from strongroom.scheduler.errors import LeaseLost
from strongroom.scheduler.lease import Lease
from strongroom.scheduler.slots import Fired, Firing, Submit
from strongroom.scheduler.triggers import Triggers

log = structlog.get_logger(__name__)

DEFAULT_REFRESH_SECONDS = 20.0
"""How long an edit by another process, a step of the clock or a resume from suspend may stay unnoticed."""


class Scheduler:
    """Fires the slots of every policy while this process holds the lease; between ``start`` and ``stop`` it needs no help."""

    def __init__(
        self, catalog: Catalog, submit: Submit, clock: Clock, lease: Lease, *, refresh_seconds: float = DEFAULT_REFRESH_SECONDS
    ) -> None:
        self._catalog = catalog
        self._lease = lease
        self._clock = clock
        self._refresh_seconds = refresh_seconds
        self._firing = Firing(catalog, submit, clock, lease)
        self._turn = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._triggers: Triggers | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Catch up on everything due, then go on in the background. May be called again after ``stop``."""
        self._stopping.clear()
        self._wake.set()
        self._triggers = Triggers(self._clock, self._on_trigger, self._wake.set)
        self._triggers.start()
        self._thread = threading.Thread(target=self._watch, name="schedules", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; when it returns nothing more is fired. Harmless if it does not run."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._triggers is not None:
            self._triggers.stop()
            self._triggers = None

    def refresh(self) -> None:
        """Read the policies again now instead of at the next steady look; returns at once."""
        self._wake.set()

    def sweep(self) -> tuple[Fired, ...]:
        """Read every policy, put the triggers in place, and settle what is due; what was settled. Does nothing without the lease.

        One policy that fails is logged and keeps no other from being fired.
        """
        with self._turn:
            schedules = self._schedules()
            if self._triggers is not None:
                self._triggers.align(schedules)
            fired: list[Fired] = []
            for policy_id in schedules:
                fired.extend(self._fire(policy_id))
            return tuple(fired)

    def _schedules(self) -> dict[int, Schedule]:
        """Every policy's schedule, by id; a record that cannot be read is logged and left out."""
        found: dict[int, Schedule] = {}
        with self._catalog.read() as session:
            rows = [(policy.id or 0, policy.name, policy.spec) for policy in session.exec(select(Policy))]
        for policy_id, name, record in rows:
            try:
                found[policy_id] = PolicySpec.from_json(record).schedule
            except StrongroomError as error:
                log.warning("policy cannot be read", policy=name, **error.record())
        return found

    def _fire(self, policy_id: int) -> tuple[Fired, ...]:
        if not self._lease.held:
            return ()
        try:
            fired = self._firing.fire(policy_id)
        except LeaseLost as error:
            log.warning("not fired", **error.record())
            return ()
        except StrongroomError as error:
            log.warning("policy not fired, it will be tried again", policy=policy_id, **error.record())
            return ()
        for each in fired:
            log.info("slot", policy=each.policy_id, item=each.item_id, slot=str(each.slot), outcome=each.outcome, job=each.job_id)
        return fired

    def _on_trigger(self, policy_id: int) -> None:
        with self._turn:
            if not self._stopping.is_set():
                self._fire(policy_id)

    def _watch(self) -> None:
        """The steady look. It waits on the monotonic clock, which no step of the wall clock can lengthen."""
        while not self._stopping.is_set():
            self._wake.wait(self._refresh_seconds)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self.sweep()
            except Exception:
                log.exception("schedules could not be looked at, they will be again", seconds=self._refresh_seconds)
