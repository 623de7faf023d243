"""A restore, from a manifest to a machine or its disks (feature A16). Only the repository and its key are needed (C4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.domain.states import SubTaskStatus
from strongroom.engine.work.channel import Channel
from strongroom.engine.work.errors import DataDamaged
from strongroom.engine.work.places import open_repository, source_of
from strongroom.providers.base import Placement, Restored, RestoreDisk, RestoreRequest, RestoreSession
from strongroom.repository.manifest import Manifest
from strongroom.repository.reading.reader import PointReader
from strongroom.repository.writing.writer import Counters

PREPARE = "Prepare the target"
WRITE = "Write disks"
PUBLISH = "Publish"


def run(spec: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Write every disk into a hidden place, then publish it at once; cancelled or failed, nothing is left."""
    repository = open_repository(spec)
    manifest = repository.manifest(spec["manifest_key"])
    counters = Counters()
    channel.sub_task(PREPARE, SubTaskStatus.IN_PROGRESS)
    with (
        source_of(spec) as provider,
        PointReader.open(repository, manifest, counters=counters, check=channel.check) as reader,
        provider.begin_restore(restore_request(spec, manifest)) as session,
    ):
        channel.sub_task(PREPARE, SubTaskStatus.COMPLETED)
        damage = _write(channel, reader, manifest, session, counters)
        _judge(damage, Placement(spec["placement"]), channel)
        channel.sub_task(PUBLISH, SubTaskStatus.IN_PROGRESS)
        restored = session.publish()
    channel.sub_task(PUBLISH, SubTaskStatus.COMPLETED, ", ".join(restored.paths.values()))
    return _result(restored)


def restore_request(spec: Mapping[str, Any], manifest: Manifest) -> RestoreRequest:
    """The provider's view of the wish; also used for the preview before a restore starts."""
    wanted = spec["disk_format"]
    return RestoreRequest(
        job_id=spec["job_uid"],
        placement=Placement(spec["placement"]),
        name=spec["name"],
        cloud_service=spec["cloud_service"],
        definition=manifest.facts["machine"]["definition"],
        disks=tuple(RestoreDisk(disk.id, disk.size_bytes, wanted or disk.format) for disk in manifest.disks),
        native_id=spec["native_id"],
        folder=spec["folder"],
        start=spec["start"],
    )


def _write(channel: Channel, reader: PointReader, manifest: Manifest, session: RestoreSession, counters: Counters) -> list[str]:
    """Copy every disk; returns the ranges that could not be had, in words."""
    damage: list[str] = []
    total_bytes = sum(disk.size_bytes for disk in manifest.disks)
    channel.sub_task(WRITE, SubTaskStatus.IN_PROGRESS)
    with channel.metering(WRITE, counters, total_bytes=total_bytes):
        for disk in manifest.disks:
            report = reader.copy(disk.id, session.disks[disk.id].write)
            damage.extend(f"{disk.id}: {bad}" for bad in report.bad_ranges)
            channel.log(f"{disk.id}: wrote {report.bytes_written}, read {report.pack_bytes_read} bytes of packs")
    channel.sub_task(WRITE, SubTaskStatus.WARNINGS if damage else SubTaskStatus.COMPLETED)
    return damage


def _judge(damage: list[str], placement: Placement, channel: Channel) -> None:
    """Damaged ranges read as zero in a new machine, which says so; nothing damaged ever replaces an original."""
    if damage and placement is Placement.ORIGINAL:
        raise DataDamaged("The recovery point is damaged, the machine was left as it is", cause="; ".join(damage[:5]))
    for line in damage:
        channel.warn(f"damaged, left as zeros: {line}")


def _result(restored: Restored) -> dict[str, Any]:
    return {
        "native_id": restored.native_id,
        "name": restored.name,
        "paths": dict(restored.paths),
        "kept_aside": list(restored.kept_aside),
    }
