"""The demo lab: real input for A3-A5 (regions, cloud services, names twice), B8 (several disks) and A12 (a machine that lost power)."""

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from strongroom import resources
from strongroom.domain.errors import InvalidInput
from strongroom.lab import Lab, LabMachine, build_lab, change_guest_files, read_guest_file

SHIPPED_BYTES_MAX = 300 * 1024
MIB = 1024 * 1024


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return build_lab(tmp_path / "lab")


def fingerprint(machine: LabMachine) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in machine.disks]


def test_the_lab_offers_every_case_that_discovery_must_tell_apart(lab: Lab) -> None:
    """A3, A4, A5, B8."""
    names = [(machine.name, machine.cloud_service) for machine in lab.machines]
    assert len(set(names)) == len(names)
    assert sorted(name for name, _ in names).count("web01") == 2
    assert {source.region for source in lab.sources} == {machine.region for machine in lab.machines}
    assert max(len(machine.disks) for machine in lab.machines) == 2
    assert [(machine.name, machine.cloud_service) for machine in lab.machines if not machine.clean] == [("web01", "hall-b")]
    assert any(machine.path.is_file() for machine in lab.machines)


def test_every_machine_folder_says_who_it_is(lab: Lab) -> None:
    """A3."""
    for machine in lab.machines:
        if machine.path.is_dir():
            told = tomllib.loads((machine.path / "strongroom.toml").read_text())
            assert told["name"] == machine.name
            assert told["cloud_service"] == machine.cloud_service == machine.path.parent.name
            assert told["region"] == machine.region
            assert told["disks"] == [path.name for path in machine.disks]


def test_the_images_are_sparse_and_cost_little_to_ship(lab: Lab) -> None:
    """C4's demo runs anywhere: hundreds of MiB of disks from a few hundred KiB."""
    raw = [path for machine in lab.machines for path in machine.disks if path.suffix == ".raw"]
    assert sum(path.stat().st_size for path in raw) >= 400 * MIB
    assert sum(path.stat().st_blocks * 512 for path in raw) < 32 * MIB
    assert sum(path.stat().st_size for path in resources.data_folder().joinpath("lab").glob("lab.*")) < SHIPPED_BYTES_MAX


def test_the_shipped_stream_is_used_to_its_last_byte(lab: Lab) -> None:
    """The map and the stream belong together."""
    with resources.data_file("lab", "lab.zst").open("rb") as packed:
        packed_bytes = len(zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(packed).read())
    kept = sum(
        sum(1 for at in range(0, len(data), 4096) if any(data[at : at + 4096])) for machine in lab.machines for data in _disks(machine)
    )
    assert kept * 4096 == packed_bytes


def test_the_changeable_files_are_text_at_the_mapped_places(lab: Lab) -> None:
    """The map of runs points at the files' own bytes."""
    for machine in lab.machines:
        assert machine.files
        for file in machine.files:
            lines = read_guest_file(file).decode().splitlines()[:-1]
            assert [int(line.split(" read and")[0].split()[-3]) for line in lines] == list(range(len(lines)))


def test_changing_guest_files_changes_exactly_what_it_reports(lab: Lab) -> None:
    """C2: the incremental that follows has that much to find."""
    machine = lab.machine("db01", "hall-a")
    before = _disks(machine)
    others = [fingerprint(other) for other in lab.machines if other is not machine]
    contents = {file.path: read_guest_file(file) for file in machine.files}
    changed = change_guest_files(lab, machine)
    assert {change.path for change in changed} == set(contents)
    for file, change in zip(machine.files, changed, strict=True):
        after = read_guest_file(file)
        assert after != contents[file.path]
        assert len(after) == len(contents[file.path])
        assert 0 < sum(a != b for a, b in zip(after, contents[file.path], strict=True)) <= change.changed_bytes
    differing = sum(sum(a != b for a, b in zip(*pair, strict=True)) for pair in _changed_blocks(before, _disks(machine)))
    assert differing <= sum(change.changed_bytes for change in changed)
    assert others == [fingerprint(other) for other in lab.machines if other is not machine]


def test_every_change_differs_from_the_one_before(lab: Lab) -> None:
    """C2."""
    machine = lab.machine("web01", "hall-b")
    seen = [fingerprint(machine)]
    for _ in range(3):
        change_guest_files(lab, machine)
        seen.append(fingerprint(machine))
    assert len({tuple(prints) for prints in seen}) == 4


def test_two_labs_are_byte_for_byte_the_same(tmp_path: Path) -> None:
    one, other = build_lab(tmp_path / "one"), build_lab(tmp_path / "other", region_names=("North", "South"))
    assert [fingerprint(machine) for machine in one.machines] == [fingerprint(machine) for machine in other.machines]
    assert {machine.region for machine in other.machines} == {"North", "South"}


def test_a_lab_is_never_built_over_files_that_are_there(lab: Lab) -> None:
    with pytest.raises(InvalidInput, match="already there"):
        build_lab(lab.folder)


def test_a_machine_of_another_lab_is_refused(lab: Lab, tmp_path: Path) -> None:
    other = build_lab(tmp_path / "other")
    with pytest.raises(InvalidInput, match="does not belong"):
        change_guest_files(lab, other.machines[0])
    with pytest.raises(KeyError):
        lab.machine("nobody", "hall-a")


def _disks(machine: LabMachine) -> list[bytes]:
    return [path.read_bytes() for path in machine.disks]


def _changed_blocks(before: list[bytes], after: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for old, new in zip(before, after, strict=True):
        for at in range(0, len(old), MIB):
            if old[at : at + MIB] != new[at : at + MIB]:
                yield old[at : at + MIB], new[at : at + MIB]
