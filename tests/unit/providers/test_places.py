"""Folders become machines and cloud services by one stated rule (A3)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strongroom.providers.base import Discovery
from strongroom.providers.errors import MachineVanished, SourceInvalid, SourceUnreachable
from strongroom.providers.images.provider import ImagesProvider
from tests.contract.providers.machines import write_image, write_machine


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "vm"
    folder.mkdir()
    return folder


def discover(source: Path) -> Discovery:
    return ImagesProvider(source, "Frankfurt").discover()


def names(found: Discovery) -> set[tuple[str, str]]:
    return {(machine.cloud_service, machine.name) for machine in found.machines}


def test_both_layouts_and_single_images_are_found(source: Path) -> None:
    """A3: MACHINE/disk, SERVICE/MACHINE/disk and an image by itself."""
    write_machine(source / "alone", {"disk.raw": b"a"})
    write_machine(source / "hall-a" / "web01", {"disk.raw": b"b"})
    write_machine(source / "hall-b" / "web01", {"disk.qcow2": bytes(512)})
    write_image(source / "kiosk.qcow2", bytes(512))
    found = discover(source)
    assert names(found) == {("vm", "alone"), ("hall-a", "web01"), ("hall-b", "web01"), ("vm", "kiosk")}
    assert found.warnings == ()
    assert {machine.region for machine in found.machines} == {"Frankfurt"}
    assert len({machine.native_id for machine in found.machines}) == 4


def test_a_folder_with_an_image_is_a_machine_and_not_a_service(source: Path) -> None:
    """A3: nothing below a machine is looked into."""
    write_machine(source / "web01", {"disk.raw": b"a"})
    write_machine(source / "web01" / "old", {"disk.raw": b"b"})
    assert names(discover(source)) == {("vm", "web01")}


def test_what_the_machine_says_of_itself_wins(source: Path) -> None:
    """A3, A5: name, cloud service, region, os."""
    write_machine(source / "x" / "y", {"disk.raw": b"a"}, 'name="web"\ncloud_service="hall"\nregion="Dublin"\nos="Debian"\n')
    (machine,) = discover(source).machines
    assert (machine.name, machine.cloud_service, machine.region, machine.operating_system) == ("web", "hall", "Dublin", "Debian")


def test_a_new_disk_is_picked_up_behind_the_listed_ones(source: Path) -> None:
    """B8: listing an order leaves nothing out."""
    write_machine(source / "m", {"a.raw": b"a", "b.raw": b"b", "c.raw": b"c"}, 'disks = ["c.raw", { file = "a.raw", include = false }]')
    (machine,) = discover(source).machines
    assert [(disk.id, disk.included) for disk in machine.disks] == [("c.raw", True), ("a.raw", False), ("b.raw", True)]
    assert "strongroom.toml" in machine.disks[1].reason


def test_hidden_kept_and_foreign_files_are_passed_by(source: Path) -> None:
    """A16: what a restore builds or keeps aside is no machine."""
    for name in (".strongroom-job", "strongroom-kept-job", ".hidden", "lost+found"):
        write_machine(source / name, {"disk.raw": b"a"})
    (source / "notes.txt").write_text("no image")
    (source / "install.iso").write_bytes(b"no disk of a machine")
    (source / "empty").mkdir()
    assert discover(source) == Discovery((), ())


@pytest.mark.parametrize("name", ["[bold]x", "名前", "two\nlines", "n" * 255, "\x1b[31mred", "a b'\"$"])
def test_hostile_names_are_names(source: Path, name: str) -> None:
    """A3: shown safely elsewhere, kept as they are here."""
    write_machine(source / name, {"disk.raw": b"a"})
    found = discover(source)
    assert names(found) == {("vm", name)}
    assert ImagesProvider(source, "Frankfurt").describe(found.machines[0].native_id).name == name


def test_a_name_that_is_no_text_is_a_warning(source: Path) -> None:
    """A19: it could not be kept in a catalog."""
    write_machine(source / os.fsdecode(b"bad\xff"), {"disk.raw": b"a"})
    write_machine(source / "good", {"disk.raw": b"a"})
    (source / "good" / os.fsdecode(b"disk\xfe.raw")).write_bytes(b"x")
    found = discover(source)
    assert found.machines == ()
    assert len(found.warnings) == 2
    assert all("UTF-8" in warning and warning.isprintable() for warning in found.warnings)


def test_one_bad_machine_is_a_warning_and_not_a_failure(source: Path) -> None:
    """A3: every kind of bad machine beside a good one."""
    write_machine(source / "good", {"disk.raw": b"a"})
    write_machine(source / "torn", {"disk.raw": b"a"})
    (source / "torn" / "second.qcow2").write_bytes(b"QFI\xfbgarbage")
    write_machine(source / "foreign", {"disk.raw": b"a"})
    (source / "foreign" / "disk.vmdk").write_bytes(b"KDMV")
    write_machine(source / "misspelt", {"disk.raw": b"a"}, "nmae = 'x'")
    write_machine(source / "dangling", {"disk.raw": b"a"})
    (source / "dangling" / "gone.raw").symlink_to(source / "nowhere.raw")
    write_machine(source / "unlisted", {"disk.raw": b"a"}, "disks = ['missing.raw']")
    os.mkfifo(source / "pipe.raw")
    (source / "loop.raw").symlink_to(source / "loop.raw")
    found = discover(source)
    assert names(found) == {("vm", "good")}
    told = "\n".join(found.warnings)
    for word in ("torn", "VMDK", "nmae", "gone.raw", "missing.raw", "pipe.raw", "loop.raw"):
        assert word in told


def test_a_folder_that_cannot_be_listed_is_a_warning(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A3: permission denied on one machine."""
    write_machine(source / "good", {"disk.raw": b"a"})
    write_machine(source / "secret", {"disk.raw": b"a"})
    real = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = discover(source)
    assert names(found) == {("vm", "good")}
    assert "Permission denied" in found.warnings[0]


def test_links_to_images_are_followed_and_links_to_folders_are_not(source: Path, tmp_path: Path) -> None:
    """A3: no machine is found twice."""
    write_image(tmp_path / "elsewhere.raw", b"content")
    write_machine(source / "m", {"disk.raw": b"a"})
    (source / "m" / "linked.raw").symlink_to(tmp_path / "elsewhere.raw")
    (source / "again").symlink_to(source / "m")
    found = discover(source)
    assert names(found) == {("vm", "m")}
    assert [disk.size_bytes for disk in found.machines[0].disks] == [1, 7]
    assert "again" in found.warnings[0]
    with pytest.raises(MachineVanished):
        ImagesProvider(source, "r").describe(str(source / "again"))


def test_machines_with_one_name_are_told(source: Path) -> None:
    """A3: same names in one cloud service cannot be told apart."""
    write_image(source / "a.raw", b"x")
    write_image(source / "a.img", b"y")
    assert "2 machines are called vm/a" in discover(source).warnings[0]


def test_a_missing_source_is_unreachable(source: Path) -> None:
    """A19"""
    provider = ImagesProvider(source / "no", "r")
    with pytest.raises(SourceUnreachable):
        provider.discover()
    with pytest.raises(SourceUnreachable):
        provider.describe(str(source / "no" / "m"))


@pytest.mark.parametrize("native_id", ["/etc/passwd", "{}", "{}/../x", "{}/a/b/c", "relative"])
def test_an_identity_of_another_source_is_refused(source: Path, native_id: str) -> None:
    """A19: an identity never leads out of the source."""
    with pytest.raises(SourceInvalid):
        ImagesProvider(source, "r").describe(native_id.format(source))
