"""The lab's file systems are real: their own tools find them valid, before and after files in them were changed (A12's clean machines, C2)."""

import subprocess
from pathlib import Path

import pytest

from strongroom.lab import Lab, LabVolume, build_lab, change_guest_files, read_guest_file
from tests.parts import require_part

pytestmark = pytest.mark.system


@pytest.fixture
def changed_lab(tmp_path: Path) -> Lab:
    lab = build_lab(tmp_path / "lab")
    for machine in lab.machines:
        change_guest_files(lab, machine)
    return lab


def run(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False)


def raw_disk(volume: LabVolume, folder: Path) -> Path:
    """The disk that holds the volume, unpacked from qcow2 where need be."""
    if volume.disk.suffix == ".raw":
        return volume.disk
    raw = folder / "unpacked.raw"
    subprocess.run([require_part("qemu-img"), "convert", "-O", "raw", str(volume.disk), str(raw)], check=True)
    return raw


def cut_out(volume: LabVolume, folder: Path) -> Path:
    part = folder / f"{volume.kind}.part"
    with raw_disk(volume, folder).open("rb") as disk:
        disk.seek(volume.offset_bytes)
        part.write_bytes(disk.read(volume.size_bytes))
    return part


def test_e2fsck_finds_changed_ext4_volumes_valid(changed_lab: Lab, tmp_path: Path) -> None:
    """A12, C2."""
    e2fsck = require_part("e2fsck")
    volumes = [volume for machine in changed_lab.machines for volume in machine.volumes if volume.kind == "ext4"]
    assert len(volumes) == 6
    for volume in volumes:
        outcome = run(e2fsck, "-fn", str(cut_out(volume, tmp_path)))
        assert (b"skipping journal recovery" in outcome.stdout + outcome.stderr) == (not volume.clean)
        assert outcome.returncode == 0, outcome.stdout


def test_fsck_finds_changed_fat_volumes_valid(changed_lab: Lab, tmp_path: Path) -> None:
    """A12, C2."""
    fsck = require_part("fsck.fat")
    volumes = [volume for machine in changed_lab.machines for volume in machine.volumes if volume.kind.startswith("fat")]
    assert len(volumes) == 4
    for volume in volumes:
        outcome = run(fsck, "-n", str(cut_out(volume, tmp_path)))
        assert outcome.returncode == 0, outcome.stdout


def test_the_file_systems_show_the_changed_bytes_as_the_files_content(changed_lab: Lab, tmp_path: Path) -> None:
    """C2: what the demo changes is what a guest would read."""
    debugfs, mtype = require_part("debugfs"), require_part("mcopy")
    checked = set()
    for machine in changed_lab.machines:
        for file in machine.files:
            shown = set()
            for volume in (volume for volume in machine.volumes if volume.disk == file.disk):
                part = str(cut_out(volume, tmp_path))
                command = [debugfs, "-R", f"cat {file.path}", part] if volume.kind == "ext4" else [mtype, "-i", part, f"::{file.path}", "-"]
                shown.add(run(*command).stdout)
            assert read_guest_file(file) in shown
            checked.add((machine.name, file.path))
    assert len(checked) >= 8


def test_partition_tables_are_understood_by_sfdisk(changed_lab: Lab, tmp_path: Path) -> None:
    """A12: volumes are found through these tables."""
    sfdisk = require_part("sfdisk")
    for machine in changed_lab.machines:
        for disk in machine.disks:
            volumes = [volume for volume in machine.volumes if volume.disk == disk]
            outcome = run(sfdisk, "--dump", str(raw_disk(volumes[0], tmp_path)))
            text = outcome.stdout.decode()
            assert outcome.returncode == 0, outcome.stderr
            assert text.count("start=") == len(volumes)
            for volume in volumes:
                assert f"start={volume.offset_bytes // 512:>12}, size={volume.size_bytes // 512:>12}" in text


def test_qemu_finds_the_single_image_machine_sound(changed_lab: Lab) -> None:
    qemu_img = require_part("qemu-img")
    image = next(machine.path for machine in changed_lab.machines if machine.path.is_file())
    outcome = run(qemu_img, "check", str(image))
    assert outcome.returncode == 0, outcome.stdout
