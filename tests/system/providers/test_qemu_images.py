"""What QEMU writes we read, and what we write QEMU reads (A10, A16)."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.domain.disk import ExtentKind, covering
from strongroom.domain.errors import StrongroomError
from strongroom.providers.errors import DiskFormatUnsupported
from strongroom.providers.images.chain import open_chain
from strongroom.providers.images.formats import ImageFormat
from strongroom.providers.images.qcow2_writer import Qcow2Target
from tests.contract.providers.machines import MIB, patchwork
from tests.parts import require_part

pytestmark = pytest.mark.system

Run = Callable[..., str]
SIZE = 40 * MIB


@pytest.fixture
def qemu_img() -> Run:
    program = require_part("qemu-img")

    def run(*words: object) -> str:
        done = subprocess.run([program, *map(str, words)], check=True, capture_output=True, text=True)
        return done.stdout

    return run


@pytest.fixture
def qemu_io() -> Run:
    program = require_part("qemu-io")

    def run(image: Path, *commands: str) -> str:
        words = [word for command in commands for word in ("-c", command)]
        return subprocess.run([program, "-f", "qcow2", *words, str(image)], check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "content.raw"
    rng = random.Random(1)
    with path.open("wb") as file:
        file.truncate(SIZE)
        for _ in range(150):
            file.seek(rng.randrange(SIZE - 200_000))
            file.write(patchwork(rng.randrange(1, 200_000), rng.randrange(1 << 30)))
    return path


def read(path: Path) -> bytes:
    chain = open_chain(path, ImageFormat.QCOW2, path.parent)
    try:
        content = bytearray(chain.size_bytes)
        for extent in covering(chain.extents(), chain.size_bytes):
            if extent.kind is ExtentKind.DATA:
                chain.read_into(extent.offset, memoryview(content)[extent.offset : extent.end])
        rng = random.Random(2)
        for _ in range(50):
            start = rng.randrange(chain.size_bytes)
            piece = bytearray(min(rng.randrange(1, 300_000), chain.size_bytes - start))
            chain.read_into(start, memoryview(piece))
            assert piece == content[start : start + len(piece)]
        return bytes(content)
    finally:
        chain.close()


@pytest.mark.parametrize(
    "options",
    [
        "compat=0.10",
        "compat=1.1",
        "compat=1.1,lazy_refcounts=on",
        "cluster_size=512",
        "cluster_size=4096",
        "cluster_size=2M",
        "extended_l2=on,cluster_size=16k",
        "extended_l2=on,cluster_size=128k",
        "refcount_bits=1",
        "refcount_bits=64",
        "preallocation=metadata",
        "preallocation=falloc",
    ],
)
def test_every_shape_of_qcow2_is_read(qemu_img: Run, raw: Path, tmp_path: Path, options: str) -> None:
    """A10"""
    qemu_img("convert", "-O", "qcow2", "-o", options, raw, tmp_path / "a.qcow2")
    assert read(tmp_path / "a.qcow2") == raw.read_bytes()


@pytest.mark.parametrize("kind", ["zlib", "zstd"])
@pytest.mark.parametrize("cluster", ["4k", "64k", "2M"])
def test_compressed_images_are_read(qemu_img: Run, raw: Path, tmp_path: Path, kind: str, cluster: str) -> None:
    """A10: deflate and zstd; also into extended tables."""
    extended = ",extended_l2=on" if cluster == "64k" else ""
    options = f"compression_type={kind},cluster_size={cluster}{extended}"
    qemu_img("convert", "-c", "-O", "qcow2", "-o", options, raw, tmp_path / "a.qcow2")
    assert read(tmp_path / "a.qcow2") == raw.read_bytes()


def test_chains_with_writes_zeros_and_discards_are_read(qemu_img: Run, qemu_io: Run, raw: Path, tmp_path: Path) -> None:
    """A10, invariant 9: three layers, the lowest shorter, the middle one compressed, the top one extended."""
    qemu_img("convert", "-O", "qcow2", "-c", "-B", raw, "-F", "raw", raw, tmp_path / "middle.qcow2")
    qemu_img("create", "-f", "qcow2", "-o", "extended_l2=on", "-b", "middle.qcow2", "-F", "qcow2", tmp_path / "top.qcow2", 50 * MIB)
    qemu_io(
        tmp_path / "top.qcow2",
        "write -P 0x55 3000000 70000",
        "write -z 10000000 300000",
        "write -z -u 20000000 3000000",
        "discard 30000000 5000000",
        "write -P 0x66 45000000 1000",
        "write -P 0 100 5000",
    )
    qemu_img("convert", "-O", "raw", tmp_path / "top.qcow2", tmp_path / "expected.raw")
    assert read(tmp_path / "top.qcow2") == (tmp_path / "expected.raw").read_bytes()


def test_snapshots_inside_the_file_are_ignored(qemu_img: Run, qemu_io: Run, raw: Path, tmp_path: Path) -> None:
    """A10: the present state is backed up."""
    qemu_img("convert", "-O", "qcow2", raw, tmp_path / "a.qcow2")
    qemu_img("snapshot", "-c", "before", tmp_path / "a.qcow2")
    qemu_io(tmp_path / "a.qcow2", "write -P 0x77 5000000 1000000")
    expected = bytearray(raw.read_bytes())
    expected[5_000_000:6_000_000] = b"\x77" * 1_000_000
    assert read(tmp_path / "a.qcow2") == expected


@pytest.mark.parametrize(
    ("options", "word"), [("data_file=data.bin,data_file_raw=on", "external data file"), ("encrypt", "AES encryption")]
)
def test_what_cannot_be_read_is_refused_by_name(qemu_img: Run, tmp_path: Path, options: str, word: str) -> None:
    """A19"""
    image = tmp_path / "a.qcow2"
    if options == "encrypt":
        secret = ("--object", "secret,id=s,data=secret")
        qemu_img("create", "-f", "qcow2", *secret, "-o", "encrypt.format=aes,encrypt.key-secret=s", image, MIB)
    else:
        qemu_img("create", "-f", "qcow2", "-o", options.replace("data.bin", str(tmp_path / "data.bin")), image, MIB)
    with pytest.raises(DiskFormatUnsupported, match=word):
        open_chain(image, ImageFormat.QCOW2, tmp_path)


def test_a_shorter_copy_of_an_image_is_refused(qemu_img: Run, raw: Path, tmp_path: Path) -> None:
    """A19: an interrupted copy must not come back with zeros in it."""
    qemu_img("convert", "-O", "qcow2", raw, tmp_path / "a.qcow2")
    whole = (tmp_path / "a.qcow2").read_bytes()
    (tmp_path / "a.qcow2").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StrongroomError):
        read(tmp_path / "a.qcow2")


@pytest.mark.parametrize("size_bytes", [0, 512, MIB - 512, MIB, MIB + 512, 700 * MIB])
def test_qemu_finds_nothing_wrong_with_what_we_write(qemu_img: Run, tmp_path: Path, size_bytes: int) -> None:
    """A16: no leaks, no errors, the same content."""
    rng = random.Random(size_bytes)
    target = Qcow2Target(tmp_path / "a.qcow2", size_bytes)
    with (tmp_path / "a.raw").open("wb") as expected:
        expected.truncate(size_bytes)
        for _ in range(30 if size_bytes else 0):
            start = rng.randrange(size_bytes)
            piece = patchwork(min(rng.randrange(1, 3 * MIB), size_bytes - start), start)
            expected.seek(start)
            expected.write(piece)
            target.write(start, memoryview(piece))
    target.finish()
    target.close()
    assert "No errors were found" in qemu_img("check", tmp_path / "a.qcow2")
    qemu_img("compare", "-f", "qcow2", "-F", "raw", tmp_path / "a.qcow2", tmp_path / "a.raw")


def test_qemu_opens_a_very_large_disk_that_we_wrote(qemu_img: Run, tmp_path: Path) -> None:
    """A16: 4 TiB, with many tables and more than one block of reference counts."""
    target = Qcow2Target(tmp_path / "a.qcow2", 4 << 40)
    for table in range(0, 8192, 8):
        target.write(table * 512 * MIB, memoryview(b"x"))
    target.write(2 * 512 * MIB, memoryview(bytes(300 * MIB)))
    target.finish()
    target.close()
    assert "No errors were found" in qemu_img("check", tmp_path / "a.qcow2")
