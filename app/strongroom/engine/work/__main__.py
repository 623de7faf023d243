"""A worker process: one job, then the end. Started by the service as ``python -m strongroom.engine.work``."""

from __future__ import annotations

import fcntl
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from strongroom.domain.errors import StrongroomError, as_record
from strongroom.domain.states import Operation
from strongroom.engine.work.channel import PipeChannel
from strongroom.engine.work.errors import WorkUnknown

Work = Callable[[dict[str, Any], PipeChannel], dict[str, Any]]

WORK = {
    Operation.DISCOVER: "discover",
    Operation.BACKUP: "backup",
    Operation.RESTORE: "restore",
    Operation.VERIFY: "verify",
    Operation.PRUNE: "prune",
    Operation.DELETE_DATA: "prune",
    Operation.COLLECT: "collect",
}
"""Which module does which operation; only that one is imported."""


def main() -> int:
    """Run the job that standard input tells; 0 when a result was sent, 1 when an error was."""
    channel = _open_channel()
    spec = channel.spec()
    held = _hold(Path(spec["lock"]))
    os.nice(spec.get("niceness", 0))
    signal.signal(signal.SIGTERM, lambda *_: channel.cancel())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel.listen()
    try:
        channel.result(_work(spec["operation"])(spec, channel))
    except StrongroomError as error:
        channel.error(error.record(), traceback.format_exc())
        return 1
    except BaseException as error:  # noqa: BLE001  (whatever it is, the operator must read it in the job)
        channel.error(as_record(error), traceback.format_exc())
        return 1
    finally:
        held.close()
    return 0


def _open_channel() -> PipeChannel:
    """Keep the real streams for messages; whatever a library prints goes to standard error, which the job log keeps."""
    sink = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return PipeChannel(sys.stdin.fileno(), sink)


def _hold(lock: Path) -> io.BufferedWriter:
    """Hold the job's lock as long as this process lives: reconciliation touches only jobs whose lock it can take."""
    held = lock.open("wb")
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return held


def _work(operation: str) -> Work:
    try:
        name = WORK[Operation(operation)]
    except (KeyError, ValueError) as error:
        raise WorkUnknown(f"This worker does not know the operation {operation!r}") from error
    work: Work = import_module(f"strongroom.engine.work.{name}").run
    return work


if __name__ == "__main__":
    sys.exit(main())
