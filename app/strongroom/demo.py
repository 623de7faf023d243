"""``strongroom demo``: the whole way of a backup on a lab of real disk images, in a folder of its own (no root, no hypervisor, no network)."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time as time_of_day
from pathlib import Path

from sqlmodel import col, select

from strongroom.bootstrap import ensure_service, open_context, service_state
from strongroom.catalog.entities import Item, Job, Machine, RecoveryPoint
from strongroom.domain.disk import SLOT_BYTES
from strongroom.domain.errors import StrongroomError
from strongroom.domain.plan import CurrentDisk, plan_machine
from strongroom.domain.policy import PolicySpec
from strongroom.domain.retention import RetentionSpec
from strongroom.domain.schedule import Daily
from strongroom.domain.states import JobStatus
from strongroom.engine.backups import request_backup
from strongroom.engine.context import Context
from strongroom.engine.discovery import request_discovery
from strongroom.engine.jobs.following import follow
from strongroom.engine.policies import create_policy
from strongroom.engine.protection import request_protect
from strongroom.engine.registration import request_register
from strongroom.engine.restores import RestoreWish, newest_point, request_restore
from strongroom.engine.sources import add_source
from strongroom.engine.submission import Submitted
from strongroom.engine.vaults import confirm_recovery, create_vault
from strongroom.engine.verification import request_verify
from strongroom.lab import Lab, build_lab, change_guest_files
from strongroom.providers.base import Placement
from strongroom.providers.registry import open_provider

POLICY = "nightly"


class DemoFailed(StrongroomError):
    """A step of the demo did not do what it promises."""

    default_action = "Look at the job's log below the demo's folder: home/log/jobs."


@dataclass(frozen=True, slots=True)
class Demo:
    """A lab with a vault per region, its sources added, and an installation of its own."""

    context: Context
    lab: Lab
    vault_ids: dict[str, int]  # by region


def build_demo(folder: Path) -> Demo:
    """Unpack the lab below ``folder`` and make an installation with vaults, sources and a policy in each vault."""
    folder.mkdir(parents=True, exist_ok=True)
    lab = build_lab(folder / "lab")
    context = open_context(folder / "home")
    vaults = {}
    for kind, source in zip(("main", "site"), lab.sources, strict=True):
        made = create_vault(context, f"{kind}-{source.region.lower()}", source.region)
        confirm_recovery(context, made.vault_id, made.recovery_key, made.recovery_key.rsplit("-", 1)[-1])
        add_source(context, f"images:{source.path}", source.region)
        create_policy(context, made.vault_id, POLICY, _nightly())
        vaults[source.region] = made.vault_id
    return Demo(context, lab, vaults)


def _nightly() -> PolicySpec:
    return PolicySpec(
        schedule=Daily(zone="Europe/Berlin", times=(time_of_day(22, 0),)),
        retention=RetentionSpec(days=30, weeks=12, months=12),
    )


@contextmanager
def demo_service(context: Context) -> Iterator[None]:
    """A service for the demo's installation, stopped at the end: nothing goes on when the demo is over."""
    ensure_service(context)
    try:
        yield
    finally:
        stop_service(context)


def stop_service(context: Context, seconds: float = 30.0) -> None:
    """Ask this installation's service to end and wait for it."""
    state = service_state(context)
    if state.running:
        os.kill(int(state.owner.rsplit(":", 3)[2]), signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while service_state(context).running and time.monotonic() < deadline:
        time.sleep(0.05)


def run_headless(folder: Path) -> int:
    """Walk the whole way, printing each step; the last line of standard output is one JSON object. 0 if every byte came back right."""
    started = time.monotonic()
    try:
        walk = _Walk(build_demo(folder))
        with demo_service(walk.context):
            outcome = walk.whole()
    except StrongroomError as error:
        _conclude({"ok": False, "error": error.record()})
        return 1
    _conclude({**outcome, "seconds": round(time.monotonic() - started, 1)})
    return 0 if outcome["ok"] else 1


def _conclude(outcome: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(outcome) + "\n")


class _Walk:
    """The steps of the headless demo, each on real jobs of a real service."""

    def __init__(self, demo: Demo) -> None:
        self.context = demo.context
        self._demo = demo
        self._at = time.monotonic()
        self._tell(f"lab of {len(demo.lab.machines)} machines in {demo.lab.folder}, vaults {', '.join(demo.vault_ids)}")

    def whole(self) -> dict[str, object]:
        """Discover → register → protect → back up → change → back up again → restore → compare → verify."""
        self._do("discover", request_discovery(self.context))
        for vault_id in self._demo.vault_ids.values():
            self._do("register", request_register(self.context, vault_id, self._machines_of(vault_id)))
        for vault_id in self._demo.vault_ids.values():
            self._do("protect", request_protect(self.context, self._items_of(vault_id), self._policy_of(vault_id)))
        before = self._sources()
        self._do("initial backup", request_backup(self.context, self._items()))
        first = {item_id: newest_point(self.context, item_id) for item_id in self._items()}
        changed = sum(change.changed_bytes for machine in self._demo.lab.machines for change in change_guest_files(self._demo.lab, machine))
        self._tell(f"guests changed {_size(changed)} in their files")
        after = self._sources()
        self._do("incremental", request_backup(self.context, self._items()))
        new = self._restore({item: newest_point(self.context, item) for item in self._items()}, "restored")
        old = self._restore(first, "as-it-was")
        self._verify()
        ok = new == after and old == before and before != after
        self._tell("every restored disk equals its source, before and after the change" if ok else "A RESTORED DISK DIFFERS")
        return {"ok": ok, "source_sha256": _all(after), "restored_sha256": _all(new), "points": self._points()}

    def _do(self, step: str, submitted: Submitted) -> list[Job]:
        """Follow the jobs of a step to their end; anything but success ends the demo."""
        if submitted.refused:
            raise DemoFailed(f"{step} was refused", cause=submitted.refused[0].error["message"])
        jobs = follow(self.context, submitted.job_ids)
        for job in jobs:
            if job.status not in {JobStatus.COMPLETED, JobStatus.WARNINGS}:
                raise DemoFailed(f"{step} of {job.workload_name} {job.status.value}", cause=job.error.get("message", ""))
        self._tell(f"{step}: {len(jobs)} job(s){_bytes_of(jobs)}")
        return jobs

    def _restore(self, points: dict[int, int], suffix: str) -> dict[str, str]:
        """Restore every machine as a new one and hash its disks as its source shows them, under the original's name."""
        hashes: dict[str, str] = {}
        for item_id, point_id in points.items():
            with self.context.catalog.read() as session:
                item = session.get_one(Item, item_id)
                address = session.get_one(Machine, item.machine_id).source_id
            wish = RestoreWish(point_id, Placement.NEW_MACHINE, name=f"{item.name}-{suffix}", source_id=address)
            (job,) = self._do(f"restore {item.cloud_service}/{item.name} as {wish.name}", request_restore(self.context, wish))
            hashes[item.identity] = self._hash(item_id, job.result["native_id"])
        return hashes

    def _verify(self) -> None:
        for vault_id in self._demo.vault_ids.values():
            self._do("verify every chunk", request_verify(self.context, vault_id))

    def _sources(self) -> dict[str, str]:
        """The hash of every machine's disks as they are now."""
        hashes = {}
        for item_id in self._items():
            with self.context.catalog.read() as session:
                item = session.get_one(Item, item_id)
                native_id = session.get_one(Machine, item.machine_id).native_id
            hashes[item.identity] = self._hash(item_id, native_id)
        return hashes

    def _hash(self, item_id: int, native_id: str) -> str:
        """SHA-256 over all disks of a machine at the item's source."""
        with self.context.catalog.read() as session:
            machine = session.get_one(Machine, session.get_one(Item, item_id).machine_id)
            address, region = self._address_of(machine), machine.region
        return _hash_machine(address, region, native_id)

    def _address_of(self, machine: Machine) -> str:
        return machine.identity.removesuffix(f"#{machine.native_id}")

    def _machines_of(self, vault_id: int) -> list[int]:
        region = next(name for name, number in self._demo.vault_ids.items() if number == vault_id)
        with self.context.catalog.read() as session:
            return [machine.id or 0 for machine in session.exec(select(Machine).where(Machine.region == region))]

    def _items_of(self, vault_id: int) -> list[int]:
        with self.context.catalog.read() as session:
            return [item.id or 0 for item in session.exec(select(Item).where(Item.vault_id == vault_id).order_by(col(Item.id)))]

    def _items(self) -> list[int]:
        return [item for vault_id in self._demo.vault_ids.values() for item in self._items_of(vault_id)]

    def _policy_of(self, vault_id: int) -> int:
        from strongroom.catalog.queries.policies import find_policy  # noqa: PLC0415

        with self.context.catalog.read() as session:
            found = find_policy(session, vault_id, POLICY)
        if found is None:
            raise DemoFailed(f"The vault has no policy {POLICY}")
        return found.policy_id

    def _points(self) -> int:
        with self.context.catalog.read() as session:
            return len(session.exec(select(RecoveryPoint.id)).all())

    def _tell(self, text: str) -> None:
        now = time.monotonic()
        sys.stderr.write(f"{now - self._at:6.2f} s  {text}\n")
        sys.stderr.flush()
        self._at = now


def _hash_machine(address: str, region: str, native_id: str) -> str:
    """Read through the provider, so that qcow2 counts by content and not by layout; a first read takes everything."""
    digest = hashlib.sha256()
    provider = open_provider(address, region)
    machine = provider.describe(native_id)
    plan = plan_machine([CurrentDisk(disk.id, disk.size_bytes) for disk in machine.disks if disk.included], {}, {})
    buffer = memoryview(bytearray(SLOT_BYTES))
    with provider.begin(native_id, plan, "demo") as session:
        for disk in session.disks:
            for offset in range(0, disk.description.size_bytes, SLOT_BYTES):
                view = buffer[: min(SLOT_BYTES, disk.description.size_bytes - offset)]
                disk.read_into(offset, view)
                digest.update(view)
    provider.close()
    return digest.hexdigest()


def _all(hashes: dict[str, str]) -> str:
    """One hash over all machines, in the order of their identities."""
    return hashlib.sha256("".join(hashes[key] for key in sorted(hashes)).encode()).hexdigest()


def _bytes_of(jobs: Iterable[Job]) -> str:
    read = sum(job.progress.get("read_bytes", 0) for job in jobs)
    stored = sum(job.progress.get("stored_bytes", 0) for job in jobs)
    return f", read {_size(read)}, stored {_size(stored)}" if read or stored else ""


def _size(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MiB" if count >= 1024 * 1024 else f"{count / 1024:.1f} KiB"
