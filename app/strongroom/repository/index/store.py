"""The index as objects: hints that may be lost, repeated or out of date, and are rebuilt from the packs (invariant 8)."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Final

from blake3 import blake3

from strongroom.repository.envelope import ObjectKind, seal
from strongroom.repository.errors import ObjectExists, ObjectMissing
from strongroom.repository.format import pack_of_key
from strongroom.repository.index.segment import RECORD_BYTES, Segment
from strongroom.repository.repository import Repository
from strongroom.repository.sealed import Place

PREFIX: Final = "index/"
TIER_RECORDS: Final = 64 * 1024 * 1024 // RECORD_BYTES  # about 64 MiB; larger segments are left as they are
MERGE_COUNT: Final = 8  # so many segments of one size become one: every record is rewritten a handful of times in its life
_GROWTH: Final = 8


def publish_segment(repository: Place, segment: Segment) -> str:
    """Publish a segment and return its key. Its name is the keyed hash of its content: publishing it again changes nothing."""
    content = bytes(segment.data)
    object_key = f"{PREFIX}{blake3(content, key=repository.key.derive(b'index name')).hexdigest()}"
    with contextlib.suppress(ObjectExists):  # the same records under another salt
        repository.store.put_new(object_key, seal(repository.key, repository.id, ObjectKind.INDEX, object_key, content))
    return object_key


def read_segment(repository: Repository, object_key: str) -> Segment:
    """The segment at ``object_key``; ``ObjectMissing`` or ``ObjectDamaged``."""
    return Segment(repository.unseal(ObjectKind.INDEX, object_key))


def listed_packs(repository: Repository) -> frozenset[str]:
    """Every pack that is there."""
    return frozenset(pack_id for info in repository.store.list("packs/") if (pack_id := pack_of_key(info.key)) is not None)


def compact_index(repository: Repository, gone: Collection[str] = ()) -> int:
    """Merge segments of like size, and rewrite those that name packs in ``gone``; returns how many objects were replaced.

    The merged segment is durable before the first of its parts is deleted, so a reader at any moment finds every live record.
    """
    classes: dict[int, list[tuple[int, str]]] = {}
    for info in repository.store.list(PREFIX):
        records = info.size_bytes // RECORD_BYTES
        if records < TIER_RECORDS:
            classes.setdefault(_size_class(records), []).append((records, info.key))
    due = [_fitting(members) for members in classes.values() if len(members) >= MERGE_COUNT]
    replaced = sum(_replace(repository, keys, frozenset(gone)) for keys in due if len(keys) > 1)
    return replaced + (_drop_gone(repository, frozenset(gone)) if gone else 0)


def _fitting(members: list[tuple[int, str]]) -> list[str]:
    """The smallest segments of one size, as many as make one tier together: a merge holds all of them in memory."""
    chosen, total = [], 0
    for records, object_key in sorted(members)[:MERGE_COUNT]:
        total += records
        if total > TIER_RECORDS:
            break
        chosen.append(object_key)
    return chosen


def _drop_gone(repository: Repository, gone: frozenset[str]) -> int:
    named = []
    for info in list(repository.store.list(PREFIX)):
        try:
            segment = read_segment(repository, info.key)
        except ObjectMissing:
            continue
        if any(pack_id in gone for pack_id, _ in segment.packs):
            named.append(info.key)
    return sum(_replace(repository, [object_key], gone) for object_key in named)


def _replace(repository: Repository, object_keys: list[str], gone: frozenset[str]) -> int:
    try:
        segments = [read_segment(repository, object_key) for object_key in object_keys]
    except ObjectMissing:
        return 0  # somebody else is compacting them
    keep = frozenset(pack_id for segment in segments for pack_id, _ in segment.packs) - gone
    merged = Segment.merged(segments, keep) if keep else None
    segments.clear()  # up to 64 MiB that publishing needs for itself
    name = publish_segment(repository, merged) if merged else ""
    for object_key in object_keys:
        if object_key != name:
            repository.store.delete(object_key)
    return len(object_keys)


def _size_class(records: int) -> int:
    size = 0
    while records >= _GROWTH:
        records //= _GROWTH
        size += 1
    return size
