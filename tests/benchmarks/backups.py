"""The benchmarks that write: full, incremental, no-change."""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path

from strongroom.domain.disk import BLOCK_BYTES
from tests.benchmarks.disks import make_dense, scatter_writes
from tests.benchmarks.measuring import Figures
from tests.benchmarks.peers import PEERS, Peer, Zstd
from tests.benchmarks.workbench import MIB, Outcome, Workbench

GIB = 1024 * MIB
FULL_BYTES = 2 * GIB
INCREMENTAL_BYTES = 4 * GIB
UNCHANGED_BYTES = 1024 * GIB
SCATTERED_BYTES = 25_000_000
IMAGE = "disk.raw"
OURS = "strongroom"
WITHOUT = "strongroom, tags only"
START = "strongroom, start only"


def dense_image(bench: Workbench, size_bytes: int) -> Path:
    """The dense image in the source's folder, in the page cache because it was just written."""
    path = bench.source / IMAGE
    bench.narrate(f"making a dense image of {size_bytes / MIB:,.0f} MiB")
    make_dense(path, size_bytes)
    return path


def full(bench: Workbench) -> Outcome:
    """A first backup of a dense image. «Tags only» is our own run with the verification of writes lowered to authentication."""
    image = dense_image(bench, bench.size_bytes or FULL_BYTES)
    here, absent = bench.peers()
    found = bench.rounds(
        {
            OURS: lambda: _fresh_full(bench, verify=True),
            WITHOUT: lambda: _fresh_full(bench, verify=False),
            **{peer.name: lambda peer=peer: _fresh_backup(peer, image) for peer in here},
        }
    )
    ours = found.pop(OURS)
    return Outcome("full", ours, {**found, **absent}, {"without_verification": _to_zstd(found)})


def incremental(bench: Workbench) -> Outcome:
    """25 MB of scattered writes in a dense image, with its change map; the peers read the same image again."""
    size_bytes = bench.size_bytes or INCREMENTAL_BYTES
    image = dense_image(bench, size_bytes)
    here, absent = bench.peers()
    bench.narrate("the first backups, not measured")
    begin(bench)
    bench.ours("backup", session="full")
    for peer in here:
        _fresh_backup(peer, image)
    start = bench.start()
    ours, dirty_bytes = back_up_changes(bench, image, seed=1, session="next")
    bench.narrate(f"{dirty_bytes / 1e6:.1f} MB of dirty blocks")
    peers = {peer.name: peer.backup(image) for peer in here}
    extra = {**_beyond(ours, start), "stored_to_dirty": round(ours.stored_bytes / dirty_bytes, 4)}
    return Outcome("incremental", ours, {START: start, **peers, **absent}, extra)


def no_change(bench: Workbench) -> Outcome:
    """Nothing changed on a disk whose parent has every slot filled; the proof of that is read. Nobody else can be asked."""
    size_bytes = bench.size_bytes or UNCHANGED_BYTES
    begin(bench)
    bench.narrate(f"filling the parent of {size_bytes / GIB:,.2f} GiB")
    bench.ours("fill_ruled", size_bytes=size_bytes, session="full")
    sessions = count()
    proof_bytes = 0

    def run() -> Figures:
        nonlocal proof_bytes
        figures, counters = bench.ours("unchanged", size_bytes=size_bytes, session=f"next{next(sessions)}", grows=bench.repository)
        proof_bytes = counters["proof_bytes"]
        return figures

    ours, start = bench.rounds({OURS: run})[OURS], bench.start()
    why = f"has no change map and would read all {size_bytes / GIB:,.2f} GiB"
    extra = {**_beyond(ours, start), "proof_bytes": proof_bytes}
    return Outcome("no-change", ours, {START: start, **dict.fromkeys((kind.name for kind in PEERS), why)}, extra)


def back_up_changes(bench: Workbench, image: Path, *, seed: int, session: str) -> tuple[Figures, int]:
    """Scatter writes over the image and back it up by its change map; what that cost, and how many bytes the map called dirty."""
    dirty = scatter_writes(image, min(SCATTERED_BYTES, image.stat().st_size // 16), seed=seed)
    blocks = bench.folder / "dirty.json"
    blocks.write_text(json.dumps(dirty))
    figures, _ = bench.ours("incremental", image=str(image), dirty_blocks=str(blocks), session=session, grows=bench.repository)
    return figures, len(dirty) * BLOCK_BYTES


def begin(bench: Workbench) -> None:
    """An empty repository of ours in place of what was there."""
    shutil.rmtree(bench.repository, ignore_errors=True)
    (bench.folder / "key").unlink(missing_ok=True)
    bench.ours("create")


def _fresh_full(bench: Workbench, *, verify: bool) -> Figures:
    begin(bench)
    return bench.ours("backup", session="full", verify=verify, grows=bench.repository)[0]


def _fresh_backup(peer: Peer, image: Path) -> Figures:
    peer.create()
    return peer.backup(image)


def _beyond(ours: Figures, start: Figures) -> dict[str, float]:
    """What is left when the start of the process, imports included, is taken off."""
    return {
        "cpu_seconds_beyond_start": round(ours.cpu_seconds - start.cpu_seconds, 3),
        "wall_seconds_beyond_start": round(ours.wall_seconds - start.wall_seconds, 3),
    }


def _to_zstd(found: dict[str, Figures]) -> dict[str, float]:
    zstd, ours = found.get(Zstd.name), found[WITHOUT]
    if zstd is None:
        return {}
    return {
        "cpu_seconds": round(ours.cpu_seconds / max(zstd.cpu_seconds, 0.001), 4),
        "throughput": round(zstd.wall_seconds / ours.wall_seconds, 4),
    }
