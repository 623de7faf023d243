"""File systems prove clean from their own marks, and nothing else is ever called clean (A12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from strongroom.domain.consistency import SnapshotFacts, VolumeFacts, decide
from strongroom.domain.states import Consistency, PowerState
from strongroom.volumes import prove
from tests.unit.volumes import contents
from tests.unit.volumes.contents import BIOS_BOOT, LINUX, MIB


def proved(image: bytes) -> tuple[VolumeFacts, ...]:
    def read(offset: int, length: int) -> bytes:
        assert offset >= 0
        assert length > 0
        assert offset + length <= len(image)
        return image[offset : offset + length]

    return prove("vda", len(image), read)


def only(image: bytes) -> VolumeFacts:
    (facts,) = proved(image)
    assert facts.disk_id == "vda"
    assert facts.reason
    return facts


@pytest.mark.parametrize(
    ("make", "marks", "kind", "clean"),
    [
        (contents.ext, {}, "ext4", True),
        (contents.ext, {"incompatible": 0}, "ext3", True),
        (contents.ext, {"compatible": 0, "incompatible": 0}, "ext2", True),
        (contents.ext, {"state": 0, "compatible": 0, "incompatible": 0}, "ext2", False),
        (contents.ext, {"incompatible": 0x2C2 | 4}, "ext4", False),
        (contents.ext, {"state": 3}, "ext4", False),
        (contents.ext, {"state": 5}, "ext4", False),
        (contents.ext, {"orphan": 12}, "ext4", False),
        (contents.ext, {"read_only": 0x10000}, "ext4", False),
        (contents.ext, {"incompatible": 8}, "ext journal", None),
        (contents.fat, {"bits": 16}, "FAT16", True),
        (contents.fat, {"bits": 16, "marks": 1}, "FAT16", False),
        (contents.fat, {"bits": 16, "marks": 2}, "FAT16", False),
        (contents.fat, {"bits": 16, "state": 1}, "FAT16", False),
        (contents.fat, {"bits": 32}, "FAT32", True),
        (contents.fat, {"bits": 32, "marks": 1}, "FAT32", False),
        (contents.fat, {"bits": 32, "marks": 2}, "FAT32", False),
        (contents.fat, {"bits": 32, "state": 1}, "FAT32", False),
        (contents.fat, {"bits": 12}, "FAT12", None),
        (contents.ntfs, {}, "NTFS", True),
        (contents.ntfs, {"journal": "emptied"}, "NTFS", True),
        (contents.ntfs, {"dirty": True}, "NTFS", False),
        (contents.ntfs, {"journal": "open"}, "NTFS", False),
        (contents.ntfs, {"journal": "version 2"}, "NTFS", False),
    ],
)
def test_a_file_system_says_itself_whether_it_is_clean(
    make: Callable[..., bytes], marks: dict[str, Any], kind: str, clean: bool | None
) -> None:
    """A12: on a whole disk, in a primary and a logical partition, and in a GUID one."""
    content = make(**marks)
    assert (only(content).name, only(content).clean) == (f"whole disk ({kind})", clean)
    primary = only(contents.mbr([(0x83, content)]))
    assert (primary.name, primary.clean) == (f"partition 1 ({kind})", clean)
    logical = only(contents.mbr([(0x83, content)], logical_from=0))
    assert (logical.name, logical.clean) == (f"partition 5 ({kind})", clean)
    for sector in (512, 4096):
        guid = only(contents.gpt([(LINUX, content)], sector=sector))
        assert (guid.name, guid.clean) == (f"partition 1 ({kind})", clean)


@pytest.mark.parametrize(
    ("place", "mark", "kind"),
    [
        (0, b"LUKS\xba\xbe", "LUKS"),
        (0, b"XFSB", "XFS"),
        (65600, b"_BHRfS_M", "btrfs"),
        (3, b"-FVE-FS-", "BitLocker"),
        (3, b"EXFAT   ", "exFAT"),
        (512, b"LABELONE" + bytes(16) + b"LVM2 001", "LVM"),
        (4096, b"\xfc\x4e\x2b\xa9", "Linux RAID"),
        (131072, (0x00BAB10C).to_bytes(8, "little"), "ZFS"),
        (32769, b"CD001", "ISO 9660"),
    ],
)
def test_what_is_not_looked_into_is_named_and_not_proved(place: int, mark: bytes, kind: str) -> None:
    """A12: LVM, LUKS, XFS, btrfs and the like."""
    image = bytearray(2 * MIB)
    image[place : place + len(mark)] = mark
    facts = only(bytes(image))
    assert (facts.name, facts.clean) == (f"whole disk ({kind})", None)


def test_the_unknown_is_not_proved() -> None:
    """A12: on a disk and in a partition."""
    noise = b"\x5a" * MIB
    assert (only(noise).clean, only(noise).name) == (None, "whole disk (unknown)")
    assert "not recognised" in only(contents.mbr([(0x83, noise)])).reason


@pytest.mark.parametrize("size", [0, 1, 511, 512, MIB - 1, MIB, 5 * MIB])
def test_an_empty_disk_proves_nothing_and_spoils_nothing(size: int) -> None:
    """A12: beside a clean disk it changes nothing."""
    assert proved(bytes(size)) == ()
    verdict = decide(SnapshotFacts(PowerState.OFF), [*proved(bytes(size)), *proved(contents.ext())])
    assert verdict.level is Consistency.FILE_SYSTEM


def test_a_machine_of_empty_disks_only_is_crash_consistent() -> None:
    """A12: no file system was found to prove clean, and the reason says so."""
    assert decide(SnapshotFacts(PowerState.OFF), proved(bytes(MIB))).level is Consistency.CRASH


def test_a_table_without_partitions_is_an_empty_disk() -> None:
    """A12: initialised, never used."""
    assert proved(contents.mbr([])) == ()
    assert proved(contents.gpt([])) == ()


def test_swap_boot_code_and_unformatted_partitions_need_no_proof() -> None:
    """A12: swap is recognised and ignored."""
    assert proved(contents.swap()) == ()
    disk = contents.gpt([(BIOS_BOOT, b"\x90" * MIB), (LINUX, contents.swap()), (LINUX, bytes(MIB)), (LINUX, contents.ext())])
    assert [(facts.name, facts.clean) for facts in proved(disk)] == [("partition 4 (ext4)", True)]


def test_a_hibernated_system_is_not_clean() -> None:
    """A12: its file systems are still in use, whatever they say."""
    assert only(contents.swap(b"S1SUSPEND\0")).clean is False


def test_every_partition_is_looked_at() -> None:
    """A12: one that is not clean is enough, wherever it is."""
    volumes = [
        (0x0C, contents.fat(32)),
        (0x83, contents.ext()),
        (0x83, contents.ext(state=0)),
        (0x82, contents.swap()),
        (0x07, contents.ntfs()),
    ]
    found = [(facts.name, facts.clean) for facts in proved(contents.mbr(volumes, logical_from=2))]
    assert found == [
        ("partition 1 (FAT32)", True),
        ("partition 2 (ext4)", True),
        ("partition 5 (ext4)", False),
        ("partition 7 (NTFS)", True),
    ]


def test_old_marks_that_were_not_wiped_prove_nothing() -> None:
    """A12: LUKS made over ext4 leaves the old super block in its header."""
    image = bytearray(contents.ext())
    image[:6] = b"LUKS\xba\xbe"
    facts = only(bytes(image))
    assert facts.clean is None
    assert "ext4" in facts.name
    assert "LUKS" in facts.name


def test_one_whole_copy_of_a_guid_table_is_enough() -> None:
    """A12"""
    image = bytearray(contents.gpt([(LINUX, contents.ext())]))
    image[512 + 20] ^= 1
    assert only(bytes(image)).clean is True
    image[1024] ^= 1
    assert only(bytes(image)).clean is True
    image[-512 + 20] ^= 1
    assert (only(bytes(image)).name, only(bytes(image)).clean) == ("partition table", None)


def test_a_lost_guid_table_is_not_an_empty_disk() -> None:
    """A12: the protective entry tells that there was one."""
    image = bytearray(contents.gpt([(LINUX, contents.ext())]))
    image[512:520] = bytes(8)
    image[-512:-504] = bytes(8)
    assert only(bytes(image)).clean is None


def test_a_partition_beyond_the_end_is_not_proved() -> None:
    """A12: a disk that was cut off."""
    facts = only(contents.mbr([(0x83, contents.ext())])[: MIB + 4096])
    assert facts.clean is None
    assert "beyond" in facts.reason


def test_a_chain_of_logical_partitions_in_a_circle_ends() -> None:
    """A12, A19"""
    image = bytearray(contents.mbr([(0x83, contents.ext()), (0x83, contents.ext())], logical_from=0))
    image[MIB + 462 + 8 : MIB + 462 + 12] = (0).to_bytes(4, "little")
    assert len(proved(bytes(image))) == 1
    second = 3 * MIB
    image = bytearray(contents.mbr([(0x83, contents.ext()), (0x83, contents.ext())], logical_from=0))
    image[second + 462 : second + 478] = image[MIB + 462 : MIB + 478]
    assert only(bytes(image)).name == "partition table"


@pytest.mark.parametrize("place", [4 * 4096 + 3 * 1024, 4 * 4096 + 3 * 1024 + 510, 100 * 4096, 64])
def test_a_damaged_ntfs_is_not_proved(place: int) -> None:
    """A12: a torn record, a missing one, a journal without pages, a boot sector that makes no sense."""
    image = bytearray(contents.ntfs())
    image[place : place + 2] = b"\x00\x00" if place != 64 else b"\x7f\x00"
    if place == 100 * 4096:
        image[101 * 4096 : 101 * 4096 + 2] = b"\x00\x00"
    assert only(bytes(image)).clean is None
