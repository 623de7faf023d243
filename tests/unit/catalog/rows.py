"""Rows for tests of the catalog: everything has a default, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlmodel import Session, SQLModel

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import AuditEntry, Item, Job, Machine, Policy, RecoveryPoint, Source, SubTask, Vault
from strongroom.domain.states import (
    AgentState,
    Consistency,
    JobStatus,
    Operation,
    PowerState,
    ProtectionStatus,
    RegistrationStatus,
    WorkloadType,
)

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_numbers = count(1)


def id_of(entity: Any) -> int:
    """The id of a stored entity."""
    assert entity.id is not None
    return int(entity.id)


class Rows:
    """Adds entities to one write session; each method returns the new row's id."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def vault(self, name: str = "main", **values: Any) -> int:
        defaults = {"region": "north", "repository_path": f"/srv/{name}", "repository_id": name, "created_at": NOW - 90 * DAY}
        return self._add(Vault(name=name, **{**defaults, "recovery_confirmed_at": NOW - 89 * DAY, **values}))

    def source(self, address: str = "images:/srv/vm", **values: Any) -> int:
        defaults = {"region": "north", "workload_type": WorkloadType.DISK_IMAGE, "added_at": NOW}
        return self._add(Source(address=address, **{**defaults, **values}))

    def machine(self, source_id: int, name: str = "web01", **values: Any) -> int:
        defaults = {
            "identity": f"identity-{next(_numbers)}",
            "native_id": name,
            "cloud_service": "kvm07",
            "region": "north",
            "workload_type": WorkloadType.DISK_IMAGE,
            "power": PowerState.OFF,
            "agent": AgentState.NONE,
            "disks": [{"id": "vda", "size_bytes": 100, "used_bytes": 40, "included": True}],
            "first_seen_at": NOW,
            "last_seen_at": NOW,
        }
        return self._add(Machine(source_id=source_id, name=name, **{**defaults, **values}))

    def item(self, vault_id: int, name: str = "web01", **values: Any) -> int:
        defaults = {
            "identity": f"identity-{next(_numbers)}",
            "cloud_service": "kvm07",
            "region": "north",
            "workload_type": WorkloadType.DISK_IMAGE,
            "registration": RegistrationStatus.REGISTERED,
            "protection": ProtectionStatus.NONE,
            "registered_at": NOW - 30 * DAY,
        }
        return self._add(Item(vault_id=vault_id, name=name, **{**defaults, **values}))

    def policy(self, vault_id: int, name: str = "daily", **values: Any) -> int:
        return self._add(Policy(vault_id=vault_id, name=name, **{"spec": {}, "created_at": NOW, "updated_at": NOW, **values}))

    def point(self, vault_id: int, item_id: int, taken_at: datetime = NOW, **values: Any) -> int:
        defaults = {
            "manifest_key": f"manifests/{next(_numbers)}",
            "seq": next(_numbers),
            "committed_at": taken_at,
            "consistency": Consistency.CRASH,
            "consistency_reason": "the machine was off and not proved clean",
        }
        return self._add(RecoveryPoint(vault_id=vault_id, item_id=item_id, taken_at=taken_at, **{**defaults, **values}))

    def job(self, status: JobStatus = JobStatus.COMPLETED, operation: Operation = Operation.BACKUP, **values: Any) -> int:
        return self._add(Job(status=status, operation=operation, **{"workload_name": "web01", "queued_at": NOW - HOUR, **values}))

    def sub_task(self, job_id: int, position: int, name: str, **values: Any) -> int:
        return self._add(SubTask(job_id=job_id, position=position, name=name, **values))

    def audit(self, operation: str, at: datetime = NOW) -> int:
        return self._add(AuditEntry(at=at, caller="ann", operation=operation, object="vault main"))

    def _add(self, entity: SQLModel) -> int:
        self._session.add(entity)
        self._session.flush()
        return id_of(entity)


@contextmanager
def writing(catalog: Catalog) -> Iterator[Rows]:
    """A write session with row builders on it."""
    with catalog.write() as session:
        yield Rows(session)


def new_catalog(folder: Path) -> Catalog:
    """A new, empty catalog in ``folder``."""
    return Catalog.create(folder / "catalog.db")
