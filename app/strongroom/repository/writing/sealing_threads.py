"""The threads that seal slots: a few tasks in flight, results in any order, one failure ends all."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final

from strongroom.repository.halt import Halt
from strongroom.repository.writing.chunk_sealer import ChunkSealer
from strongroom.repository.writing.slot_sealer import SlotSealer
from strongroom.repository.writing.slot_task import SlotResult, SlotTask

IN_FLIGHT: Final = 16

MakeSealer = Callable[[], tuple[SlotSealer, ChunkSealer]]


class SealingThreads:
    """``submit`` tasks, take ``result``s; at most ``IN_FLIGHT`` are unanswered. The threads keep their open packs from disk to disk."""

    def __init__(self, count: int, halt: Halt, make_sealer: MakeSealer) -> None:
        self._halt = halt
        self._make_sealer = make_sealer
        self._tasks: queue.SimpleQueue[SlotTask | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[SlotResult] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name=f"sealing-{number}", daemon=True) for number in range(count)]
        self._started = False
        self.unanswered = 0

    def submit(self, task: SlotTask) -> None:
        """Hand a task over; the caller keeps ``unanswered`` below ``IN_FLIGHT`` by taking results."""
        if not self._started:
            self._started = True
            for thread in self._threads:
                thread.start()
        self.unanswered += 1
        self._tasks.put(task)

    def result(self) -> SlotResult:
        """The next finished slot; raises the session's first error, or the caller's reason to stop."""
        result = self._halt.wait_for(self._results)
        self.unanswered -= 1
        return result

    def close(self) -> None:
        """Let the threads finish their packs and end; raises the session's first error."""
        self._end()
        for thread in self._threads if self._started else []:
            self._halt.join(thread)

    def abandon(self, timeout_seconds: float) -> None:
        """Let the threads of a halted session end; one that hangs in its source is left behind, it can commit nothing."""
        self._end()
        for thread in self._threads if self._started else []:
            thread.join(timeout_seconds)

    def _end(self) -> None:
        for _ in self._threads:
            self._tasks.put(None)

    def _run(self) -> None:
        try:
            slots, sealer = self._make_sealer()
            while (task := self._tasks.get()) is not None and not self._halt.is_set:
                self._results.put(slots.process(task))
            if not self._halt.is_set:
                sealer.flush()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the session must hear of it
            self._halt.fail(error)
