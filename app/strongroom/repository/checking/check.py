"""Is everything there, is it what was written, and if not, which recovery points suffer (feature B3). Never deletes (invariant 16)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from strongroom.repository.checking.objects import check_manifests, check_names, check_sealed
from strongroom.repository.checking.packs import hash_pack, judge_packs, open_pack
from strongroom.repository.checking.point_damage import PointDamage, by_culprit
from strongroom.repository.checking.report import CheckReport, Problem, ProblemKind, Tier
from strongroom.repository.counters import Counters
from strongroom.repository.format import pack_of_key
from strongroom.repository.index.index import Index
from strongroom.repository.protocol.quarantine import bad_packs, bad_reason, mark_bad, unmark
from strongroom.repository.reading.chunks import ChunkSource
from strongroom.repository.repository import Repository
from strongroom.repository.store.base import ObjectInfo, Store

__all__ = ["CheckReport", "Problem", "ProblemKind", "Tier", "check", "check_hashes"]

DEFAULT_THREADS = 2


def check(
    repository: Repository, tier: Tier | str, counters: Counters, check: Callable[[], None], *, threads: int = DEFAULT_THREADS
) -> CheckReport:
    """Look at the whole repository as deep as ``tier`` says; packs whose bytes are wrong get a quarantine mark.

    Safe beside backups and collections. Problems are results; only a listing that fails, or a cancel by ``check``, raises.
    """
    report = CheckReport()
    packs = _listed(repository.store)
    check_names(repository, report)
    check_sealed(repository, report, check)
    damaged = _test(repository, Tier(tier), packs, report, counters, check, threads)
    if tier != Tier.LIST and not repository.read_only:
        _mark(repository, {pack for _, pack in packs}, damaged)
    _name_points(repository, damaged, report, check)
    return report


def _mark(repository: Repository, tested: set[str], damaged: dict[str, Problem]) -> None:
    """Marks follow the bytes: wrong ones are marked, ones that were wrong and are right again lose their mark."""
    for pack_id, problem in damaged.items():
        if problem.kind is ProblemKind.DAMAGED_PACK:
            mark_bad(repository, pack_id, problem.detail)
    for pack_id in (bad_packs(repository) & tested) - damaged.keys():
        unmark(repository, pack_id)


def check_hashes(store: Store, counters: Counters, check: Callable[[], None], *, threads: int = DEFAULT_THREADS) -> CheckReport:
    """Tier «hash» without any key: every byte of every pack against its name. Marks nothing and cannot tell recovery points."""
    report = CheckReport()
    report.problems.extend(judge_packs(_listed(store), partial(hash_pack, store), report, counters, check, threads).values())
    return report


def _listed(store: Store) -> list[tuple[ObjectInfo, str]]:
    return sorted(((info, pack) for info in store.list("packs/") if (pack := pack_of_key(info.key))), key=lambda found: found[1])


def _test(
    repository: Repository,
    tier: Tier,
    packs: list[tuple[ObjectInfo, str]],
    report: CheckReport,
    counters: Counters,
    check: Callable[[], None],
    threads: int,
) -> dict[str, Problem]:
    """The problems of packs, by pack: those found now, and at tier «list» those that were marked before."""
    if tier is Tier.LIST:
        report.objects += len(packs)
        marked = bad_packs(repository)
        return {
            pack: Problem(ProblemKind.DAMAGED_PACK, info.key, (), bad_reason(repository, pack)) for info, pack in packs if pack in marked
        }
    test = partial(hash_pack, repository.store) if tier is Tier.HASH else partial(open_pack, repository)
    return judge_packs(packs, test, report, counters, check, threads)


def _name_points(repository: Repository, damaged: dict[str, Problem], report: CheckReport, check: Callable[[], None]) -> None:
    """Walk every recovery point's trees over the packs that are whole, and put its name to every problem that it suffers from."""
    affected = _affected(repository, damaged, CheckReport(), check)
    if affected.keys() - {problem.object for problem in damaged.values()}:
        # A collection may have moved chunks, or a prune removed points, while we looked: only what is missing twice is missing.
        affected = _affected(repository, damaged, CheckReport(), check)
    check_manifests(repository, report, check)
    for problem in damaged.values():
        points = tuple(affected.pop(problem.object, ()))
        report.problems.append(Problem(problem.kind, problem.object, points, problem.detail))
    for culprit, keys in sorted(affected.items()):
        kind = ProblemKind.MISSING_CHUNK if culprit.startswith("chunk ") else ProblemKind.MISSING_PACK
        report.problems.append(Problem(kind, culprit, tuple(keys), "recovery points refer to it and it is not there"))


def _affected(repository: Repository, damaged: dict[str, Problem], scratch: CheckReport, check: Callable[[], None]) -> dict[str, list[str]]:
    """First the points, then the index, then the packs: whatever a point refers to is older than its manifest."""
    manifests = check_manifests(repository, scratch, check)
    index = Index.load(repository)
    index.scan()
    healthy = frozenset(pack for _, pack in _listed(repository.store)) - damaged.keys()
    source = ChunkSource(repository, index, frozenset(damaged))
    return by_culprit(PointDamage(source, index, healthy, check), manifests)
