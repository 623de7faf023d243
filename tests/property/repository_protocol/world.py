"""A repository small enough to be looked at whole after every store call: a chunk is its id, a pack a list of ids, a manifest too.

Sessions, commit keys, prune, condemn and sweep are the product's own code; only chunks, packs and trees are stand-ins.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.repository.envelope import ObjectKind, kind_of, unseal
from strongroom.repository.errors import ChunkMissing, ManifestMissing, ObjectMissing
from strongroom.repository.format import pack_key, pack_of_key
from strongroom.repository.keys.master import MasterKey
from strongroom.repository.protocol.collection import PackContents, Rescue
from strongroom.repository.protocol.live_marks import LiveMarks
from strongroom.repository.protocol.session import Session, has_ended
from strongroom.repository.sealed import sealed_document
from strongroom.repository.store.base import Buffer, Store
from strongroom.testing.stores import MemoryStore, joined

KEY = MasterKey(1, bytes(range(32)))


def chunk(number: int) -> bytes:
    """The id of chunk ``number``."""
    return bytes([number]) * 32


@dataclass(frozen=True)
class TinyPlace:
    """A repository as one actor sees it."""

    store: Store
    id: str = "ab" * 16
    key: MasterKey = KEY

    def machine_tag(self, machine_id: str) -> str:
        return machine_id.encode().hex().rjust(32, "0")


class WatchedStore(MemoryStore):
    """Remembers what every pack and manifest ever held, and which manifests were deleted."""

    def __init__(self) -> None:
        self.skew_seconds = 0.0
        super().__init__(now=lambda: 1_700_000_000.0 + self.skew_seconds)
        self.index: dict[bytes, list[str]] = defaultdict(list)
        self.manifests: dict[str, tuple[bytes, ...]] = {}
        self.given_up: set[str] = set()

    def put_new(self, key: str, data: Buffer | Sequence[Buffer]) -> None:
        content = joined(data)
        super().put_new(key, content)
        pack = pack_of_key(key)
        if pack is not None:
            for chunk_id in ids_of(content):
                if pack not in self.index[chunk_id]:
                    self.index[chunk_id].append(pack)
        if key.startswith("snap/") and kind_of(key, content) is ObjectKind.MANIFEST:
            self.manifests[key] = manifest_ids(key, content)

    def delete(self, key: str) -> None:
        super().delete(key)
        if key in self.manifests:
            self.given_up.add(key)


def ids_of(content: bytes) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(text) for text in json.loads(content)["ids"])


def manifest_ids(key: str, content: bytes) -> tuple[bytes, ...]:
    document: dict[str, Any] = json.loads(unseal(KEY, TinyPlace(MemoryStore()).id, ObjectKind.MANIFEST, key, content))
    return tuple(bytes.fromhex(text) for text in document["ids"])


class World:
    """The store, everybody's open sessions as they believe them to be, and the question that is asked after every step."""

    def __init__(self) -> None:
        self.store = WatchedStore()
        self.open: dict[str, Session] = {}
        self._packs = 0

    def new_pack(self, store: Store, session_id: str, ids: Iterable[bytes]) -> str:
        """Seal and publish a pack of these chunks."""
        self._packs += 1
        pack = f"{self._packs:064x}"
        content = json.dumps({"session": session_id, "ids": [chunk_id.hex() for chunk_id in ids]}).encode()
        store.put_new(pack_key(pack), content)
        return pack

    def present(self) -> list[str]:
        """The commit keys of the recovery points that are there and were never given up."""
        return [key for key in self.store.manifests if key in self.store.objects and key not in self.store.given_up]

    def violation(self) -> str | None:
        """The first broken promise, in words: invariant 7."""
        for key in self.present():
            for chunk_id in self.store.manifests[key]:
                if not any(pack_key(pack) in self.store.objects for pack in self.store.index[chunk_id]):
                    return f"{key} refers to chunk {chunk_id[0]}, which no pack holds"
        place = TinyPlace(self.store)
        for session in self.open.values():
            pins = session.facts.pinned if not session.commit_key else ((session.pinned,) if session.pinned else ())
            if any(pin not in self.store.objects for pin in pins) and not has_ended(place, session.facts):
                return f"session {session.id} lost the manifest it pinned"
        return None


class TinyChunks:
    """``collection.Chunks`` over the stand-ins, through one actor's store."""

    def __init__(self, world: World, place: TinyPlace, name: str) -> None:
        self._world = world
        self._place = place
        self._name = name

    def contents(self, pack_id: str) -> PackContents:
        document = json.loads(self._place.store.get(pack_key(pack_id)))
        return PackContents(document["session"], tuple((bytes.fromhex(text), 100) for text in document["ids"]))

    def reach(self, commit_key: str, marks: LiveMarks) -> None:
        try:
            content = self._place.store.get(commit_key)
        except ObjectMissing:
            raise ManifestMissing(commit_key) from None
        if kind_of(commit_key, content) is ObjectKind.VOID:
            raise ManifestMissing(commit_key)
        for chunk_id in manifest_ids(commit_key, content):
            marks.add(chunk_id)

    def hints(self, chunk_id: bytes) -> Iterable[str]:
        return list(self._world.store.index[chunk_id])

    def copy(self, rescues: Iterable[Rescue]) -> None:
        wanted = list(rescues)
        for rescue in wanted:
            if not any(self._place.store.stat(pack_key(pack)) for pack in rescue.packs):
                raise ChunkMissing(f"chunk {rescue.chunk_id[0]}")
        self._world.new_pack(self._place.store, self._name, [rescue.chunk_id for rescue in wanted])


def sealed_manifest(place: TinyPlace, commit_key: str, ids: Iterable[bytes]) -> bytes:
    return sealed_document(place, ObjectKind.MANIFEST, commit_key, {"ids": [chunk_id.hex() for chunk_id in ids]})


Run = Callable[[Store], None]
