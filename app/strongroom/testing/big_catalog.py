"""Fills a catalog with a large installation: the same one for the same seed, for measuring lists and for trying screens."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, SQLModel

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Item, Job, Machine, Policy, RecoveryPoint, Source, SubTask, Vault
from strongroom.domain.states import (
    AgentState,
    Consistency,
    JobStatus,
    Operation,
    PowerState,
    ProtectionStatus,
    RegistrationStatus,
    SubTaskStatus,
    Trigger,
    WorkloadType,
)

REGION = "north"
OTHER_REGION = "south"
VAULT_ID = 1
GIB = 1024**3
_BATCH_ROWS = 5_000
_ELSEWHERE_EVERY = 50
_VANISHED_EVERY = 500
_DAMAGED_EVERY = 40_000
_PROTECTED_SHARE = 0.9
_REGISTERED_SHARE = 0.97
_ROLES = ("web", "db", "mail", "build", "cache", "files", "ldap", "proxy")


@dataclass(frozen=True, slots=True)
class Size:
    """How much to make. Four fifths of the machines are registered in vault 1, the rest of its region is only discovered."""

    machines: int = 10_000
    jobs: int = 100_000
    points: int = 200_000
    live_jobs: int = 40

    @property
    def items(self) -> int:
        return self.machines * 4 // 5


def fill(catalog: Catalog, now: datetime, size: Size | None = None, *, seed: int = 1) -> None:
    """Fill a new, empty catalog as seen at ``now``: two vaults in two regions, policies, machines, items, points and jobs with steps."""
    wanted, dice = size or Size(), random.Random(seed)  # noqa: S311  (repeatable, guards nothing)
    with catalog.write(durable=False) as session:
        _places(session, now)
        _insert(session, Machine, (_machine(dice, place, now) for place in range(wanted.machines)))
        _insert(session, Item, (_item(dice, place, now) for place in range(wanted.items)))
        _insert(session, RecoveryPoint, (_point(dice, place, wanted, now) for place in range(wanted.points)))
        _insert(session, Job, (_job(dice, place, wanted, now) for place in range(wanted.jobs)))
        _insert(session, SubTask, (step for place in range(wanted.jobs) for step in _steps(place)))


def _places(session: Session, now: datetime) -> None:
    for name, region in (("main", REGION), ("far", OTHER_REGION)):
        path = f"/srv/vaults/{name}"
        session.add(
            Vault(
                name=name,
                region=region,
                repository_path=path,
                repository_id=name,
                created_at=now,
                recovery_confirmed_at=now,
                used_bytes=40_000 * GIB,
                free_bytes=20_000 * GIB,
                measured_at=now,
            )
        )
        session.add(Source(address=f"images:/srv/{region}", region=region, workload_type=WorkloadType.DISK_IMAGE, added_at=now))
    session.flush()
    for number in range(20):
        session.add(Policy(vault_id=VAULT_ID, name=f"policy-{number:02}", spec={}, created_at=now, updated_at=now))
    session.flush()


def _insert(session: Session, entity: type[SQLModel], rows: Iterable[dict[str, Any]]) -> None:
    table, remaining = SQLModel.metadata.tables[entity.__name__.lower()], iter(rows)
    while batch := list(islice(remaining, _BATCH_ROWS)):
        session.connection().execute(insert(table), batch)


def _name(place: int) -> str:
    return f"{_ROLES[place % len(_ROLES)]}-{place * 7919 % 100_003:05}"


def _service(place: int) -> str:
    return f"kvm{place % 64:02}"


def _identity(place: int) -> str:
    return f"images:/srv/{REGION}#{place:06}"


def _machine(dice: random.Random, place: int, now: datetime) -> dict[str, Any]:
    disk = {"id": "vda", "size_bytes": 40 * GIB, "used_bytes": dice.randrange(2, 30) * GIB, "format": "qcow2", "included": True}
    elsewhere = place % _ELSEWHERE_EVERY == _ELSEWHERE_EVERY - 1
    return {
        "id": place + 1,
        "source_id": 2 if elsewhere else 1,
        "identity": _identity(place),
        "native_id": f"{place:06}",
        "name": _name(place),
        "cloud_service": _service(place),
        "region": OTHER_REGION if elsewhere else REGION,
        "workload_type": WorkloadType.KVM if place % 3 else WorkloadType.DISK_IMAGE,
        "power": dice.choice(list(PowerState)),
        "agent": dice.choice(list(AgentState)),
        "operating_system": "Debian GNU/Linux 12",
        "disks": [disk],
        "first_seen_at": now - timedelta(days=90),
        "last_seen_at": now,
        "vanished_at": now if place % _VANISHED_EVERY == 1 else None,
    }


def _item(dice: random.Random, place: int, now: datetime) -> dict[str, Any]:
    pick = dice.random()
    protection = ProtectionStatus.PROTECTED if pick < _PROTECTED_SHARE else dice.choice(list(ProtectionStatus))
    return {
        "id": place + 1,
        "uid": f"{place:032x}",
        "vault_id": VAULT_ID,
        "machine_id": place + 1,
        "policy_id": None if protection is ProtectionStatus.NONE else place % 20 + 1,
        "identity": _identity(place),
        "name": _name(place),
        "cloud_service": _service(place),
        "region": REGION,
        "workload_type": WorkloadType.KVM if place % 3 else WorkloadType.DISK_IMAGE,
        "registration": RegistrationStatus.REGISTERED if pick < _REGISTERED_SHARE else dice.choice(list(RegistrationStatus)),
        "registration_error": {},
        "protection": protection,
        "protection_error": {},
        "failed_in_a_row": 0,
        "registered_at": now - timedelta(days=80),
        "protected_at": now - timedelta(days=79),
        "last_backup_at": now - timedelta(hours=place % 30),
        "last_backup_status": JobStatus.COMPLETED.value,
        "excluded_disks": [],
    }


def _point(dice: random.Random, place: int, size: Size, now: datetime) -> dict[str, Any]:
    item, age_days = place % size.items, size.points // size.items - place // size.items
    used_bytes = dice.randrange(2, 30) * GIB
    return {
        "id": place + 1,
        "vault_id": VAULT_ID,
        "item_id": item + 1,
        "manifest_key": f"manifests/{item:032x}/{place:016x}",
        "seq": place // size.items + 1,
        "taken_at": now - timedelta(days=age_days, hours=-(item % 24)),
        "committed_at": now - timedelta(days=age_days, hours=-(item % 24), minutes=-4),
        "consistency": dice.choice(list(Consistency)),
        "consistency_reason": "the machine was off and every file system proved clean: vda partition 1 (ext4)",
        "disks": [{"id": "vda", "size_bytes": 40 * GIB, "used_bytes": used_bytes, "mode": "incremental", "root": f"{place:064x}"}],
        "used_bytes": used_bytes,
        "read_bytes": used_bytes // 50,
        "stored_bytes": used_bytes // 100,
        "tags": ["daily"],
        "expires_at": now + timedelta(days=30 - age_days),
        "expiry_reason": "daily: 30 days",
        "held_until": None,
        "verified_at": now - timedelta(hours=6),
        "damaged": ["vda: 1 chunk is missing"] if place % _DAMAGED_EVERY == 1 else [],
        "facts": {"policy": "policy-00", "reader": "strongroom 0.1.0", "host": "kvm00"},
    }


def _job(dice: random.Random, place: int, size: Size, now: datetime) -> dict[str, Any]:
    live = place >= size.jobs - size.live_jobs
    item = place % size.items
    queued_at = now - timedelta(seconds=25 * (size.jobs - place))
    ended = dice.choices([*_ENDINGS], weights=[*_ENDINGS.values()])[0]
    status = (JobStatus.IN_PROGRESS if place % 2 else JobStatus.QUEUED) if live else ended
    waits = status is JobStatus.QUEUED
    return {
        "id": place + 1,
        "uid": f"{place:032x}",
        "batch": f"batch-{place // 100}",
        "operation": Operation.BACKUP if place % 10 else dice.choice([Operation.VERIFY, Operation.RESTORE, Operation.REGISTER]),
        "status": status,
        "trigger": Trigger.SCHEDULE,
        "caller": "scheduler",
        "vault_id": VAULT_ID,
        "item_id": item + 1,
        "source_id": None,
        "workload_name": _name(item),
        "cloud_service": _service(item),
        "workload_type": WorkloadType.KVM if item % 3 else WorkloadType.DISK_IMAGE,
        "request": {"item_uid": f"{item:032x}"},
        "queued_at": queued_at,
        "not_before_at": None,
        "started_at": None if waits else queued_at + timedelta(seconds=5),
        "ended_at": None if live else queued_at + timedelta(seconds=dice.randrange(10, 900)),
        "attempt": 1,
        "retry_of": None,
        "cancel_requested_at": None,
        "waiting_for": "",
        "worker": "kvm00:boot:4242:99",
        "commit_key": "",
        "progress": {"done_bytes": 5 * GIB, "total_bytes": 20 * GIB, "rate": 200_000_000} if live else {},
        "result": {} if live else {"read_bytes": GIB, "stored_bytes": GIB // 4},
        "warnings": [],
        "error": {"code": "SourceUnreachable", "message": "kvm07 does not answer"} if status is JobStatus.FAILED else {},
        "point_id": None if live else place % size.points + 1,
    }


_ENDINGS = {JobStatus.COMPLETED: 90, JobStatus.WARNINGS: 5, JobStatus.FAILED: 3, JobStatus.CANCELLED: 1, JobStatus.SKIPPED: 1}


def _steps(place: int) -> Iterator[dict[str, Any]]:
    for position, name in enumerate(("Take Snapshot", "Transfer data to vault")):
        yield {
            "job_id": place + 1,
            "position": position,
            "name": name,
            "status": SubTaskStatus.COMPLETED,
            "done_bytes": GIB,
            "total_bytes": GIB,
            "detail": "",
        }
