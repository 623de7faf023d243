"""The benchmarks at tiny sizes: their result has the agreed shape, and a wrong or missing thing is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import __main__ as entry
from tests.benchmarks import peers, recovery
from tests.benchmarks.disks import changed_extents, content_hash, make_dense, scatter_writes
from tests.benchmarks.measuring import ProgramFailed, folder_bytes, measured
from tests.benchmarks.workbench import Workbench

KEYS = {"cpu_seconds", "wall_seconds", "read_bytes", "stored_bytes", "peak_memory_bytes"}
PEER_NAMES = {"zstd -1 -T2", "restic", "borg"}
MIB = 1024 * 1024


def run(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> dict[str, Any]:
    assert entry.main([*arguments, "--json", "--folder", str(folder)]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 1, "standard output is one JSON object and nothing else"
    result: dict[str, Any] = json.loads(lines[0])
    assert set(result) == {"name", "ours", "peers", "ratios"}
    assert result["name"] == arguments[0]
    for figures in (result["ours"], *result["peers"].values()):
        assert set(figures) in (KEYS, {"absent"})
    assert result["ours"]["cpu_seconds"] > 0
    assert result["ours"]["peak_memory_bytes"] > MIB
    assert list(folder.iterdir()) == [], "nothing is left behind"
    return result


@pytest.mark.parametrize("name", ["full", "incremental", "restore", "no-change", "memory"])
def test_every_benchmark_prints_one_object_of_the_agreed_shape(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """B1 B2 C2: what the figures are about is measured by the same program that the documents quote."""
    ours = run(capsys, tmp_path, name, "--size", "8MiB", "--peers")["ours"]
    assert ours["stored_bytes"] > 0


def test_a_rebuild_counts_its_points(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """C4."""
    result = run(capsys, tmp_path, "rebuild", "--points", "3", "--peers")
    assert result["ratios"]["milliseconds_per_point"] > 0


def test_a_peer_that_is_not_installed_is_reported_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """B2: no figure is ever made up."""
    monkeypatch.setattr(peers, "find_program", lambda _name: None)
    result = run(capsys, tmp_path, "verify", "--size", "4MiB", "--generations", "2")
    assert set(result["peers"]) == PEER_NAMES
    assert "not installed" in result["peers"]["restic"]["absent"]
    assert result["ratios"]["throughput"] == {}
    assert result["ratios"]["amplification"]["plain_to_disk"] >= 1.0


def test_a_restore_that_differs_gives_no_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A16."""
    monkeypatch.setattr(recovery, "content_hash", str)
    with pytest.raises(recovery.RestoredWrongly):
        recovery.restore(Workbench(tmp_path, 2 * MIB, peer_programs=()))


def test_a_program_that_fails_is_no_measurement() -> None:
    with pytest.raises(ProgramFailed, match="ended with 3: oh no"):
        measured(["sh", "-c", "echo oh no >&2; exit 3"], environment={})


def test_a_child_of_the_measured_program_counts(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(bytes(3 * MIB))
    figures, text = measured(["sh", "-c", f'cat "{source}" > "{copy}"; echo done'], environment={}, grows=copy)
    assert text == "done\n"
    assert figures.stored_bytes == folder_bytes(copy) == 3 * MIB
    assert figures.read_bytes is None or figures.read_bytes >= 3 * MIB


def test_a_dense_image_is_the_same_again_and_writes_are_told_by_block(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        make_dense(path, 2 * MIB)
    assert content_hash(one) == content_hash(other)
    dirty = scatter_writes(other, 100_000)
    before, after = one.read_bytes(), other.read_bytes()
    really = {at // 65536 for at in range(0, 2 * MIB, 4096) if before[at : at + 4096] != after[at : at + 4096]}
    assert set(dirty) == really
    extents = list(changed_extents(dirty, 2 * MIB))
    assert [extent.offset for extent in extents[1:]] == [extent.end for extent in extents[:-1]]
    assert extents[-1].end == 2 * MIB


@pytest.mark.parametrize(("text", "size_bytes"), [("7", 7), ("64MiB", 64 * MIB), ("1 TiB", 2**40)])
def test_sizes_are_read_with_their_unit(text: str, size_bytes: int) -> None:
    assert entry.size_of(text) == size_bytes
