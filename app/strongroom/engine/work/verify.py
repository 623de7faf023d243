"""A verification: every chunk of the chosen points decrypted, decoded and its id computed again (feature B3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.domain.errors import StrongroomError
from strongroom.domain.states import SubTaskStatus
from strongroom.engine.work.channel import Channel
from strongroom.engine.work.places import open_repository
from strongroom.repository.manifest import Manifest
from strongroom.repository.reading.reader import PointReader
from strongroom.repository.repository import Repository
from strongroom.repository.writing.writer import Counters

VERIFY = "Verify data"


def run(spec: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """What was found of each point: an empty list means that all of its data is there and right."""
    repository = open_repository(spec)
    counters = Counters()
    findings: dict[str, list[str]] = {}
    channel.sub_task(VERIFY, SubTaskStatus.IN_PROGRESS)
    with channel.metering(VERIFY, counters):
        for key in spec["manifest_keys"]:
            findings[key] = _verify(repository, key, counters, channel)
    damaged = sum(1 for found in findings.values() if found)
    for key, found in findings.items():
        for line in found[:3]:
            channel.warn(f"{key}: {line}")
    status = SubTaskStatus.WARNINGS if damaged else SubTaskStatus.COMPLETED
    channel.sub_task(VERIFY, status, f"{len(findings) - damaged} of {len(findings)} point(s) sound")
    return {"findings": findings}


def _verify(repository: Repository, key: str, counters: Counters, channel: Channel) -> list[str]:
    """«Cannot read» is not «bad» (invariant 17): a store that does not answer fails the job instead of marking the point."""
    try:
        manifest = repository.manifest(key)
    except StrongroomError as error:
        if error.retryable:
            raise
        return [str(error)]
    return _verify_disks(repository, manifest, counters, channel)


def _verify_disks(repository: Repository, manifest: Manifest, counters: Counters, channel: Channel) -> list[str]:
    found: list[str] = []
    with PointReader.open(repository, manifest, counters=counters, check=channel.check) as reader:
        for disk in manifest.disks:
            report = reader.verify(disk.id)
            found.extend(f"{disk.id}: {bad}" for bad in report.bad)
    return found
