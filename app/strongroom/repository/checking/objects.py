"""The small objects: does each open, is it where it belongs, and is every recovery point accounted for (invariant 13)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from strongroom.repository.checking.report import CheckReport, Problem, ProblemKind
from strongroom.repository.envelope import kind_of, unseal
from strongroom.repository.errors import ManifestMissing, ObjectDamaged, ObjectMissing, StoreError
from strongroom.repository.format import pack_of_key, parse_snap_key, snap_key
from strongroom.repository.manifest import Manifest
from strongroom.repository.protocol.commit_key import was_pruned
from strongroom.repository.protocol.prune_record import pruned_keys
from strongroom.repository.repository import Repository

_SEALED_PREFIXES = ("bad/", "event/", "index/", "prune/", "sess/", "trash/")


def check_sealed(repository: Repository, report: CheckReport, check: Callable[[], None]) -> None:
    """Open every small object but manifests; a listing that fails ends the check."""
    for prefix in _SEALED_PREFIXES:
        for info in repository.store.list(prefix):
            check()
            report.objects += 1
            report.bytes += info.size_bytes
            problem = _open(repository, info.key)
            if problem is not None:
                report.problems.append(problem)


def _open(repository: Repository, object_key: str) -> Problem | None:
    try:
        data = repository.store.get(object_key)
        unseal(repository.key, repository.id, kind_of(object_key, data), object_key, data)
    except ObjectMissing:
        return None  # deleted since the listing
    except ObjectDamaged as error:
        return Problem(ProblemKind.DAMAGED_OBJECT, object_key, (), str(error))
    except StoreError as error:
        return Problem(ProblemKind.UNREADABLE, object_key, (), str(error))
    return None


def check_names(repository: Repository, report: CheckReport) -> None:
    """Everything under ``packs/`` and ``snap/`` must have a name of ours."""
    for prefix, is_ours in (("packs/", pack_of_key), ("snap/", parse_snap_key)):
        foreign = (info.key for info in repository.store.list(prefix) if is_ours(info.key) is None)
        report.problems.extend(Problem(ProblemKind.FOREIGN, key, (), "nothing of this name belongs here") for key in foreign)


def check_manifests(repository: Repository, report: CheckReport, check: Callable[[], None]) -> list[Manifest]:
    """Open every manifest; those that open are returned, in order.

    Every number up to a machine's highest, by its own points or by what other machines' manifests saw of it, must be there or be a
    prune record's.
    """
    seen: dict[str, int] = {}
    sequences: dict[str, set[int]] = defaultdict(set)
    whole = []
    for info in sorted(repository.store.list("snap/"), key=lambda info: info.key):
        parsed = parse_snap_key(info.key)
        if parsed is None:
            continue
        check()
        sequences[parsed[0]].add(parsed[1])
        report.objects += 1
        report.bytes += info.size_bytes
        manifest = _manifest(repository, info.key, report)
        if manifest is not None:
            whole.append(manifest)
            for tag, seq in manifest.tips.items():
                seen[tag] = max(seen.get(tag, 0), seq)
    _check_sequences(repository, sequences, seen, report)
    return whole


def _manifest(repository: Repository, commit_key: str, report: CheckReport) -> Manifest | None:
    try:
        return repository.manifest(commit_key)
    except ManifestMissing:
        return None  # a VOID, or pruned since the listing
    except ObjectDamaged as error:
        report.problems.append(Problem(ProblemKind.DAMAGED_MANIFEST, commit_key, (commit_key,), str(error)))
    except StoreError as error:
        report.problems.append(Problem(ProblemKind.UNREADABLE, commit_key, (commit_key,), str(error)))
    return None


def _check_sequences(repository: Repository, sequences: dict[str, set[int]], seen: dict[str, int], report: CheckReport) -> None:
    try:
        for commit_key in pruned_keys(repository):
            parsed = parse_snap_key(commit_key)
            if parsed is not None:
                sequences[parsed[0]].add(parsed[1])
    except ObjectDamaged:
        return  # the record itself was reported, and every gap might be its
    for tag in sequences.keys() | seen.keys():
        present = sequences[tag]
        for seq in range(1, max(*present, seen.get(tag, 0), 0) + 1):
            commit_key = snap_key(tag, seq)
            # Looked at again: a backup that was open during the listing may have been voided, or its point pruned, since.
            if seq not in present and repository.store.stat(commit_key) is None and not was_pruned(repository, commit_key):
                detail = "its manifest is gone and nothing says that it was pruned"
                report.problems.append(Problem(ProblemKind.MISSING_SEQUENCE, commit_key, (commit_key,), detail))
