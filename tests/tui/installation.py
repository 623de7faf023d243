"""An installation with rows in every state, at a fixed moment, and no service: what the screens' tests look at."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Item, Job, Machine, Policy, RecoveryPoint, Source, SubTask, Vault
from strongroom.config import Paths
from strongroom.domain.policy import PolicySpec
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
from strongroom.engine.context import Context
from strongroom.settings import Settings
from strongroom.tui.messages import ServiceSeen

NOW = datetime(2026, 11, 22, 13, 7, tzinfo=UTC)
GIB = 1024**3
MIB = 1024**2
NIGHTLY = {
    "schedule": {"kind": "daily", "zone": "Europe/Berlin", "times": ["22:00"]},
    "retention": {"days": 30, "weeks": 12, "months": 12, "years": 0, "keep_last": 0},
}


class FixedClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()


class FakeService:
    """A service that is said to run; nothing is started."""

    def __init__(self) -> None:
        self.seen = ServiceSeen(running=True, owner="kvm07:boot:4711:0", message="led by kvm07, process 4711")
        self.started = ""

    def state(self) -> ServiceSeen:
        return self.seen

    def ensure(self) -> str:
        return self.started


def empty_context(folder: Path) -> Context:
    """A new installation without a vault."""
    paths = Paths("home /srv/strongroom", folder / "config.toml", folder, folder / "run")
    paths.prepare()
    return Context(Catalog.create(paths.catalog), paths, Settings(), FixedClock(), "anna")


def furnish(path: Path) -> None:
    """Make a catalog: one vault with machines, items, points and jobs in many states, and a second vault elsewhere."""
    with Catalog.create(path) as catalog, catalog.write() as session:
        _furnish(session)


def furnished_context(template: Path, folder: Path) -> Context:
    """An installation on a copy of a furnished catalog; its paths are only shown, and the same in every run."""
    copy = folder / "catalog.db"
    shutil.copy(template, copy)
    return at_shown_paths(Context(Catalog.open(copy), Paths("", copy, folder, folder), Settings(), FixedClock(), "anna"))


def at_shown_paths(context: Context) -> Context:
    """The same, naming places that do not change from run to run."""
    home = Path("/srv/strongroom")
    return replace(context, paths=Paths("home /srv/strongroom", home / "config.toml", home, home / "run"))


def _furnish(session: Session) -> None:
    vault = _vault("berlin-1", "de-berlin")
    elsewhere = _vault("paris-1", "fr-paris")
    source = Source(
        address="images:/srv/vm",
        region="de-berlin",
        workload_type=WorkloadType.DISK_IMAGE,
        added_at=NOW,
        discovered_at=NOW - timedelta(hours=2),
    )
    session.add_all([vault, elsewhere, source])
    session.flush()
    nightly = Policy(vault_id=vault.id, name="nightly", spec=PolicySpec.from_json(NIGHTLY).to_json(), created_at=NOW, updated_at=NOW)
    idle = Policy(vault_id=vault.id, name="spare", spec=PolicySpec.from_json(NIGHTLY).to_json(), created_at=NOW, updated_at=NOW)
    session.add_all([nightly, idle])
    session.flush()
    items = _items(session, vault, nightly, source)
    for name, cloud_service, region in (
        ("build-17", "kvm02", "de-berlin"),
        ("db[prod]", "kvm07", "de-berlin"),
        ("louvre", "kvm21", "fr-paris"),
    ):
        session.add(_machine(source, name, cloud_service, region))
    _points(session, vault, items)
    _jobs(session, vault, items, source)


def _vault(name: str, region: str) -> Vault:
    return Vault(
        name=name,
        region=region,
        repository_path=f"/srv/strongroom/vaults/{name}",
        repository_id="r" * 32,
        created_at=NOW - timedelta(days=90),
        recovery_confirmed_at=NOW - timedelta(days=90),
        used_bytes=12 * GIB,
        free_bytes=1228 * GIB,
        measured_at=NOW - timedelta(minutes=5),
    )


def _machine(source: Source, name: str, cloud_service: str, region: str) -> Machine:
    return Machine(
        source_id=source.id,
        identity=f"{source.address}#{cloud_service}/{name}",
        native_id=f"{cloud_service}/{name}",
        name=name,
        cloud_service=cloud_service,
        region=region,
        workload_type=WorkloadType.DISK_IMAGE,
        power=PowerState.OFF,
        agent=AgentState.NONE,
        disks=[{"id": "vda", "size_bytes": 40 * GIB, "used_bytes": 11 * GIB, "included": True}],
        first_seen_at=NOW,
        last_seen_at=NOW,
    )


def _items(session: Session, vault: Vault, policy: Policy, source: Source) -> dict[str, Item]:
    made = {}
    for name, cloud_service, protection in (
        ("pg-main", "kvm07", ProtectionStatus.PROTECTED),
        ("pg-replica", "kvm02", ProtectionStatus.PROTECTED),
        ("mysql-old", "kvm02", ProtectionStatus.PENDING),
        ("mail-01", "kvm02", ProtectionStatus.ERROR),
        ("legacy-erp", "kvm07", ProtectionStatus.STOPPED),
        ("web[/]1", "kvm07", ProtectionStatus.PROTECTED),
        ("files", "kvm02", ProtectionStatus.NONE),
        ("files", "kvm07", ProtectionStatus.NONE),
    ):
        machine = _machine(source, name, cloud_service, "de-berlin")
        session.add(machine)
        session.flush()
        failed = protection is ProtectionStatus.ERROR
        item = Item(
            vault_id=vault.id,
            machine_id=machine.id,
            policy_id=None if protection in (ProtectionStatus.NONE, ProtectionStatus.STOPPED) else policy.id,
            identity=machine.identity,
            name=name,
            cloud_service=cloud_service,
            region="de-berlin",
            workload_type=WorkloadType.DISK_IMAGE,
            registration=RegistrationStatus.REGISTERED,
            protection=protection,
            protection_error={"code": "MachineInUse", "message": "mail-01 is being written", "cause": "", "action": ""} if failed else {},
            registered_at=NOW,
            last_backup_at=NOW - timedelta(hours=1) if protection is not ProtectionStatus.NONE else None,
            last_backup_status="Failed" if failed else "Completed",
        )
        session.add(item)
        made[f"{cloud_service}/{name}"] = item
    session.flush()
    return made


def _points(session: Session, vault: Vault, items: dict[str, Item]) -> None:
    for name in ("kvm07/pg-main", "kvm02/pg-replica", "kvm07/legacy-erp", "kvm07/web[/]1"):
        for days in range(4):
            taken_at = NOW - timedelta(days=days, hours=1)
            session.add(
                RecoveryPoint(
                    vault_id=vault.id,
                    item_id=items[name].id,
                    manifest_key=f"{name}-{days}",
                    seq=10 - days,
                    taken_at=taken_at,
                    committed_at=taken_at,
                    consistency=Consistency.CRASH if name.endswith("erp") else Consistency.FILE_SYSTEM,
                    consistency_reason="the machine was off and every file system proved clean: vda partition 1 (ext4)",
                    disks=[{"id": "vda", "size_bytes": 40 * GIB, "mode": "incremental" if days < 3 else "full"}],
                    used_bytes=11 * GIB,
                    read_bytes=2 * GIB,
                    stored_bytes=340 * MIB,
                    tags=["daily"],
                    expires_at=taken_at + timedelta(days=30),
                    expiry_reason="daily, keep 30 days",
                    verified_at=NOW - timedelta(hours=6) if days else None,
                )
            )


def _jobs(session: Session, vault: Vault, items: dict[str, Item], source: Source) -> None:
    running = _job(vault, items["kvm07/pg-main"], Operation.BACKUP, JobStatus.IN_PROGRESS, minutes_ago=3)
    running.progress = {
        "phase": "Transfer data to vault",
        "total_bytes": 60 * GIB,
        "done_bytes": 38 * GIB,
        "read_bytes": 21 * GIB,
        "new_bytes": 9 * GIB,
        "stored_bytes": 4 * GIB,
        "bytes_per_second": 412.0 * MIB,
        "remaining_seconds": 68.0,
    }
    failed = _job(vault, items["kvm02/mail-01"], Operation.BACKUP, JobStatus.FAILED, minutes_ago=60)
    failed.error = {
        "code": "MachineInUse",
        "message": "mail-01 is being written",
        "cause": "QEMU holds vda.qcow2",
        "action": "Turn it off, or add its host as the source qemu:///system",
        "kind": "failed",
        "retryable": False,
    }
    queued = _job(vault, items["kvm07/web[/]1"], Operation.BACKUP, JobStatus.QUEUED, minutes_ago=1)
    done = _job(vault, items["kvm02/pg-replica"], Operation.BACKUP, JobStatus.COMPLETED, minutes_ago=61)
    warned = _job(vault, items["kvm07/legacy-erp"], Operation.RESTORE, JobStatus.WARNINGS, minutes_ago=300)
    discover = Job(
        operation=Operation.DISCOVER,
        status=JobStatus.COMPLETED,
        source_id=source.id,
        workload_name=source.address,
        workload_type=WorkloadType.DISK_IMAGE,
        queued_at=NOW - timedelta(hours=2),
        started_at=NOW - timedelta(hours=2),
        ended_at=NOW - timedelta(hours=2) + timedelta(seconds=2),
        caller="anna",
    )
    session.add_all([discover, warned, done, failed, running, queued])
    session.flush()
    tasks = (("Take Snapshot", SubTaskStatus.COMPLETED, 0), ("Transfer data to vault", SubTaskStatus.IN_PROGRESS, 38 * GIB))
    for position, (name, status, done_bytes) in enumerate(tasks):
        session.add(
            SubTask(
                job_id=running.id,
                position=position,
                name=name,
                status=status,
                started_at=NOW - timedelta(minutes=3),
                ended_at=NOW - timedelta(minutes=3) + timedelta(seconds=2.1) if status is SubTaskStatus.COMPLETED else None,
                done_bytes=done_bytes,
                total_bytes=60 * GIB if done_bytes else 0,
                detail="" if done_bytes else "file-system-consistent · frozen 0.18 s",
            )
        )


def _job(vault: Vault, item: Item, operation: Operation, status: JobStatus, *, minutes_ago: int) -> Job:
    begun = NOW - timedelta(minutes=minutes_ago)
    live = status in (JobStatus.IN_PROGRESS, JobStatus.QUEUED)
    return Job(
        operation=operation,
        status=status,
        trigger=Trigger.SCHEDULE if not live else Trigger.OPERATOR,
        caller="anna" if live else "",
        vault_id=vault.id,
        item_id=item.id,
        workload_name=item.name,
        cloud_service=item.cloud_service,
        workload_type=item.workload_type,
        queued_at=begun,
        started_at=None if status is JobStatus.QUEUED else begun,
        ended_at=None if live else begun + timedelta(minutes=3, seconds=41),
    )
