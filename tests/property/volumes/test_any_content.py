"""No content of a disk can make the proof fail, loop, read outside, or call damage clean (A12, A19)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.volumes import prove
from tests.unit.volumes import contents
from tests.unit.volumes.contents import LINUX, MIB

SAMPLES = [
    contents.mbr([(0x0C, contents.fat(32)), (0x83, contents.ext()), (0x83, contents.ext())], logical_from=1),
    contents.gpt([(LINUX, contents.ntfs()), (LINUX, contents.swap())]),
    contents.ntfs(),
    contents.fat(16),
    contents.ext(),
]
READS = 2000


def run(image: bytes) -> None:
    reads = 0

    def read(offset: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        assert 0 <= offset < offset + length <= len(image)
        assert reads < READS
        return image[offset : offset + length]

    for facts in prove("vda", len(image), read):
        assert facts.name
        assert facts.reason


@settings(max_examples=200, deadline=None)
@given(
    number=st.integers(0, len(SAMPLES) - 1),
    damage=st.lists(
        st.tuples(
            st.one_of(st.integers(0, 4096), st.integers(MIB - 1, MIB + 5000), st.integers(0, 4 * MIB)), st.binary(min_size=1, max_size=40)
        ),
        max_size=8,
    ),
    cut=st.one_of(st.none(), st.integers(0, 4 * MIB)),
)
def test_damaged_disks_are_judged_without_an_error(number: int, damage: list[tuple[int, bytes]], cut: int | None) -> None:
    """A12"""
    image = bytearray(SAMPLES[number])
    for place, value in damage:
        image[place : place + len(value)] = value
    run(bytes(image[:cut]))


@settings(max_examples=200, deadline=None)
@given(head=st.binary(max_size=3000), size=st.integers(0, 300_000))
def test_noise_is_judged_without_an_error(head: bytes, size: int) -> None:
    """A12"""
    run((head + b"\x55\xaa" * 10).ljust(size, b"\0")[:size])


@pytest.mark.parametrize("place", range(1024, 1024 + 0x68))
def test_no_single_flipped_byte_in_an_unclean_super_block_makes_it_clean_beyond_its_marks(place: int) -> None:
    """A12: only the marks themselves decide."""
    image = bytearray(contents.ext(incompatible=0x2C6, state=3, orphan=7))
    image[place] ^= 0xFF
    assert not any(facts.clean for facts in prove("vda", len(image), lambda offset, length: bytes(image[offset : offset + length])))
