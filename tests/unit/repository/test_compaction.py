"""Compaction of the index: nothing is lost, and what it holds in memory has a limit whatever the repository's size."""

from __future__ import annotations

import os

import pytest

from strongroom.repository.index import store as index_store
from strongroom.repository.index.index import Index
from strongroom.repository.index.segment import Segment
from strongroom.repository.index.store import PREFIX, compact_index, publish_segment, read_segment
from strongroom.repository.keys.keyring import create_repository
from strongroom.repository.packs.trailer import Codec, Entry, EntryKind, Trailer
from strongroom.repository.repository import Repository
from strongroom.testing.stores import MemoryStore

RECORDS = 100


@pytest.fixture
def repository() -> Repository:
    store = MemoryStore()
    return Repository.open(store, create_repository(store).key)


def publish_one(repository: Repository) -> list[bytes]:
    """A segment of one pack with random ids; returns them."""
    ids = [os.urandom(32) for _ in range(RECORDS)]
    entries = tuple(Entry(name, EntryKind.DATA, Codec.RAW, number, 0, 10, 10) for number, name in enumerate(ids))
    publish_segment(repository, Segment.of_trailers([Trailer(os.urandom(32).hex(), os.urandom(32), "session", entries)]))
    return ids


def sizes(repository: Repository) -> list[int]:
    return sorted(len(read_segment(repository, info.key)) for info in repository.store.list(PREFIX))


@pytest.mark.parametrize(("tier_records", "expected"), [(10_000, [8 * RECORDS]), (350, [100] * 5 + [300]), (150, [100] * 8)])
def test_segments_are_merged_up_to_one_tier_and_nothing_is_lost(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tier_records: int, expected: list[int]
) -> None:
    """Invariant 8; B2: a merge never holds more than one tier in memory."""
    monkeypatch.setattr(index_store, "TIER_RECORDS", tier_records)
    known = [name for _ in range(index_store.MERGE_COUNT) for name in publish_one(repository)]
    compact_index(repository)
    assert sizes(repository) == expected
    index = Index.load(repository)
    assert all(len(index.find(name)) == 1 for name in known)


def test_a_lost_packs_records_leave_with_it(repository: Repository) -> None:
    """Invariant 8: what a gone pack held is not offered any more, the rest is."""
    gone, kept = publish_one(repository), publish_one(repository)
    (pack_id,) = {location.pack_id for location in Index.load(repository).find(gone[0])}
    compact_index(repository, {pack_id})
    index = Index.load(repository)
    assert [index.find(name) for name in gone] == [[]] * RECORDS
    assert all(index.find(name) for name in kept)
