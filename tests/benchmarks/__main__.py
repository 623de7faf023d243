"""``python -m tests.benchmarks NAME [--json]``: one benchmark, one result on standard output, its story on standard error."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks import backups, recovery
from tests.benchmarks.peers import PEERS
from tests.benchmarks.workbench import Outcome, Workbench

BENCHMARKS: dict[str, Callable[[Workbench], Outcome]] = {
    "full": backups.full,
    "incremental": backups.incremental,
    "no-change": backups.no_change,
    "restore": recovery.restore,
    "verify": recovery.verify,
    "rebuild": recovery.rebuild,
    "memory": recovery.memory,
}
_UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def size_of(text: str) -> int:
    """Bytes, from ``2GiB``, ``64 MiB`` or a bare number."""
    found = re.fullmatch(r"(\d+)\s*([KMGT]iB|)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 64MiB, 2GiB or 1TiB")
    return int(found[1]) * _UNITS[found[2]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark; 0 unless something went wrong, a restore that differs included."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", choices=list(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--size", type=size_of, help="the disk's size, such as 64MiB (default: the benchmark's own)")
    parser.add_argument("--points", type=int, default=1000, help="recovery points of «rebuild»")
    parser.add_argument("--generations", type=int, default=0, help="incremental backups before «restore» and «verify»")
    parser.add_argument("--repeat", type=int, default=1, help="repetitions; of each program the median by cpu-seconds counts")
    programs = [kind.program() for kind in PEERS]
    parser.add_argument(
        "--peers", nargs="*", choices=programs, default=programs, help="whom to measure beside us (default: all that are here)"
    )
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="strongroom-benchmark-", dir=chosen.folder))
    try:
        bench = Workbench(folder, chosen.size, chosen.points, chosen.repeat, chosen.generations, tuple(chosen.peers))
        outcome = BENCHMARKS[chosen.name](bench)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = outcome.as_json()
    print(json.dumps(result, ensure_ascii=False, indent=None if chosen.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
