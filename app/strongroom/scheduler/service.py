"""The headless service (feature B12): one leads, others stand by; the leader fires schedules, claims jobs and watches over them.

The loop is the only place that claims. It wakes when anybody commits to the catalog, and once a second anyway.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import structlog
from sqlmodel import Session, select

from strongroom.catalog.entities import Item, Policy, Vault
from strongroom.domain.errors import StrongroomError, as_record
from strongroom.domain.schedule import SlotKey
from strongroom.domain.states import Operation, Trigger
from strongroom.engine.backups import backup_draft
from strongroom.engine.context import Context
from strongroom.engine.errors import RecoveryUnconfirmed
from strongroom.engine.jobs.crew import Crew
from strongroom.engine.jobs.queue import Blocked, anything_queued, cancelling, claim, complete, fail
from strongroom.engine.jobs.reconciliation import reconcile_jobs, reconcile_vaults
from strongroom.engine.jobs.table import IN_SERVICE, UNDERTAKINGS
from strongroom.engine.jobs.tidying import tidy_sources
from strongroom.engine.keyring import load_key
from strongroom.engine.submission import insert_job
from strongroom.engine.upkeep import measure
from strongroom.scheduler.lease import Lease
from strongroom.scheduler.scheduler import Scheduler

log = structlog.get_logger(__name__)

DATA = frozenset(Operation) - IN_SERVICE
_TICK_SECONDS = 0.2
_IDLE_TICKS = 5
_BATCH = 50
_MEASURE_SECONDS = 60.0
"""How often the room that repositories take is looked at while nothing ends."""

_MEASURE_SOON_SECONDS = 5.0
"""How often at most, while jobs end: it asks for the size of every object."""


class Service:
    """One process that works for an installation until it is told to stop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._lease = Lease(context.catalog, context.clock, ttl_seconds=context.settings.lease_seconds)
        self._crew = Crew(context, self._on_end)
        self._scheduler = Scheduler(context.catalog, self._submit, context.clock, self._lease)
        self._orphans = 0
        self._measured_at = float("-inf")
        self._ended = False

    def run(self) -> int:
        """Lead when the lease is free, else stand by; return 0 after SIGTERM or SIGINT, with nothing half done."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        standing_by = False
        try:
            while not self._stop.is_set():
                if self._lease.acquire():
                    self._lead()
                    standing_by = False
                elif not standing_by:
                    standing_by = True
                    log.info("standing by: another service leads", catalog=str(self._context.catalog.path))
                else:
                    self._stop.wait(_TICK_SECONDS)
        finally:
            self._lease.release()
        return 0

    def stop(self) -> None:
        """Ask the service to end; running jobs are cancelled cleanly, queued ones stay queued."""
        self._stop.set()
        self._wake.set()

    def _lead(self) -> None:
        log.info("leading", catalog=str(self._context.catalog.path))
        self._reconcile()
        self._scheduler.start()
        try:
            self._work()
        finally:
            self._scheduler.stop()
            self._crew.stop(self._context.settings.stop_seconds)
            log.info("stopped leading")

    def _reconcile(self) -> None:
        """What a crash left behind; a part that fails is told and tried again later, it must not keep the service from working."""
        self._orphans = 1
        for part in (self._settle_orphans, self._reconcile_vaults, self._tidy):
            self._try(part)

    def _reconcile_vaults(self) -> None:
        for line in reconcile_vaults(self._context):
            log.info("reconciled", found=line)

    def _tidy(self) -> None:
        tidy_sources(self._context, lambda line: log.info("tidied", removed=line))

    def _work(self) -> None:
        seen, idle = -1, 0
        while not self._stop.is_set() and self._lease.renew():
            version = self._context.catalog.data_version()
            woken = self._wake.is_set()
            self._wake.clear()
            idle += 1
            if woken or version != seen or idle >= _IDLE_TICKS:
                seen, idle = version, 0
                self._turn()
            self._wake.wait(_TICK_SECONDS)

    def _turn(self) -> None:
        """Everything that may have become due."""
        for part in (self._cancel, self._do_in_service, self._start_workers, self._settle_orphans, self._measure):
            self._try(part)

    def _try(self, part: Callable[[], None]) -> None:
        """One failing part must not stop the others; it has its next turn within a second."""
        try:
            part()
        except StrongroomError as error:
            log.warning("turn", part=part.__name__, **error.record())
        except Exception:
            log.exception("turn", part=part.__name__)

    def _cancel(self) -> None:
        for job in cancelling(self._context):
            self._crew.cancel(job.id or 0)

    def _do_in_service(self) -> None:
        while not self._stop.is_set() and anything_queued(self._context, IN_SERVICE):
            for job in claim(self._context, IN_SERVICE, _BATCH, self._lease.owner):
                try:
                    complete(self._context, job, UNDERTAKINGS[job.operation].perform(self._context, job, {}), [])
                except Exception as error:  # noqa: BLE001  (the job must end, with the reason)
                    fail(self._context, job, as_record(error), [])
            if not self._lease.renew():
                return

    def _start_workers(self) -> None:
        if not self._crew.room or not anything_queued(self._context, DATA):
            return
        for job in claim(self._context, DATA, self._crew.room, self._lease.owner, self._blocked()):
            self._crew.start(job)

    def _blocked(self) -> list[Blocked]:
        """Vaults whose key is not here keep all their data jobs queued; no backup before the recovery key was confirmed."""
        found = []
        with self._context.catalog.read() as session:
            vaults = list(session.exec(select(Vault)))
        for vault in vaults:
            try:
                load_key(self._context, vault)
            except StrongroomError as error:
                found.append(Blocked(vault.id or 0, DATA, f"{error.code}: {error}"))
            if vault.recovery_confirmed_at is None:
                unconfirmed = RecoveryUnconfirmed(f"The recovery key of vault {vault.name} was not confirmed")
                found.append(Blocked(vault.id or 0, {Operation.BACKUP}, f"{unconfirmed.code}: {unconfirmed}"))
        return found

    def _settle_orphans(self) -> None:
        """Jobs of a service that died: their workers give up by themselves, and as soon as they are gone the jobs are settled."""
        if self._orphans:
            self._orphans = reconcile_jobs(self._context, self._crew.job_ids)

    def _measure(self) -> None:
        now = self._context.clock.monotonic()
        if now - self._measured_at < (_MEASURE_SOON_SECONDS if self._ended else _MEASURE_SECONDS):
            return
        self._measured_at, self._ended = now, False
        with self._context.catalog.read() as session:
            vaults = list(session.exec(select(Vault)))
        for vault in vaults:
            measure(self._context, vault)

    def _on_end(self) -> None:
        """A worker's job ended: there may be room for the next, and the repository has changed."""
        self._ended = True
        self._wake.set()

    def _submit(self, session: Session, _policy: Policy, item: Item, _slot: SlotKey) -> int | None:
        """A schedule's way to the queue: the same draft as an operator's."""
        try:
            return insert_job(session, self._context, backup_draft(item, trigger=Trigger.SCHEDULE)).id
        except StrongroomError as error:
            log.info("slot not queued", item=item.name, why=str(error))
            return None
