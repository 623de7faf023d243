"""Packs read whole: against their names (no key needed), or chunk by chunk (invariants 5 and 17)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from blake3 import blake3

from strongroom.repository.checking.report import CheckReport, Problem, ProblemKind
from strongroom.repository.counters import Counters
from strongroom.repository.errors import ObjectDamaged, ObjectMissing, ObjectTruncated, StoreError
from strongroom.repository.format import ID_BYTES, pack_key
from strongroom.repository.packs.pack import open_chunk, read_trailer
from strongroom.repository.repository import Repository
from strongroom.repository.store.base import ObjectInfo, Store

_READ_BYTES = 4 * 1024 * 1024
_AFTER_DIGESTED = ID_BYTES + 8  # the footer's digest and magic are what the digest cannot cover
PackTest = Callable[[ObjectInfo, str], None]
"""Raises ``ObjectDamaged`` for wrong bytes, another store error for bytes that do not come."""


def hash_pack(store: Store, info: ObjectInfo, pack_id: str) -> None:
    """Every byte against the pack's name, streaming."""
    digest, end = blake3(), info.size_bytes - _AFTER_DIGESTED
    for at in range(0, max(end, 0), _READ_BYTES):
        digest.update(store.get_range(info.key, at, min(_READ_BYTES, end - at)))
    if end <= 0 or digest.hexdigest() != pack_id or store.get_range(info.key, end, ID_BYTES).hex() != pack_id:
        raise ObjectDamaged(f"Pack {pack_id} is damaged", cause="its bytes do not hash to its name")


def open_pack(repository: Repository, info: ObjectInfo, pack_id: str) -> None:
    """Every byte against the name, then every chunk authenticated, decoded and identified."""
    hash_pack(repository.store, info, pack_id)
    trailer = read_trailer(repository, pack_id)
    for entry in trailer.entries:
        sealed = repository.store.get_range(pack_key(pack_id), entry.offset, entry.sealed_bytes)
        open_chunk(repository, pack_id, trailer.salt, entry, sealed)


def judge_packs(
    packs: Sequence[tuple[ObjectInfo, str]],
    test: PackTest,
    report: CheckReport,
    counters: Counters,
    check: Callable[[], None],
    threads: int,
) -> dict[str, Problem]:
    """Test every pack in ``threads`` threads; the problems by pack id. What was collected meanwhile is no problem here."""
    found: dict[str, Problem] = {}
    counters.total_bytes += sum(info.size_bytes for info, _ in packs)
    with ThreadPoolExecutor(threads, thread_name_prefix="check") as pool:
        for info, pack_id, done in _in_flight(pool, packs, test, threads * 2):
            check()
            problem = _outcome(info, done)
            if problem is not None:
                found[pack_id] = problem
            report.objects += 1
            report.bytes += info.size_bytes
            counters.done_bytes += info.size_bytes
            counters.read_bytes += info.size_bytes
    return found


def _in_flight(
    pool: ThreadPoolExecutor, packs: Sequence[tuple[ObjectInfo, str]], test: PackTest, depth: int
) -> Iterator[tuple[ObjectInfo, str, Future[None]]]:
    """Submit at most ``depth`` tests ahead, so that a cancel is soon obeyed."""
    waiting = iter(packs)
    running = [(info, pack_id, pool.submit(test, info, pack_id)) for info, pack_id in islice(waiting, depth)]
    while running:
        info, pack_id, done = running.pop(0)
        done.exception()
        for following, following_id in islice(waiting, 1):
            running.append((following, following_id, pool.submit(test, following, following_id)))
        yield info, pack_id, done


def _outcome(info: ObjectInfo, done: Future[None]) -> Problem | None:
    """Wrong bytes are damage; bytes that do not come today may come tomorrow."""
    try:
        done.result()
    except ObjectMissing:
        return None
    except (ObjectDamaged, ObjectTruncated) as error:
        return Problem(ProblemKind.DAMAGED_PACK, info.key, (), str(error))
    except StoreError as error:
        return Problem(ProblemKind.UNREADABLE, info.key, (), str(error))
    return None
