"""Backing files are followed as QEMU follows them, and never into trouble (issue rows: A19; B1 reads through chains)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from strongroom.domain.disk import ExtentKind, covering
from strongroom.domain.errors import StrongroomError
from strongroom.providers.errors import DiskFormatUnsupported, DiskUnreadable
from strongroom.providers.images.chain import MAX_FILES, open_chain
from strongroom.providers.images.formats import ImageFormat
from tests.contract.providers.machines import MIB, patchwork, write_image
from tests.contract.providers.qcow2_files import Qcow2File

QCOW2, RAW = ImageFormat.QCOW2, ImageFormat.RAW


def content_of(path: Path, image_format: ImageFormat | None = QCOW2) -> bytes:
    """The disk, read by its extents and, again, in odd ranges."""
    chain = open_chain(path, image_format, path.parent)
    try:
        content = bytearray(chain.size_bytes)
        view = memoryview(content)
        for extent in covering(chain.extents(), chain.size_bytes):
            if extent.kind is ExtentKind.DATA:
                chain.read_into(extent.offset, view[extent.offset : extent.end])
        whole = bytearray(b"\xaa" * chain.size_bytes)
        for start in range(0, chain.size_bytes, 100_003):
            chain.read_into(start, memoryview(whole)[start : start + 100_003])
        assert whole == content
        return bytes(content)
    finally:
        chain.close()


def refused(path: Path, image_format: ImageFormat | None = QCOW2) -> StrongroomError:
    with pytest.raises(StrongroomError) as caught:
        content_of(path, image_format)
    assert path.name in caught.value.message or caught.value.message
    return caught.value


@pytest.mark.parametrize("size_bytes", [0, 1, 511, MIB - 1, MIB, MIB + 1])
def test_raw_images_of_every_size_are_read(tmp_path: Path, size_bytes: int) -> None:
    """A10: nothing rounds a disk."""
    content = patchwork(size_bytes, size_bytes) if size_bytes else b""
    (tmp_path / "a.raw").write_bytes(content)
    assert content_of(tmp_path / "a.raw", RAW) == content


def test_overlays_cover_their_backing_files(tmp_path: Path) -> None:
    """B1: stored, zero, unallocated, and a backing file that is shorter."""
    base = patchwork(3 * MIB + 700, 1)
    (tmp_path / "base.raw").write_bytes(base)
    middle = Qcow2File(size_bytes=4 * MIB, backing=b"base.raw", backing_format=b"raw")
    middle.store(3, b"\x11" * 65536)
    middle.zero(4)
    middle.write(tmp_path / "middle.qcow2")
    top = Qcow2File(size_bytes=5 * MIB, backing=b"middle.qcow2", backing_format=b"qcow2")
    top.store(4, b"\x22" * 65536)
    top.zero(3)
    top.write(tmp_path / "top.qcow2")
    expected = bytearray(base.ljust(5 * MIB, b"\0"))
    expected[3 * 65536 : 4 * 65536] = bytes(65536)
    expected[4 * 65536 : 5 * 65536] = b"\x22" * 65536
    assert content_of(tmp_path / "top.qcow2") == expected


def test_compressed_clusters_are_decoded(tmp_path: Path) -> None:
    """A10: deflate, with whatever lies behind in the last sector."""
    image = Qcow2File(size_bytes=MIB)
    cluster = patchwork(65536, 9)
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    image.pack(5, packer.compress(cluster) + packer.flush())
    image.write(tmp_path / "a.qcow2")
    assert content_of(tmp_path / "a.qcow2") == bytes(5 * 65536) + cluster + bytes(10 * 65536)


def test_a_compressed_cluster_that_ends_early_is_damage(tmp_path: Path) -> None:
    """A19: never made up with zeros."""
    image = Qcow2File(size_bytes=MIB)
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    image.pack(0, packer.compress(b"too short") + packer.flush())
    image.write(tmp_path / "a.qcow2")
    assert isinstance(refused(tmp_path / "a.qcow2"), DiskUnreadable)


def test_a_chain_in_a_circle_is_refused(tmp_path: Path) -> None:
    """A19"""
    Qcow2File(size_bytes=MIB, backing=b"b.qcow2", backing_format=b"qcow2").write(tmp_path / "a.qcow2")
    Qcow2File(size_bytes=MIB, backing=b"link.qcow2", backing_format=b"qcow2").write(tmp_path / "b.qcow2")
    (tmp_path / "link.qcow2").symlink_to("a.qcow2")
    assert "circle" in refused(tmp_path / "a.qcow2").cause


def test_a_chain_without_end_is_refused(tmp_path: Path) -> None:
    """A19"""
    for number in range(MAX_FILES + 1):
        backing = f"{number + 1}.qcow2".encode()
        Qcow2File(size_bytes=MIB, backing=backing, backing_format=b"qcow2").write(tmp_path / f"{number}.qcow2")
    write_image(tmp_path / f"{MAX_FILES + 1}.qcow2", bytes(MIB))
    assert isinstance(refused(tmp_path / "0.qcow2"), DiskFormatUnsupported)


def test_a_long_chain_is_read(tmp_path: Path) -> None:
    """B1"""
    content = patchwork(MIB, 3)
    write_image(tmp_path / "0.qcow2", content)
    for number in range(1, MAX_FILES):
        Qcow2File(size_bytes=MIB, backing=f"{number - 1}.qcow2".encode()).write(tmp_path / f"{number}.qcow2")
    assert content_of(tmp_path / f"{MAX_FILES - 1}.qcow2") == content


@pytest.mark.parametrize("name", [b"missing.raw", b"nbd:host:1", b"json:{}", b"https://x/y", b"a\0b", b"/proc/self/no", b"."])
def test_a_backing_file_that_is_none_is_refused(tmp_path: Path, name: bytes) -> None:
    """A19: never another exception, never another protocol."""
    Qcow2File(size_bytes=MIB, backing=name).write(tmp_path / "a.qcow2")
    assert isinstance(refused(tmp_path / "a.qcow2"), DiskUnreadable | DiskFormatUnsupported)


def test_content_alone_does_not_lead_out_of_the_source(tmp_path: Path) -> None:
    """A guest may write a qcow2 header into its raw disk; it must not be able to read the host's files that way (threat: the guest)."""
    secret = tmp_path / "secret.raw"
    secret.write_bytes(b"secret" * 1000)
    source = tmp_path / "vm"
    source.mkdir()
    fake = Qcow2File(size_bytes=4096, backing=b"../secret.raw", backing_format=b"raw")
    fake.write(source / "disk.raw")
    fake.write(source / "disk.img")
    fake.write(source / "disk.qcow2")
    assert content_of(source / "disk.raw", RAW) == (source / "disk.raw").read_bytes()
    assert "outside" in refused(source / "disk.img", None).message
    assert content_of(source / "disk.qcow2", QCOW2) == secret.read_bytes()[:4096]


def test_a_probed_backing_file_does_not_lead_out_either(tmp_path: Path) -> None:
    """The same one step further down: raw below qcow2 without a stated format."""
    (tmp_path / "secret.raw").write_bytes(b"secret" * 1000)
    source = tmp_path / "vm"
    source.mkdir()
    Qcow2File(size_bytes=4096, backing=b"../secret.raw").write(source / "base.raw")
    Qcow2File(size_bytes=4096, backing=b"base.raw").write(source / "top.qcow2")
    assert "outside" in refused(source / "top.qcow2").message


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"crypt": 1}, "AES encryption"),
        ({"crypt": 2}, "LUKS encryption"),
        ({"incompatible": 1 << 2}, "external data file"),
        ({"incompatible": 1 << 40}, "bit 40"),
        ({"incompatible": 1 << 9, "feature_names": [(9, b"warp drive")]}, "warp drive"),
        ({"version": 1}, "version 1"),
        ({"version": 4}, "version 4"),
        ({"incompatible": 1 << 3, "compression": 7}, "compression type 7"),
        ({"backing": b"x.vmdk", "backing_format": b"vmdk"}, "vmdk"),
    ],
)
def test_a_feature_that_we_cannot_read_is_named(tmp_path: Path, change: dict[str, object], word: str) -> None:
    """A19: DiskFormatUnsupported says which, and how to convert."""
    Qcow2File(size_bytes=MIB, **change).write(tmp_path / "a.qcow2")  # type: ignore[arg-type]
    error = refused(tmp_path / "a.qcow2")
    assert isinstance(error, DiskFormatUnsupported)
    assert word in error.message
    assert error.action


@pytest.mark.parametrize(
    "change",
    [
        {"incompatible": 1 << 1},
        {"cluster_bits": 8},
        {"cluster_bits": 22},
        {"cluster_bits": 0xFFFFFFFF},
        {"l1_entries": 0},
        {"l1_offset": 12345},
        {"l1_offset": 1 << 60},
        {"stated_size": 1 << 63},
        {"stated_size": 1 << 50},
        {"backing": b"b", "backing_at": 1 << 40},
        {"backing": b"b", "backing_length": 5000},
    ],
)
def test_a_header_that_makes_no_sense_is_damage(tmp_path: Path, change: dict[str, object]) -> None:
    """A19: and never a crash, a loop or an enormous table."""
    Qcow2File(size_bytes=MIB, **change).write(tmp_path / "a.qcow2")  # type: ignore[arg-type]
    assert isinstance(refused(tmp_path / "a.qcow2"), DiskUnreadable)


@pytest.mark.parametrize("entry", [1 << 40, 65536 + 512, (1 << 56) - 512])
def test_tables_that_lead_out_of_the_file_are_damage(tmp_path: Path, entry: int) -> None:
    """A19: data beyond the end of a cut-off image is not zero, it is lost."""
    stored = Qcow2File(size_bytes=MIB)
    stored.entries[2] = entry
    stored.write(tmp_path / "a.qcow2")
    assert isinstance(refused(tmp_path / "a.qcow2"), DiskUnreadable)
    table = Qcow2File(size_bytes=MIB)
    table.store(0, b"x" * 65536)
    table.l1_entry = entry
    table.write(tmp_path / "b.qcow2")
    assert isinstance(refused(tmp_path / "b.qcow2"), DiskUnreadable)


def test_a_cut_off_image_is_damage_and_a_ragged_end_is_not(tmp_path: Path) -> None:
    """A19: QEMU may leave the last cluster short, and reads zeros there."""
    image = Qcow2File(size_bytes=MIB)
    image.store(0, b"\x33" * 65536)
    image.store(1, b"\x44" * 65536)
    path = tmp_path / "a.qcow2"
    image.write(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    assert content_of(path)[: 2 * 65536] == b"\x33" * 65536 + b"\x44" * (65536 - 1000) + bytes(1000)
    path.write_bytes(whole[:-65536])
    assert isinstance(refused(path), DiskUnreadable)


def test_version_2_has_no_features(tmp_path: Path) -> None:
    """A10: the short header, extensions behind it."""
    content = patchwork(MIB, 8)
    write_image(tmp_path / "base.raw", content)
    Qcow2File(size_bytes=MIB, version=2, backing=b"base.raw", backing_format=b"raw").write(tmp_path / "a.qcow2")
    assert content_of(tmp_path / "a.qcow2") == content


def test_a_disk_of_four_tebibytes_costs_nothing_where_it_is_empty(tmp_path: Path) -> None:
    """A10: extents are an ordered walk over what is there."""
    with (tmp_path / "a.raw").open("wb") as file:
        file.truncate(4 << 40)
        file.seek(3 << 40)
        file.write(b"here")
    write_image(tmp_path / "b.qcow2", b"")
    Qcow2File(size_bytes=4 << 40).write(tmp_path / "c.qcow2")
    for name, image_format in (("a.raw", RAW), ("c.qcow2", QCOW2)):
        chain = open_chain(tmp_path / name, image_format, tmp_path)
        extents = list(covering(chain.extents(), 4 << 40))
        chain.close()
        assert sum(extent.length for extent in extents if extent.kind is ExtentKind.DATA) <= 65536
        assert len(extents) <= 3


def test_holes_are_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A10: a file system may walk a whole file to find its next hole: reading never asks, and a walk over an overlay asks once a hole."""
    with (tmp_path / "base.raw").open("wb") as file:
        file.truncate(64 * MIB)
        file.write(b"x" * MIB)
    top = Qcow2File(size_bytes=64 * MIB, backing=b"base.raw", backing_format=b"raw")
    for cluster in range(0, 1024, 2):
        top.zero(cluster)
    top.write(tmp_path / "top.qcow2")
    chain = open_chain(tmp_path / "top.qcow2", QCOW2, tmp_path)
    asked = []
    monkeypatch.setattr(chain.files[1], "seek", lambda *words: (asked.append(words), type(chain.files[1]).seek(chain.files[1], *words))[1])
    for start in range(0, 64 * MIB, MIB):
        chain.read_into(start, memoryview(bytearray(MIB)))
    assert asked == []
    assert sum(extent.length for extent in chain.extents() if extent.kind is ExtentKind.DATA) == MIB // 2
    assert len(asked) <= 4
    chain.close()


def test_reading_beyond_the_end_is_refused(tmp_path: Path) -> None:
    """A19"""
    (tmp_path / "a.raw").write_bytes(b"12345")
    chain = open_chain(tmp_path / "a.raw", RAW, tmp_path)
    with pytest.raises(DiskUnreadable):
        chain.read_into(3, memoryview(bytearray(3)))
    chain.close()


def test_the_magic_is_qemus() -> None:
    """Guards the constant that probing rests on."""
    assert struct.pack(">I", 0x514649FB) == Qcow2File(size_bytes=0).bytes()[:4]
