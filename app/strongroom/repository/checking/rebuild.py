"""The index made anew from what the packs themselves say (invariant 8)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from strongroom.repository.errors import ObjectDamaged, ObjectMissing, ObjectTruncated
from strongroom.repository.index.segment import Segment
from strongroom.repository.index.store import PREFIX, compact_index, listed_packs, publish_segment
from strongroom.repository.packs.pack import Trailer, read_trailer
from strongroom.repository.repository import Repository

_THREADS = 4
_BATCH_PACKS = 512  # at most 16 GiB of packs, and about 50 MB of their trailers, at a time


def rebuild_index(repository: Repository, *, check: Callable[[], None] = lambda: None) -> int:
    """Read the trailer of every pack, publish what they hold, then delete the index as it was before; how many packs were read.

    Safe beside backups: the old objects are listed first, so whatever they name is among the packs listed after them. A pack that cannot
    say what it holds is left out; ``check`` names it.
    """
    old = [info.key for info in repository.store.list(PREFIX)]
    packs = iter(sorted(listed_packs(repository)))
    published: set[str] = set()
    count = 0
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="trailers") as pool:
        while batch := list(islice(packs, _BATCH_PACKS)):
            check()
            trailers = [trailer for trailer in pool.map(lambda pack_id: _trailer_of(repository, pack_id), batch) if trailer]
            if trailers:
                published.add(publish_segment(repository, Segment.of_trailers(trailers)))
            count += len(trailers)
    for object_key in old:
        if object_key not in published:
            repository.store.delete(object_key)
    compact_index(repository)
    return count


def _trailer_of(repository: Repository, pack_id: str) -> Trailer | None:
    try:
        return read_trailer(repository, pack_id)
    except (ObjectMissing, ObjectTruncated, ObjectDamaged):
        return None
