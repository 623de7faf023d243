"""The line between a worker and the service: JSON lines, one message each.

Worker → service: ``declare`` (waits for ``ack``), ``sub_task``, ``progress``, ``log``, ``warning``, and last ``result`` or ``error``.
Service → worker: the spec, ``ack``, ``cancel``. End of input means that the service died: the work is given up just as if it were cancelled.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from strongroom.domain.errors import Cancelled, ErrorRecord
from strongroom.domain.states import SubTaskStatus
from strongroom.engine.work.errors import ServiceLost
from strongroom.engine.work.meter import Counted, Meter

_READ_BYTES = 1024 * 1024


class Channel(Protocol):
    """What an operation may say while it runs, and the one place where it learns that it was cancelled."""

    def check(self) -> None:
        """Raise ``Cancelled`` if the job was cancelled, ``ServiceLost`` if the service died. Called at least once per slot."""
        ...

    def wait(self, seconds: float) -> None:
        """Sleep, unless cancelled: then as ``check``."""
        ...

    def declare(self, commit_key: str) -> None:
        """Have the service note where the manifest will be; returns when that is durable (invariant 15)."""
        ...

    def sub_task(self, name: str, status: SubTaskStatus, detail: str = "") -> None: ...

    def log(self, text: str) -> None: ...

    def warn(self, text: str) -> None:
        """A warning makes the job «Completed with warnings»."""
        ...

    def metering(self, phase: str, counted: Counted, *, total_bytes: int = 0) -> Any:
        """A context in which ``counted`` is sent as progress, at most twice a second, and once more at its end.

        ``total_bytes`` is the whole where it is known beforehand: ``counted`` learns of each disk only when its turn comes.
        """
        ...


class PipeChannel:
    """The channel of a real worker over its standard streams."""

    def __init__(self, source: int, sink: TextIO) -> None:
        """``source`` is a file descriptor: a thread that waits in a buffered reader would hold its lock when the process ends."""
        self._lines = _lines(source)
        self._sink = sink
        self._sending = threading.Lock()
        self._stopped = threading.Event()
        self._acknowledged = threading.Semaphore(0)
        self._lost = False

    def spec(self) -> dict[str, Any]:
        """The first line: what to do. Must be read before ``listen``."""
        received: dict[str, Any] = json.loads(next(self._lines))
        return received

    def listen(self) -> None:
        """Start to hear ``ack`` and ``cancel``."""
        threading.Thread(target=self._hear, name="channel", daemon=True).start()

    def _hear(self) -> None:
        for line in self._lines:
            kind = json.loads(line).get("say")
            if kind == "ack":
                self._acknowledged.release()
            elif kind == "cancel":
                self.cancel()
        self._lost = not self._stopped.is_set()
        self.cancel()

    def cancel(self) -> None:
        """Give up at the next ``check``; also what SIGTERM does."""
        self._stopped.set()
        self._acknowledged.release()

    def check(self) -> None:
        if self._stopped.is_set():
            if self._lost:
                raise ServiceLost("The service that ran this job is gone")
            raise Cancelled("The job was cancelled")

    def wait(self, seconds: float) -> None:
        self._stopped.wait(seconds)
        self.check()

    def declare(self, commit_key: str) -> None:
        self._send("declare", commit_key=commit_key)
        self._acknowledged.acquire()
        self.check()

    def sub_task(self, name: str, status: SubTaskStatus, detail: str = "") -> None:
        self._send("sub_task", name=name, status=status.value, detail=detail)

    def log(self, text: str) -> None:
        self._send("log", text=text)

    def warn(self, text: str) -> None:
        self._send("warning", text=text)

    def result(self, result: Mapping[str, Any]) -> None:
        self._send("result", result=result)

    def error(self, record: ErrorRecord, traceback: str = "") -> None:
        self._send("error", error=record, traceback=traceback)

    @contextmanager
    def metering(self, phase: str, counted: Counted, *, total_bytes: int = 0) -> Iterator[None]:
        with Meter(phase, counted, lambda progress: self._send("progress", progress=progress.as_json()), total_bytes=total_bytes):
            yield

    def _send(self, kind: str, **body: Any) -> None:
        line = json.dumps({"say": kind, **body})
        try:
            with self._sending:
                self._sink.write(line + "\n")
                self._sink.flush()
        except (BrokenPipeError, ValueError):
            self._lost = True
            self.cancel()


def _lines(source: int) -> Iterator[bytes]:
    """The complete lines that arrive at a file descriptor, until its other end is closed."""
    held = b""
    while received := os.read(source, _READ_BYTES):
        *complete, held = (held + received).split(b"\n")
        yield from complete
