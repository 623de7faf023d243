"""The workers of one service: a bounded number at once, each ending its own job."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from strongroom.catalog.entities import Job
from strongroom.domain.errors import ErrorKind, ErrorRecord, StrongroomError, as_record
from strongroom.domain.states import Operation
from strongroom.engine.context import Context
from strongroom.engine.errors import ServiceStopped, WorkerDied
from strongroom.engine.jobs.queue import complete, fail
from strongroom.engine.jobs.reconciliation import settle
from strongroom.engine.jobs.table import UNDERTAKINGS
from strongroom.engine.jobs.worker import Worker
from strongroom.engine.keyring import load_key
from strongroom.engine.undertaking import WorkerSpec
from strongroom.engine.vaults import vault_by_id

_PATIENCE_SECONDS = 10.0
"""How long a worker may take to notice a cancellation before it is killed; it looks at least once a second."""

_DISCOVERY_PATIENCE_SECONDS = 0.5
"""A discovery cannot look while its source hangs, and it writes nothing: killing it costs nothing."""


class Crew:
    """Starts workers and forgets them when their jobs ended. ``noticed`` is called after every end."""

    def __init__(self, context: Context, noticed: Callable[[], None]) -> None:
        self._context = context
        self._noticed = noticed
        self._lock = threading.Lock()
        self._workers: dict[int, Worker] = {}
        self._cancelled_at: dict[int, float] = {}
        self._stopping = False

    @property
    def room(self) -> int:
        """How many more jobs may start now."""
        with self._lock:
            return max(0, self._context.settings.workers - len(self._workers))

    @property
    def job_ids(self) -> frozenset[int]:
        """The jobs that this crew's workers have."""
        with self._lock:
            return frozenset(self._workers)

    def start(self, job: Job) -> None:
        """Run a claimed job in a new process; if it cannot be started, the job fails with the reason."""
        try:
            spec = UNDERTAKINGS[job.operation].spec(self._context, job)
            body = self._body(job, spec or WorkerSpec({}))
            worker = Worker(self._context, job, self._ended)
            with self._lock:
                self._workers[job.id or 0] = worker
            worker.start(body)
        except Exception as error:  # noqa: BLE001  (whatever it is, the job must end)
            self._forget(job)
            fail(self._context, job, as_record(error), [])

    def _body(self, job: Job, spec: WorkerSpec) -> dict[str, Any]:
        body = {
            **spec.body,
            "operation": job.operation.value,
            "job_uid": job.uid,
            "trigger": job.trigger.value,
            "caller": job.caller,
            "lock": str(self._context.paths.job_lock(job.uid)),
            "niceness": self._context.settings.niceness,
        }
        if spec.vault_uid:
            with self._context.catalog.read() as session:
                key = load_key(self._context, vault_by_id(session, job.vault_id or 0))
            body["key"] = {"epoch": key.epoch, "secret": key.secret.hex()}
        return body

    def cancel(self, job_id: int) -> None:
        """Ask once; kill a worker that has not ended some time later."""
        now = self._context.clock.monotonic()
        with self._lock:
            worker = self._workers.get(job_id)
            asked_at = self._cancelled_at.setdefault(job_id, now)
        if worker is None:
            return
        if asked_at == now:
            worker.cancel()
        elif now - asked_at > (_DISCOVERY_PATIENCE_SECONDS if worker.job.operation is Operation.DISCOVER else _PATIENCE_SECONDS):
            worker.kill()

    def stop(self, seconds: float) -> None:
        """Ask every worker to end and wait; those that do not are killed. Their jobs end as Failed, with the reason."""
        with self._lock:
            self._stopping = True
            workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        deadline = self._context.clock.monotonic() + seconds
        for worker in workers:
            if not worker.join(max(0.1, deadline - self._context.clock.monotonic())):
                worker.kill()
                worker.join(_PATIENCE_SECONDS)

    def _ended(self, worker: Worker) -> None:
        try:
            self._end_job(worker)
        finally:
            self._forget(worker.job)
            self._noticed()

    def _end_job(self, worker: Worker) -> None:
        job = worker.job
        if worker.result is not None:
            self._complete(worker)
        elif worker.error is not None:
            fail(self._context, job, self._cause_of(worker, worker.error), worker.warnings)
        else:
            died = WorkerDied(f"The worker of job {job.id} died", cause=worker.exit_status)
            settle(self._context, job, died.record())

    def _cause_of(self, worker: Worker, error: ErrorRecord) -> ErrorRecord:
        """A job that nobody cancelled but the service's own end has failed, and may be run again."""
        with self._lock:
            asked = (worker.job.id or 0) in self._cancelled_at
        if self._stopping and not asked and error["kind"] == ErrorKind.CANCELLED.value:
            return ServiceStopped(f"The service was stopped while job {worker.job.id} ran").record()
        return error

    def _complete(self, worker: Worker) -> None:
        job = worker.job
        try:
            apply = UNDERTAKINGS[job.operation].perform(self._context, job, worker.result or {})
            complete(self._context, job, apply, worker.warnings)
        except StrongroomError as error:
            fail(self._context, job, error.record(), worker.warnings)
        except Exception as error:  # noqa: BLE001
            fail(self._context, job, as_record(error), worker.warnings)

    def _forget(self, job: Job) -> None:
        with self._lock:
            self._workers.pop(job.id or 0, None)
            self._cancelled_at.pop(job.id or 0, None)
        self._context.paths.job_lock(job.uid).unlink(missing_ok=True)
