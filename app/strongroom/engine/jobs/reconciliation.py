"""After a crash: what every job, session and manifest that was left behind really is (invariants 7 and 15).

A job is touched only when its worker's lock can be taken. Then its commit key is tried: «exists, manifest» means that the backup was committed, so
it is adopted; a VOID written now means that it never will be.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session, col, delete, select, update

from strongroom.catalog.entities import Item, Job, RecoveryPoint, SubTask, Vault
from strongroom.domain.errors import Cancelled, ErrorRecord, StrongroomError
from strongroom.domain.states import JobStatus, Operation
from strongroom.engine.context import Context
from strongroom.engine.errors import ServiceStopped
from strongroom.engine.jobs.queue import complete, fail, running
from strongroom.engine.jobs.table import IN_SERVICE, UNDERTAKINGS
from strongroom.engine.keyring import open_repository
from strongroom.engine.points import adopt
from strongroom.engine.protection import forget_points
from strongroom.repository.format import parse_snap_key
from strongroom.repository.host import is_surely_dead
from strongroom.repository.protocol.commit_key import Outcome, void
from strongroom.repository.protocol.prune_record import pruned_keys
from strongroom.repository.protocol.session import sessions, settle_session
from strongroom.repository.repository import Repository


def reconcile_jobs(context: Context, own: frozenset[int] = frozenset()) -> int:
    """Settle every job that claims to run and whose worker is gone; returns how many still have a living worker."""
    alive = 0
    for job in running(context):
        if job.id in own:
            continue
        with _lock_of(context, job) as taken:
            if not taken:
                alive += 1
            elif job.operation in IN_SERVICE:
                _queue_again(context, job)
            else:
                stopped = ServiceStopped(f"The service ended while job {job.id} ran", cause="nobody held its lock at the next start")
                settle(context, job, stopped.record())
        if taken:
            context.paths.job_lock(job.uid).unlink(missing_ok=True)
    return alive


@contextmanager
def _lock_of(context: Context, job: Job) -> Iterator[bool]:
    """Whether the job's lock could be taken: then no worker of it lives."""
    path = context.paths.job_lock(job.uid)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _queue_again(context: Context, job: Job) -> None:
    """A catalog-only job repeats without harm."""
    with context.catalog.write() as session:
        session.exec(delete(SubTask).where(col(SubTask.job_id) == job.id))
        session.exec(update(Job).where(col(Job.id) == job.id).values(status=JobStatus.QUEUED, started_at=None, worker=""))


def settle(context: Context, job: Job, error: ErrorRecord) -> JobStatus:
    """End a job whose worker is gone: Completed if its manifest is there, else as it was meant to end, with ``error``."""
    with context.catalog.read() as session:
        row = session.get_one(Job, job.id)
        vault = session.get(Vault, row.vault_id) if row.vault_id else None
    if vault is not None:
        try:
            repository = open_repository(context, vault)
            _end_sessions(repository, row)
            _forget_given_up(context, vault, repository)
            if row.commit_key and void(repository, row.commit_key) is Outcome.COMMITTED:
                return _adopt_job(context, row)
        except StrongroomError as unreachable:
            error = {**error, "cause": f"{error['cause']}; its repository session could not be ended: {unreachable}"}
    if row.status is JobStatus.CANCELLING:
        error = Cancelled(f"Job {row.id} was cancelled", cause=error["cause"]).record()
    return fail(context, row, error, [])


def _end_sessions(repository: Repository, job: Job) -> None:
    for facts in sessions(repository):
        if facts.id == job.uid or facts.id.startswith(f"{job.uid}-"):
            settle_session(repository, facts)


def _adopt_job(context: Context, job: Job) -> JobStatus:
    apply = UNDERTAKINGS[Operation.BACKUP].perform(context, job, {"commit_key": job.commit_key})
    return complete(context, job, apply, ["the backup was committed, but its worker or the service died before it could say so"])


def reconcile_vaults(context: Context) -> list[str]:
    """Make the rows of every vault whose key is here agree with its repository; returns what was found, in words."""
    found: list[str] = []
    with context.catalog.read() as session:
        vaults = list(session.exec(select(Vault)))
    for vault in vaults:
        try:
            found.extend(reconcile_vault(context, vault, open_repository(context, vault)))
        except StrongroomError as error:
            found.append(f"{vault.name}: not reconciled: {error}")
    return found


def reconcile_vault(context: Context, vault: Vault, repository: Repository) -> list[str]:
    """End the sessions of dead processes of this host; adopt manifests without rows; settle rows without manifests."""
    found = [f"{vault.name}: ended the abandoned session {key}" for key in _end_dead_sessions(repository)]
    found.extend(f"{vault.name}: forgot the pruned recovery point {key}" for key in _forget_given_up(context, vault, repository))
    present = {info.key for info in repository.store.list("snap/") if parse_snap_key(info.key)}
    with context.catalog.read() as session:
        query = select(RecoveryPoint.manifest_key).where(RecoveryPoint.vault_id == vault.id)
        known = set(session.exec(query))
    manifests = [manifest for manifest in repository.manifests() if manifest.commit_key not in known] if present - known else []
    given_up = pruned_keys(repository)
    with context.catalog.write() as session:
        for manifest in manifests:
            item = session.exec(select(Item).where(Item.uid == manifest.machine_id)).first()
            if item is not None and manifest.commit_key not in given_up:
                adopt(session, item, manifest)
                found.append(f"{vault.name}: adopted the recovery point {manifest.commit_key}")
        found.extend(f"{vault.name}: {_mark_missing(session, vault, key)}" for key in sorted(known - present))
    return found


def _forget_given_up(context: Context, vault: Vault, repository: Repository) -> list[str]:
    """A point named in a prune record is given up, even if the prune was killed before its manifest went: nobody can pin it any more."""
    with context.catalog.read() as session:
        known = set(session.exec(select(RecoveryPoint.manifest_key).where(RecoveryPoint.vault_id == vault.id)))
    gone = sorted(pruned_keys(repository) & known)
    if gone:
        with context.catalog.write() as session:
            forget_points(session, vault.id or 0, gone)
    return gone


def _mark_missing(session: Session, vault: Vault, key: str) -> str:
    query = select(RecoveryPoint).where(RecoveryPoint.vault_id == vault.id, RecoveryPoint.manifest_key == key)
    point = session.exec(query).one()
    point.damaged = ["its manifest is missing from the repository"]
    session.add(point)
    return f"the manifest of recovery point {key} is missing"


def _end_dead_sessions(repository: Repository) -> list[str]:
    """Sessions of this host whose process is surely gone."""
    ended = []
    for facts in sessions(repository):
        if is_surely_dead(facts.host):
            settle_session(repository, facts)
            ended.append(facts.id)
    return ended
