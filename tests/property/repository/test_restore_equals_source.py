"""Whatever is written, however it is described: what comes back is exactly the source (features B1 and A16)."""

from __future__ import annotations

import itertools
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.domain.disk import BLOCK_BYTES, SLOT_BYTES, Extent
from strongroom.repository.counters import Counters
from strongroom.repository.reading.reader import PointReader
from strongroom.repository.writing.slot_plan import Run, plan_slots
from tests.scenario.repository.vault import DATA, UNCHANGED, ZERO, Source, Vault, never

SIZES = st.one_of(
    st.sampled_from([0, 1, 511, BLOCK_BYTES - 1, BLOCK_BYTES, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 1, 3 * SLOT_BYTES]),
    st.integers(0, 4 * SLOT_BYTES),
)


@st.composite
def writes(draw: st.DrawFn, size_bytes: int) -> list[tuple[int, bytes]]:
    """A few writes anywhere: noise, zeros, or a repeated letter."""
    made = []
    for _ in range(draw(st.integers(0, 6)) if size_bytes else 0):
        offset = draw(st.integers(0, size_bytes - 1))
        length = min(draw(st.sampled_from([1, 4096, BLOCK_BYTES, 3 * BLOCK_BYTES + 7, SLOT_BYTES])), size_bytes - offset)
        kind = draw(st.sampled_from("nzr"))
        content = {"n": random.Random(offset).randbytes(length), "z": bytes(length), "r": b"r" * length}[kind]
        made.append((offset, content))
    return made


def applied(content: bytes, made: list[tuple[int, bytes]]) -> bytes:
    changed = bytearray(content)
    for offset, data in made:
        changed[offset : offset + len(data)] = data
    return bytes(changed)


@st.composite
def described(draw: st.DrawFn, before: bytes, after: bytes) -> list[Extent]:
    """A true description of ``after`` given ``before``, cut at random places of any alignment."""
    if not after:
        return []
    size_bytes = len(after)
    cuts = draw(st.lists(st.integers(1, max(1, size_bytes - 1)), max_size=12))
    edges = sorted({0, size_bytes, *(cut - cut % draw(st.sampled_from([1, 512, BLOCK_BYTES])) for cut in cuts)})
    extents = []
    for start, end in itertools.pairwise(edges):
        kinds = [DATA]
        if before[start:end] == after[start:end] and len(before) == size_bytes:
            kinds.append(UNCHANGED)
        if not any(after[start:end]):
            kinds.append(ZERO)
        extents.append(Extent(start, end - start, draw(st.sampled_from(kinds))))
    return extents


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data(), size_bytes=SIZES)
def test_every_point_of_a_chain_gives_back_its_own_source(data: st.DataObject, size_bytes: int) -> None:
    """B1: any mix of modes over random parents; each point stands alone."""
    vault, content, points = Vault(), b"", []
    content = applied(bytes(size_bytes), data.draw(writes(size_bytes)))
    points.append((vault.backup(Source(content).disk("full")), content))
    for mode in data.draw(st.lists(st.sampled_from(["incremental", "compare", "full"]), min_size=1, max_size=4)):
        changed = applied(content, data.draw(writes(size_bytes)))
        extents = data.draw(described(content, changed)) if mode == "incremental" else None
        content = changed
        points.append((vault.backup(Source(content).disk(mode, extents)), content))
    for point, expected in points:
        assert vault.restore(point) == expected
        assert point.disks[0].used_bytes == used_bytes(expected)


def used_bytes(content: bytes) -> int:
    blocks = range(0, len(content), BLOCK_BYTES)
    return sum(BLOCK_BYTES for at in blocks if any(content[at : at + BLOCK_BYTES]))


@settings(max_examples=25, deadline=None)
@given(data=st.data(), first=SIZES, second=SIZES)
def test_a_resized_disk_is_read_whole_and_comes_back_in_its_new_size(data: st.DataObject, first: int, second: int) -> None:
    """B8: slots beyond a new end are dropped, a new range inherits nothing."""
    vault = Vault()
    vault.backup(Source(applied(bytes(first), data.draw(writes(first)))).disk("full"))
    content = applied(bytes(second), data.draw(writes(second)))
    extents = [Extent(0, second, UNCHANGED)] if second and second != first else None
    point = vault.backup(Source(content).disk("incremental" if extents else "compare", extents))
    assert vault.restore(point) == content


@settings(max_examples=40, deadline=None)
@given(data=st.data(), size_bytes=SIZES)
def test_any_range_reads_as_the_source_has_it(data: st.DataObject, size_bytes: int) -> None:
    """A16: ``read`` and ``extents`` agree with the source at every place."""
    vault = Vault()
    content = applied(bytes(size_bytes), data.draw(writes(size_bytes)))
    point = vault.backup(Source(content).disk("full"))
    with PointReader.open(vault.repository, point, counters=Counters(), check=never) as reader:
        for _ in range(5):
            offset = data.draw(st.integers(0, size_bytes))
            length = data.draw(st.integers(0, size_bytes - offset))
            assert reader.read("vda", offset, length) == content[offset : offset + length]
        extents = list(reader.extents("vda"))
    assert sum(extent.length for extent in extents) == size_bytes
    assert all(not any(content[extent.offset : extent.end]) for extent in extents if extent.kind is ZERO)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), size_bytes=st.integers(1, 5 * SLOT_BYTES))
def test_a_plan_names_every_block_once_and_never_trusts_a_part_of_one(data: st.DataObject, size_bytes: int) -> None:
    """Invariant 10: only blocks that one extent covers whole are taken as zero or unchanged."""
    edges = sorted({0, size_bytes, *data.draw(st.lists(st.integers(0, size_bytes), max_size=10))})
    extents = [Extent(start, end - start, data.draw(st.sampled_from([DATA, ZERO, UNCHANGED]))) for start, end in itertools.pairwise(edges)]
    kinds = planned_kinds(extents, size_bytes)
    merged: list[Extent] = []
    for extent in extents:
        if merged and merged[-1].kind is extent.kind:
            merged[-1] = Extent(merged[-1].offset, merged[-1].length + extent.length, extent.kind)
        else:
            merged.append(extent)
    for block in range(-(-size_bytes // BLOCK_BYTES)):
        start, end = block * BLOCK_BYTES, min((block + 1) * BLOCK_BYTES, size_bytes)
        covering = [extent.kind for extent in merged if extent.offset <= start and extent.end >= end]
        assert kinds[block] is (covering[0] if covering else DATA)


def planned_kinds(extents: list[Extent], size_bytes: int) -> list[object]:
    kinds: list[object] = []
    for step in plan_slots(extents, size_bytes):
        assert len(kinds) == (step.first if isinstance(step, Run) else step.slot) * 16
        if isinstance(step, Run):
            kinds += [step.kind] * (16 * step.slots)
        else:
            kinds += [DATA if step.dirty >> bit & 1 else ZERO if step.zero >> bit & 1 else UNCHANGED for bit in range(16)]
    assert len(kinds) == -(-size_bytes // SLOT_BYTES) * 16
    return kinds
