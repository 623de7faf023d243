"""The one thread that makes packs durable, and the pool of their buffers: sealing goes on while a pack is synced."""

from __future__ import annotations

import mmap
import queue
import threading
from collections.abc import Callable
from typing import Final

from strongroom.domain.errors import Cancelled
from strongroom.repository.halt import POLL_SECONDS, Halt
from strongroom.repository.packs.pack import SealedPack, new_buffer, publish_pack
from strongroom.repository.store.base import Store

SPARE_BUFFERS: Final = 2  # one being published, one waiting


class PackPublisher:
    """Publishes packs one after another. At most ``writers + 2`` buffers of 33 MiB exist, each made when first needed."""

    def __init__(self, store: Store, halt: Halt, writers: int, on_published: Callable[[SealedPack], None]) -> None:
        self._store = store
        self._halt = halt
        self._on_published = on_published
        self._free: queue.SimpleQueue[mmap.mmap | None] = queue.SimpleQueue()
        for _ in range(writers + SPARE_BUFFERS):
            self._free.put(None)  # a buffer not made yet
        self._packs: queue.SimpleQueue[tuple[SealedPack, mmap.mmap] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="pack-publisher", daemon=True)
        self._thread.start()

    def take_buffer(self) -> mmap.mmap:
        """A buffer for one pack; waits while all are in use. Raises ``Cancelled`` once the session halts."""
        while not self._halt.is_set:
            try:
                return self._free.get(timeout=POLL_SECONDS) or new_buffer()
            except queue.Empty:
                continue
        raise Cancelled("The session is stopping")

    def publish(self, pack: SealedPack, buffer: mmap.mmap) -> None:
        """Queue a finished pack; its buffer goes back to the pool once it is durable."""
        self._packs.put((pack, buffer))

    def close(self) -> None:
        """Wait until everything queued is durable; raises the first error of the session."""
        self._packs.put(None)
        self._halt.join(self._thread)
        self._free = queue.SimpleQueue()  # what follows the last pack needs their memory more

    def abandon(self, timeout_seconds: float) -> None:
        """Stop after the pack that is being published; for a halted session."""
        self._packs.put(None)
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        try:
            while (item := self._packs.get()) is not None and not self._halt.is_set:
                pack, buffer = item
                publish_pack(self._store, pack)
                self._on_published(pack)
                pack.body.release()
                self._free.put(buffer)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the session must hear of it
            self._halt.fail(error)
