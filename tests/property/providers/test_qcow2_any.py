"""Whatever a qcow2 file holds, reading it ends, and ends well or with our own error (A19)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.domain.disk import ExtentKind, covering
from strongroom.domain.errors import StrongroomError
from strongroom.providers.images.chain import open_chain
from strongroom.providers.images.formats import ImageFormat
from strongroom.providers.images.qcow2_writer import Qcow2Target
from tests.contract.providers.machines import patchwork
from tests.contract.providers.qcow2_files import CLUSTER, FIRST_L2_AT, L1_AT, Qcow2File

KIB = 1024
SECONDS = 5.0
# An honest walk of these small images has a handful of extents: a damaged size may promise more, and then a few thousand must do.
EXTENTS = 5000


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def sample() -> bytes:
    """One of everything: stored, zero, compressed and absent clusters."""
    image = Qcow2File(size_bytes=40 * CLUSTER, backing=b"base.raw", backing_format=b"raw", feature_names=[(9, b"warp")])
    image.store(0, patchwork(CLUSTER, 1))
    image.store(1, patchwork(CLUSTER, 2))
    image.zero(2)
    image.pack(4, b"\x03\x00" * 10)
    return image.bytes()


SAMPLE = sample()
BASE = patchwork(30 * CLUSTER + 7, 5)
# Damage lands where it decides something: header and extensions, the level-1 entry, the level-2 table.
PLACES = st.one_of(st.integers(0, 300), st.integers(L1_AT, L1_AT + 15), st.integers(FIRST_L2_AT, FIRST_L2_AT + 8 * 40))
DAMAGE = st.lists(st.tuples(PLACES, st.binary(min_size=1, max_size=9)), min_size=1, max_size=6)


def read_everything(path: Path) -> None:
    chain = open_chain(path, ImageFormat.QCOW2, path.parent)
    try:
        for extent in islice(covering(chain.extents(), chain.size_bytes), EXTENTS):
            if extent.kind is ExtentKind.DATA:
                chain.read_into(extent.offset, memoryview(bytearray(min(extent.length, 4 * CLUSTER))))
    finally:
        chain.close()


@settings(max_examples=600, deadline=None)
@given(damage=DAMAGE, cut=st.one_of(st.none(), st.integers(0, len(SAMPLE))))
def test_a_damaged_image_is_read_or_refused(damage: list[tuple[int, bytes]], cut: int | None) -> None:
    """A19: no crash, no loop, no enormous table."""
    image = bytearray(SAMPLE)
    for place, value in damage:
        image[place : place + len(value)] = value
    with folder() as home:
        (home / "base.raw").write_bytes(BASE)
        (home / "a.qcow2").write_bytes(image if cut is None else image[:cut])
        began = time.monotonic()
        with suppress(StrongroomError):
            read_everything(home / "a.qcow2")
        assert time.monotonic() - began < SECONDS


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=2000))
def test_noise_behind_the_magic_is_refused_or_read(content: bytes) -> None:
    """A19"""
    with folder() as home:
        (home / "a.qcow2").write_bytes(b"QFI\xfb\0\0\0\x03" + content)
        began = time.monotonic()
        with suppress(StrongroomError):
            read_everything(home / "a.qcow2")
        assert time.monotonic() - began < SECONDS


WRITES = st.lists(st.tuples(st.integers(0, 1500 * KIB), st.integers(1, 200 * KIB), st.integers(0, 1 << 30)), max_size=8)


@settings(max_examples=80, deadline=None)
@given(size=st.one_of(st.sampled_from([0, 1, 511, 512, 1 << 20, (1 << 20) - 1, (1 << 20) + 1]), st.integers(0, 1500 * KIB)), writes=WRITES)
def test_what_the_writer_writes_the_reader_reads(size: int, writes: list[tuple[int, int, int]]) -> None:
    """A16: any writes, in any order, over each other too."""
    expected = bytearray(size)
    with folder() as home:
        target = Qcow2Target(home / "a.qcow2", size)
        for start, length, seed in writes:
            piece = patchwork(max(0, min(length, size - start)), seed) if start < size else b""
            if piece:
                expected[start : start + len(piece)] = piece
                target.write(start, memoryview(piece))
        target.finish()
        target.close()
        chain = open_chain(home / "a.qcow2", ImageFormat.QCOW2, home)
        actual = bytearray(b"\xaa" * chain.size_bytes)
        chain.read_into(0, memoryview(actual))
        zero = [extent for extent in covering(chain.extents(), chain.size_bytes) if extent.kind is ExtentKind.ZERO]
        chain.close()
    assert actual == expected + bytes(len(actual) - size)
    assert len(actual) == -(-size // 512) * 512
    assert all(not any(actual[extent.offset : extent.end]) for extent in zero)


LAYERS = st.lists(
    st.tuples(st.integers(0, 12), st.dictionaries(st.integers(0, 11), st.sampled_from(["stored", "zero"]), max_size=8)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=80, deadline=None)
@given(base=st.integers(0, 12 * CLUSTER), layers=LAYERS)
def test_a_chain_reads_as_its_layers_say(base: int, layers: list[tuple[int, dict[int, str]]]) -> None:
    """B1: against a model that overlays plain byte strings."""
    model = bytearray(patchwork(base, base)) if base else bytearray()
    with folder() as home:
        (home / "0.raw").write_bytes(model)
        below = b"0.raw"
        for number, (clusters, marks) in enumerate(layers, start=1):
            size = clusters * CLUSTER
            image = Qcow2File(size_bytes=size, backing=below, backing_format=b"raw" if number == 1 else b"qcow2")
            model = model[:size] + bytes(max(0, size - len(model)))
            for cluster, mark in marks.items():
                if cluster >= clusters:
                    continue
                content = bytes([number]) * CLUSTER if mark == "stored" else bytes(CLUSTER)
                model[cluster * CLUSTER : (cluster + 1) * CLUSTER] = content
                if mark == "stored":
                    image.store(cluster, content)
                else:
                    image.zero(cluster)
            below = f"{number}.qcow2".encode()
            image.write(home / f"{number}.qcow2")
        chain = open_chain(home / f"{len(layers)}.qcow2", ImageFormat.QCOW2, home)
        actual = bytearray(chain.size_bytes)
        for extent in covering(chain.extents(), chain.size_bytes):
            if extent.kind is ExtentKind.DATA:
                chain.read_into(extent.offset, memoryview(actual)[extent.offset : extent.end])
        chain.close()
    assert actual == model
