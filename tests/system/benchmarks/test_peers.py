"""The peers really do the same work: each backs up, verifies and gives back the very bytes, measured like ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as entry
from tests.benchmarks.peers import PEERS
from tests.parts import require_part

pytestmark = pytest.mark.system


@pytest.mark.parametrize("name", ["full", "incremental", "restore", "verify"])
def test_every_peer_takes_part_in_the_same_run(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """B2 C2: a ratio is only worth something if both sides did the work; a restore that differs would end the benchmark."""
    for kind in PEERS:
        require_part(kind.program())
    assert entry.main([name, "--json", "--size", "16MiB", "--folder", str(tmp_path)]) == 0
    result = json.loads(capsys.readouterr().out)
    for kind in PEERS:
        assert result["peers"][kind.name]["cpu_seconds"] > 0
        assert result["ratios"]["throughput"][kind.name] > 0
        if name in {"full", "incremental"}:
            assert result["peers"][kind.name]["stored_bytes"] > 0
