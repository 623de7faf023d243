"""Whether every file system on a disk proves clean (feature A12), from a few reads at known places."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.domain.consistency import VolumeFacts
from strongroom.volumes import ext, fat, marks, ntfs
from strongroom.volumes.finding import Finding
from strongroom.volumes.gpt import read_gpt
from strongroom.volumes.mbr import is_empty_table, read_mbr
from strongroom.volumes.partitions import Partition, TableDamaged
from strongroom.volumes.window import ReadAt, Window

# Every file system that we know has something in its first or last mebibyte; where both are zero nothing was ever made.
_EDGE_BYTES = 1 << 20


def prove(disk_id: str, size_bytes: int, read: ReadAt) -> tuple[VolumeFacts, ...]:
    """What is on the disk, partition by partition; ``read(offset, length)`` gives exactly that range of it.

    Swap, boot code and room that was never written yield nothing: they need no proof and spoil none. So does an empty disk: beside a clean
    system disk it changes nothing, and a machine with nothing else has no file system, which ``domain.consistency`` says. Whatever cannot
    be proved, the unknown included, comes back with ``clean`` None and its name in the reason. Errors of ``read`` pass through; content
    never raises.
    """
    return tuple(_facts(disk_id, Window(read, 0, size_bytes)))


def _facts(disk_id: str, disk: Window) -> Iterator[VolumeFacts]:
    try:
        partitions = _partitions(disk)
    except TableDamaged as error:
        yield VolumeFacts(disk_id, "partition table", None, str(error))
        return
    if partitions is None:
        yield from _volume_facts(disk_id, "whole disk", disk)
        return
    for partition in partitions:
        yield from _partition_facts(disk_id, disk, partition)


def _partitions(disk: Window) -> list[Partition] | None:
    """The disk's partitions, or None where the disk itself is the volume."""
    if fat.look(disk) is not None or ntfs.look(disk) is not None:
        return None  # their boot sectors bear the same signature as a table
    found = read_gpt(disk)
    if found is not None:
        return found
    # A boot signature without any entry says nothing: the disk may be one volume, or just initialised.
    return read_mbr(disk) or None


def _partition_facts(disk_id: str, disk: Window, partition: Partition) -> Iterator[VolumeFacts]:
    name = f"partition {partition.number}"
    if not partition.holds_file_system:
        return
    if partition.start + partition.size_bytes > disk.size_bytes:
        yield VolumeFacts(disk_id, name, None, "it reaches beyond the end of the disk")
        return
    yield from _volume_facts(disk_id, name, disk.part(partition.start, partition.size_bytes))


def _volume_facts(disk_id: str, name: str, volume: Window) -> Iterator[VolumeFacts]:
    findings = _findings(volume)
    if len(findings) == 1:
        finding = findings[0]
        if not finding.ignored:
            yield VolumeFacts(disk_id, f"{name} ({finding.kind})", finding.clean, finding.reason)
    elif findings:
        kinds = ", ".join(finding.kind for finding in findings)
        yield VolumeFacts(disk_id, f"{name} ({kinds})", None, f"it bears the marks of {kinds} at once")
    elif not _is_blank(volume):
        yield VolumeFacts(disk_id, f"{name} (unknown)", None, "its content is not recognised")


def _findings(volume: Window) -> list[Finding]:
    candidates = [ext.look(volume), fat.look(volume), ntfs.look(volume), *marks.look(volume)]
    found = {finding.kind: finding for finding in candidates if finding is not None}
    return list(found.values())


def _is_blank(volume: Window) -> bool:
    """Whether nothing was ever written, as far as both ends show; an empty partition table may stand at the start."""
    edge = min(_EDGE_BYTES, volume.size_bytes)
    first, last = volume.bytes_at(0, edge), volume.bytes_at(volume.size_bytes - edge, edge)
    if is_empty_table(first[:512]):
        first = first[512:]
    return not any(first) and (not any(last) or volume.size_bytes <= _EDGE_BYTES)
