"""One backup session of one machine: its disks become chunks, packs and trees, and one manifest makes them a recovery point."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, Self

from strongroom.domain.errors import InvalidInput, StrongroomError
from strongroom.repository.counters import Counters
from strongroom.repository.envelope import ObjectKind, seal
from strongroom.repository.errors import ObjectDamaged, RepositoryTooNew, SessionFenced, StoreError
from strongroom.repository.format import parse_snap_key
from strongroom.repository.halt import Halt
from strongroom.repository.index.store import compact_index
from strongroom.repository.manifest import DiskRecord, Manifest
from strongroom.repository.protocol.session import Outcome, Session, beat, end_session, open_session, publish, void
from strongroom.repository.repository import Repository
from strongroom.repository.writing.change_proof import Proof
from strongroom.repository.writing.disk_input import DiskInput
from strongroom.repository.writing.disk_writer import DiskWriter
from strongroom.repository.writing.sealing_line import SealingLine

__all__ = ["BackupWriter", "Counters", "DiskInput", "Proof"]

HEARTBEAT_SECONDS: Final = 30.0
MOST_TIPS: Final = 16


class BackupWriter:
    """One session, one commit. Use it as a context manager: an exception on the way out aborts, and nothing half done is ever visible."""

    def __init__(
        self, repository: Repository, session: Session, line: SealingLine, parent: Manifest | None, parent_reason: str = ""
    ) -> None:
        self.repository = repository
        self.parent = parent
        self.parent_reason = parent_reason  # why there is no parent although there are recovery points
        self.counters = line.counters
        self._session = session
        self._line = line
        self._disk_writer = DiskWriter(line, parent, self._each_step)
        self._disks: list[DiskRecord] = []
        self._ended = False
        self._committed = False
        self._beat_at = time.monotonic()

    @classmethod
    def open(  # noqa: PLR0913 - the settings of one session, given once, by name
        cls,
        repository: Repository,
        machine_id: str,
        session_id: str,
        *,
        parent: Literal["newest"] | None,
        counters: Counters,
        check: Callable[[], None],
        verify: bool = True,
        threads: int = 2,
        host: Mapping[str, Any] | None = None,
    ) -> Self:
        """Declare the session and take its parent: the newest recovery point, pinned, unless it is being pruned or damaged.

        ``check`` is called at least once a slot and while waiting; what it raises ends the session. ``verify`` decodes and re-identifies everything
        before it is published; without it only authenticity is checked. Raises ``RepositoryTooNew`` for a repository that is only readable here.
        """
        if repository.read_only:
            raise RepositoryTooNew("The repository may only be read by this version", cause="a later version added a feature to it")
        newest, reason = _newest(repository, machine_id) if parent else (None, "")
        session = open_session(repository, machine_id, session_id, host or {}, newest.commit_key if newest else None)
        try:
            line = SealingLine(repository, session, counters=counters, halt=Halt(check), verify=verify, threads=threads)
        except BaseException:
            end_session(session)
            raise
        return cls(repository, session, line, newest if session.pinned else None, reason)

    @property
    def commit_key(self) -> str:
        """Where the recovery point will be; declared before anything was written."""
        return self._session.commit_key

    def write_disk(self, disk: DiskInput) -> DiskRecord:
        """Store one disk and return its record.

        What the source says of changes is used only with a parent of the same size and format, and only if its proof holds (invariant 10); else the
        disk is read whole and the record says why. Raises what the source raises, ``StoreFull`` and the other errors of the store.
        """
        self.counters.total_bytes += disk.size_bytes
        record = self._disk_writer.write(disk)
        self._disks.append(record)
        return record

    def commit(self, taken_at: str, facts: Mapping[str, Any]) -> Manifest:
        """Make everything durable and then the recovery point visible: from here on it exists. ``SessionFenced`` if the session was declared dead."""
        self._line.finish()
        manifest = self._manifest(taken_at, facts)
        sealed = seal(self.repository.key, self.repository.id, ObjectKind.MANIFEST, self.commit_key, manifest.encode())
        self._publish(sealed)
        self._ended = self._committed = True
        self.counters.stored_bytes += len(sealed)
        self._tidy_index()
        return manifest

    def abort(self) -> None:
        """Stop every thread, take the commit key with a VOID and end the session. Safe to repeat; after a commit it only ends the session."""
        self._line.halt.stop()
        if not self._ended:
            self._line.abandon()
        self._ended = True
        end_session(self._session)

    def close(self) -> None:
        """End the session: after a commit the parent's pin goes, without one it is an abort.

        A committed session has ended by its commit key; if its object cannot be deleted now, whoever tidies sessions next does it.
        """
        try:
            self.abort()
        except StoreError:
            if not self._committed:
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
            return
        try:
            self.abort()
        except StrongroomError as failure:  # the first error is the one to see; a session left behind is settled later
            error.add_note(f"The session could not be ended: {failure}")

    def _each_step(self) -> None:
        self._line.halt.look()
        now = time.monotonic()
        if now - self._beat_at > HEARTBEAT_SECONDS:
            self._beat_at = now
            with suppress(StoreError):  # only ever a hint, see ``session.beat``
                beat(self._session)

    def _manifest(self, taken_at: str, facts: Mapping[str, Any]) -> Manifest:
        parsed = parse_snap_key(self.commit_key)
        if parsed is None:
            raise InvalidInput(f"{self.commit_key} is no commit key")
        others = sorted((tag, seq) for tag, seq in self.repository.tips().items() if tag != parsed[0])
        tips = dict(random.sample(others, min(MOST_TIPS, len(others))))
        facts_of = self._session.facts
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        packs = self._line.known.own_packs
        return Manifest(self.commit_key, facts_of.machine_id, parsed[1], facts_of.id, taken_at, now, tuple(self._disks), packs, tips, facts)

    def _publish(self, sealed: bytes) -> None:
        try:
            publish(self._session, sealed)
        except SessionFenced:
            raise
        except StoreError:
            # The store may have kept the manifest before it failed: whoever holds the commit key now decides.
            if void(self.repository, self.commit_key) is not Outcome.COMMITTED:
                raise

    def _tidy_index(self) -> None:
        """Merge small segments. The recovery point is committed; an index that stays as it is costs time, not data."""
        try:
            compact_index(self.repository, self._line.losses.gone_packs)
        except StrongroomError:
            return


def _newest(repository: Repository, machine_id: str) -> tuple[Manifest | None, str]:
    try:
        return repository.newest(machine_id), ""
    except ObjectDamaged as error:
        return None, f"the newest recovery point is damaged: {error.message}"
