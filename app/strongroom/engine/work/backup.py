"""A backup, from the source to the commit (features A10-A12, B1): the way that data takes is this file, top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from strongroom import volumes
from strongroom.domain.consistency import Verdict, VolumeFacts, decide
from strongroom.domain.disk import SLOT_BYTES
from strongroom.domain.errors import StrongroomError
from strongroom.domain.plan import CurrentDisk, MachinePlan, ParentDisk, plan_machine
from strongroom.domain.policy import PolicySpec
from strongroom.domain.retention import expiry, tags_for
from strongroom.domain.states import PowerState, ReadMode, SubTaskStatus
from strongroom.engine.work.channel import Channel
from strongroom.engine.work.errors import ConsistencyRefused
from strongroom.engine.work.places import open_repository, source_of
from strongroom.providers.base import MachineDescription, Provider, SnapshotDisk, SnapshotSession
from strongroom.repository.host import this_host
from strongroom.repository.manifest import Manifest
from strongroom.repository.repository import Repository
from strongroom.repository.writing.writer import BackupWriter, Counters, DiskInput, Proof

SNAPSHOT = "Take Snapshot"
TRANSFER = "Transfer data to vault"


def run(spec: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Back the machine up, trying again what may pass by itself (feature A18); the result names the commit."""
    repository = open_repository(spec)
    with source_of(spec) as provider:
        for attempt in range(1, spec["attempts"] + 1):
            try:
                return _attempt(spec, channel, repository, provider, attempt)
            except StrongroomError as error:
                if not error.retryable or attempt == spec["attempts"]:
                    raise
                seconds = spec["retry_seconds"] * 2 ** (attempt - 1)
                channel.log(f"attempt {attempt} of {spec['attempts']} failed: {error}; next in {seconds:.0f} s")
                channel.wait(seconds)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _attempt(spec: Mapping[str, Any], channel: Channel, repository: Repository, provider: Provider, attempt: int) -> dict[str, Any]:
    counters = Counters()
    session_id = spec["job_uid"] if attempt == 1 else f"{spec['job_uid']}-{attempt}"
    with BackupWriter.open(
        repository,
        spec["item"]["uid"],
        session_id,
        parent="newest",
        counters=counters,
        check=channel.check,
        verify=spec["verify_writes"],
        host=this_host(),
    ) as writer:
        channel.declare(writer.commit_key)
        channel.sub_task(SNAPSHOT, SubTaskStatus.IN_PROGRESS)
        machine = provider.describe(spec["native_id"])
        plan = _plan(spec, provider, machine, writer.parent)
        with provider.begin(spec["native_id"], plan, spec["job_uid"]) as session:
            channel.sub_task(SNAPSHOT, SubTaskStatus.COMPLETED, f"{len(session.disks)} disk(s) at {session.taken_at:%Y-%m-%d %H:%M:%S} UTC")
            manifest = _transfer(spec, channel, session, writer, counters)
            session.committed()
    return {"commit_key": manifest.commit_key}


def _plan(spec: Mapping[str, Any], provider: Provider, machine: MachineDescription, parent: Manifest | None) -> MachinePlan:
    """Full or incremental, per disk and with the reason (``domain.plan``)."""
    excluded = set(spec["excluded_disks"])
    current = [CurrentDisk(disk.id, disk.size_bytes) for disk in machine.disks if disk.included and disk.id not in excluded]
    before = {disk.id: ParentDisk(disk.id, disk.size_bytes, disk.tracking) for disk in parent.disks} if parent else {}
    facts = provider.inspect(spec["native_id"], {disk.id: disk.tracking for disk in before.values()})
    return plan_machine(current, before, facts, full_read=spec["full_read"])


def _transfer(spec: Mapping[str, Any], channel: Channel, session: SnapshotSession, writer: BackupWriter, counters: Counters) -> Manifest:
    total_bytes = sum(disk.description.size_bytes for disk in session.disks)
    channel.sub_task(TRANSFER, SubTaskStatus.IN_PROGRESS)
    with channel.metering(TRANSFER, counters, total_bytes=total_bytes):
        for disk in session.disks:
            record = writer.write_disk(_disk_input(disk))
            channel.log(
                f"{record.id}: {record.mode}: {record.reason}; read {record.read_bytes}, new {record.new_bytes}, stored {record.stored_bytes} bytes"
            )
        verdict = _verdict(spec, session)
        session.confirm()
        manifest = writer.commit(_stamp(session.taken_at), _facts(spec, session, verdict))
    channel.sub_task(TRANSFER, SubTaskStatus.COMPLETED, verdict.level.value)
    return manifest


def _disk_input(disk: SnapshotDisk) -> DiskInput:
    plan = disk.plan
    return DiskInput(
        id=disk.description.id,
        size_bytes=disk.description.size_bytes,
        format=disk.description.format,
        mode=plan.mode.value,
        reason=plan.reason,
        tracking=disk.tracking,
        extents=disk.extents,
        all_extents=disk.all_extents,
        read_into=disk.read_into,
        proof=Proof(sample=plan.mode is ReadMode.INCREMENTAL),
    )


def _verdict(spec: Mapping[str, Any], session: SnapshotSession) -> Verdict:
    """The level by what happened, and the policy's word on it."""
    proved: list[VolumeFacts] = []
    if session.facts.power is PowerState.OFF:
        for disk in session.disks:
            proved.extend(volumes.prove(disk.description.id, disk.description.size_bytes, _reader(disk)))
    verdict = decide(session.facts, proved)
    policy = _policy(spec)
    if policy is not None and not policy.consistency.accepts(verdict.level):
        raise ConsistencyRefused(
            f"The policy asks for {policy.consistency.value}", cause=f"this point would be {verdict.level.value}: {verdict.reason}"
        )
    return verdict


def _policy(spec: Mapping[str, Any]) -> PolicySpec | None:
    return PolicySpec.from_json(spec["policy"]["spec"]) if spec["policy"] else None


def _reader(disk: SnapshotDisk) -> Any:
    def read(offset: int, length: int) -> bytes:
        length = max(0, min(length, disk.description.size_bytes - offset, SLOT_BYTES))
        buffer = bytearray(length)
        if length:
            disk.read_into(offset, memoryview(buffer))
        return bytes(buffer)

    return read


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _facts(spec: Mapping[str, Any], session: SnapshotSession, verdict: Verdict) -> dict[str, Any]:
    """Everything that ``rebuild`` and a restore need, in the manifest itself."""
    return {
        "item": spec["item"],
        "source": spec["source"],
        "machine": asdict(session.machine),
        "consistency": verdict.level.value,
        "consistency_reason": verdict.reason,
        "snapshot": asdict(session.facts),
        "job": {"uid": spec["job_uid"], "trigger": spec["trigger"], "caller": spec["caller"]},
        "policy": spec["policy"],
        **_keeping(spec, session.taken_at),
    }


def _keeping(spec: Mapping[str, Any], taken_at: datetime) -> dict[str, Any]:
    """The point's tags and its expiry with the reason, decided once, now (feature A8)."""
    keep_until = datetime.fromisoformat(spec["keep_until"]) if spec["keep_until"] else None
    policy = _policy(spec)
    if policy is None:
        return {"tags": [], "expires_at": None, "expiry_reason": "no policy", "keep_until": spec["keep_until"]}
    earlier = [datetime.fromisoformat(at).astimezone(UTC) for at in spec["earlier_points"]]
    tags = tags_for(taken_at, earlier, policy)
    when = expiry(taken_at, tags, policy, keep_until=keep_until)
    return {
        "tags": [str(tag) for tag in tags],
        "expires_at": when.at.isoformat() if when.at else None,
        "expiry_reason": when.reason,
        "keep_until": spec["keep_until"],
    }
