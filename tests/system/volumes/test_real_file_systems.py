"""Real file systems, as their own tools and the kernel make them, prove what they should (A12)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from strongroom.domain.consistency import VolumeFacts
from strongroom.volumes import prove
from tests.parts import require_part
from tests.system.providers.mounts import loop_mounted, run

pytestmark = pytest.mark.system
MIB = 1 << 20


def proved(image: Path) -> list[tuple[str, bool | None]]:
    return [(facts.name, facts.clean) for facts in facts_of(image)]


def facts_of(image: Path) -> tuple[VolumeFacts, ...]:
    with image.open("rb") as file:
        return prove("vda", image.stat().st_size, lambda offset, length: os.pread(file.fileno(), length, offset))


def sized(path: Path, size_bytes: int) -> Path:
    path.touch()
    os.truncate(path, size_bytes)
    return path


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
def test_ext_is_clean_when_made_and_not_while_it_is_mounted(tmp_path: Path, kind: str) -> None:
    """A12: copied while mounted is what a power cut leaves."""
    image = sized(tmp_path / "a.img", 64 * MIB)
    run(require_part("mke2fs"), "-q", "-t", kind, image)
    assert proved(image) == [(f"whole disk ({kind})", True)]
    require_part("root")
    with loop_mounted(image, tmp_path / "mnt") as folder:
        (folder / "file").write_text("content")
        run("sync", "-f", folder)
        shutil.copyfile(image, tmp_path / "cut.img")
    assert proved(tmp_path / "cut.img") == [(f"whole disk ({kind})", False)]
    assert proved(image) == [(f"whole disk ({kind})", True)]


@pytest.mark.parametrize(("bits", "size", "mark_at"), [("16", 32, 0x25), ("32", 64, 0x41)])
def test_fat_is_clean_when_made_and_not_where_its_own_tool_finds_it_dirty(tmp_path: Path, bits: str, size: int, mark_at: int) -> None:
    """A12: the mark that a mount sets, judged by fsck.fat as well."""
    image = sized(tmp_path / "a.img", size * MIB)
    run(require_part("mkfs.fat"), "-F", bits, image)
    assert proved(image) == [(f"whole disk (FAT{bits})", True)]
    with image.open("r+b") as file:
        file.seek(mark_at)
        file.write(b"\x01")
    told = subprocess.run([require_part("fsck.fat"), "-n", str(image)], check=False, capture_output=True, text=True)
    assert "Dirty bit is set" in told.stdout
    assert proved(image) == [(f"whole disk (FAT{bits})", False)]


def test_ntfs_is_clean_when_made(tmp_path: Path) -> None:
    """A12: and not once it is marked for a check."""
    image = sized(tmp_path / "a.img", 16 * MIB)
    run(require_part("mkntfs"), "-Q", "-F", image)
    assert proved(image) == [("whole disk (NTFS)", True)]
    run(require_part("ntfsfix"), image)  # repairs, then asks Windows for a check by setting the mark
    (facts,) = facts_of(image)
    assert (facts.clean, facts.reason) == (False, "it is marked for a check")


def test_xfs_and_swap_are_recognised(tmp_path: Path) -> None:
    """A12"""
    swap = sized(tmp_path / "swap.img", 16 * MIB)
    subprocess.run([require_part("mkswap"), str(swap)], check=True, capture_output=True)
    assert proved(swap) == []
    xfs = sized(tmp_path / "xfs.img", 320 * MIB)
    run(require_part("mkfs.xfs"), "-q", xfs)
    assert proved(xfs) == [("whole disk (XFS)", None)]


@pytest.mark.parametrize("label", ["dos", "gpt"])
def test_real_partition_tables_are_read(tmp_path: Path, label: str) -> None:
    """A12: with an extended partition where there is such a thing."""
    image = sized(tmp_path / "a.img", 100 * MIB)
    table = f"label: {label}\n,20M,L\n,10M,S\n" + (",40M,E\n,15M,L\n,15M,L\n" if label == "dos" else ",15M,L\n,15M,L\n")
    subprocess.run([require_part("sfdisk"), "-q", str(image)], input=table, text=True, check=True, capture_output=True)
    dump = subprocess.run([require_part("sfdisk"), "-d", str(image)], text=True, check=True, capture_output=True).stdout
    number, start = re.findall(r"a\.img(\d+) : start= *(\d+)", dump)[-1]
    file_system = sized(tmp_path / "ext4.img", 12 * MIB)
    run(require_part("mke2fs"), "-q", "-t", "ext4", file_system)
    with image.open("r+b") as file:
        file.seek(int(start) * 512)
        file.write(file_system.read_bytes())
    assert proved(image) == [(f"partition {number} (ext4)", True)]
