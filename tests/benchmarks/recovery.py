"""The benchmarks that read: restore, verify, rebuild; and how much memory the largest disks take."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path
from typing import Any

from tests.benchmarks.backups import FULL_BYTES, GIB, IMAGE, OURS, back_up_changes, begin, dense_image
from tests.benchmarks.disks import content_hash, make_sparse
from tests.benchmarks.measuring import Figures
from tests.benchmarks.peers import PEERS, Peer
from tests.benchmarks.workbench import MIB, Outcome, PeerFigures, Workbench

SPARSE_BYTES = 4096 * GIB
ISLANDS = 4096
ISLAND_BYTES = 256 * 1024


class RestoredWrongly(Exception):
    """What came back is not what was backed up: no figure of that run counts."""


def restore(bench: Workbench) -> Outcome:
    """The dense image comes back as a file, durable, and its bytes are hashed after every run."""
    image = dense_image(bench, bench.size_bytes or FULL_BYTES)
    here, absent = _backed_up(bench, image)
    wanted = content_hash(image)
    answers: list[dict[str, Any]] = []

    def ours() -> Figures:
        target = _empty(bench.folder / "restored")
        figures, answer = bench.ours("restore", target=str(target), grows=target)
        _confirm(Path(answer["path"]), wanted)
        answers.append(answer)
        return figures

    def theirs(peer: Peer) -> Figures:
        figures, path = peer.restore(image, _empty(peer.folder / "restored"))
        _confirm(path, wanted)
        return figures

    found = bench.rounds({OURS: ours, **{peer.name: lambda peer=peer: theirs(peer) for peer in here}})
    best = found.pop(OURS)
    extra = {**_rates(best, image.stat().st_size), "amplification": _amplification(answers[-1]["pack_bytes_read"], image, bench.repository)}
    return Outcome("restore", best, {**found, **absent}, extra)


def verify(bench: Workbench) -> Outcome:
    """Every chunk of the dense image is proved without giving it to anybody. zstd only decodes; borg and restic check whole repositories."""
    image = dense_image(bench, bench.size_bytes or FULL_BYTES)
    here, absent = _backed_up(bench, image)
    answers: list[dict[str, Any]] = []

    def ours() -> Figures:
        figures, answer = bench.ours("verify", grows=bench.repository)
        answers.append(answer)
        return figures

    found = bench.rounds({OURS: ours, **{peer.name: peer.verify for peer in here}})
    best, answer = found.pop(OURS), answers[-1]
    amplification = {
        **_amplification(answer["pack_bytes_read"], image, bench.repository),
        "plain_to_disk": round(answer["plain_bytes"] / image.stat().st_size, 4),
    }
    return Outcome("verify", best, {**found, **absent}, {**_rates(best, image.stat().st_size), "amplification": amplification})


def rebuild(bench: Workbench) -> Outcome:
    """The catalog is lost: a new one from the repository alone, with so many recovery points."""
    bench.narrate(f"making {bench.points} recovery points")
    _, made = bench.ours("many_points", folder=str(bench.folder / "installation"), points=bench.points)
    numbers = count()
    points: list[int] = []

    def run() -> Figures:
        home = bench.folder / f"home{next(numbers)}"
        figures, answer = bench.ours("rebuild", home=str(home), grows=home, **made)
        points.append(answer["points"])
        return figures

    best = bench.rounds({OURS: run})[OURS]
    if set(points) != {bench.points}:
        raise RestoredWrongly(f"{points} of {bench.points} recovery points came back")
    peers: PeerFigures = dict.fromkeys((kind.name for kind in PEERS), "keeps no catalog that could be lost")
    return Outcome("rebuild", best, peers, {"milliseconds_per_point": round(best.wall_seconds * 1000 / bench.points, 3)})


def memory(bench: Workbench) -> Outcome:
    """A sparse file of 4 TiB with scattered data: backup, verification and restore; the peak is the largest of the three."""
    size_bytes = bench.size_bytes or SPARSE_BYTES
    image = bench.source / IMAGE
    islands = min(ISLANDS, size_bytes // MIB)
    make_sparse(image, size_bytes, islands=islands, island_bytes=ISLAND_BYTES)
    begin(bench)
    backup, counters = bench.ours("backup", session="full", grows=bench.repository)
    target = _empty(bench.folder / "restored")
    verification, _ = bench.ours("verify")
    restored, answer = bench.ours("restore", target=str(target), grows=target)
    _same_islands(image, Path(answer["path"]), size_bytes, islands)
    why = f"would read all {size_bytes / GIB:,.0f} GiB, holes too"
    peers: PeerFigures = {
        "strongroom, verify": verification,
        "strongroom, restore": restored,
        **dict.fromkeys((kind.name for kind in PEERS), why),
    }
    extra = {
        "largest_peak_memory_bytes": max(one.peak_memory_bytes for one in (backup, verification, restored)),
        "source_read_to_data": round(counters["read_bytes"] / (islands * ISLAND_BYTES), 4),
    }
    return Outcome("memory", backup, peers, extra)


def _backed_up(bench: Workbench, image: Path) -> tuple[list[Peer], PeerFigures]:
    """Everybody has a backup of the image; the peers that are here, and why the others are not.

    Ours is the newest of so many generations of scattered writes; the peers, which always read everything, begin with the last.
    """
    bench.narrate(f"the backups, not measured; {bench.generations} generations of changes")
    here, absent = bench.peers()
    begin(bench)
    bench.ours("backup", session="full")
    for number in range(bench.generations):
        back_up_changes(bench, image, seed=number, session=f"next{number}")
    for peer in here:
        peer.create()
        peer.backup(image)
    return here, absent


def _rates(figures: Figures, plain_bytes: int) -> dict[str, float]:
    return {
        "mib_per_cpu_second": round(plain_bytes / MIB / figures.cpu_seconds, 1),
        "mib_per_second": round(plain_bytes / MIB / figures.wall_seconds, 1),
    }


def _amplification(pack_bytes: int, image: Path, repository: Path) -> dict[str, float]:
    """What was read of packs, to the disk's bytes and to all that packs hold."""
    packs = sum(path.stat().st_size for path in (repository / "packs").rglob("*") if path.is_file())
    return {"to_disk": round(pack_bytes / image.stat().st_size, 4), "to_packs": round(pack_bytes / packs, 4)}


def _confirm(path: Path, wanted: str) -> None:
    found = content_hash(path)
    if found != wanted:
        raise RestoredWrongly(f"{path} has SHA-256 {found}, its source {wanted}")


def _same_islands(source: Path, restored: Path, size_bytes: int, islands: int) -> None:
    """Compare where data is, and that no data is elsewhere: hashing 4 TiB of holes would take longer than all the rest."""
    if restored.stat().st_size != size_bytes or restored.stat().st_blocks > source.stat().st_blocks * 1.05 + 64:
        raise RestoredWrongly(f"{restored} is no sparse file of {size_bytes} bytes")
    with source.open("rb") as one, restored.open("rb") as other:
        for number in range(islands):
            at = (size_bytes // islands * number) // 65536 * 65536
            one.seek(at)
            other.seek(at)
            if one.read(ISLAND_BYTES) != other.read(ISLAND_BYTES):
                raise RestoredWrongly(f"{restored} differs at {at}")


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
