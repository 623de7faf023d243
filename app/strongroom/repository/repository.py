"""A repository opened with its key: what it is called, what it can do, which recovery points it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from strongroom.repository.envelope import ObjectKind, kind_of, unseal
from strongroom.repository.errors import ManifestMissing, ObjectDamaged, ObjectMissing, RepositoryTooNew
from strongroom.repository.format import parse_snap_key, snap_key
from strongroom.repository.header import read_header
from strongroom.repository.ids import Ids
from strongroom.repository.keys.master import MasterKey
from strongroom.repository.manifest import Manifest
from strongroom.repository.protocol.prune_record import pruned_keys
from strongroom.repository.store.base import Store

KNOWN_FEATURES: Final[frozenset[str]] = frozenset()  # «class-name», as under ``feature/``


class Repository:
    """The values that every operation on a repository needs. Holds no state of its own beside them; any thread may use it."""

    def __init__(self, store: Store, key: MasterKey, repository_id: str, *, read_only: bool) -> None:
        self.store = store
        self.key = key
        self.id = repository_id
        self.read_only = read_only
        self.ids = Ids(key)

    @classmethod
    def open(cls, store: Store, key: MasterKey) -> Repository:
        """Open the repository in ``store``.

        Raises ``RepositoryNotFound``, ``RepositoryTooNew`` for a format or a feature that this version does not know, ``KeyWrong`` for another
        repository's key. A feature that only writers must know makes it ``read_only``.
        """
        header = read_header(store)
        read_only = _check_features(info.key.removeprefix("feature/") for info in store.list("feature/"))
        header.confirm(key)
        return cls(store, key, header.repository_id, read_only=read_only)

    def unseal(self, kind: ObjectKind, object_key: str) -> bytes:
        """The payload of a sealed object; ``ObjectMissing`` or ``ObjectDamaged``."""
        return unseal(self.key, self.id, kind, object_key, self.store.get(object_key))

    def machine_tag(self, machine_id: str) -> str:
        """The name under which the machine's recovery points lie."""
        return self.ids.machine_tag(machine_id)

    def manifest(self, commit_key: str) -> Manifest:
        """The recovery point at ``commit_key``: ``ManifestMissing`` if there is none (or a VOID), ``ObjectDamaged``."""
        found = self._manifest_or_void(commit_key)
        if found is None:
            raise ManifestMissing(f"There is no recovery point {commit_key}", cause="that backup was declared dead and committed nothing")
        return found

    def manifests(self, machine_id: str | None = None) -> list[Manifest]:
        """Every present recovery point, of one machine or of all, oldest first by machine; damage raises, nothing is left out in silence."""
        prefix = "snap/" if machine_id is None else f"snap/{self.machine_tag(machine_id)}/"
        found = (self._present(commit_key) for commit_key in sorted(self._commit_keys(prefix)))
        points = [point for point in found if point is not None]
        return sorted(points, key=lambda point: (point.taken_at, point.commit_key))

    def newest(self, machine_id: str) -> Manifest | None:
        """The newest recovery point of a machine that no prune record names."""
        tag = self.machine_tag(machine_id)
        pruned = pruned_keys(self, tag)
        for commit_key in sorted(self._commit_keys(f"snap/{tag}/"), reverse=True):
            point = None if commit_key in pruned else self._present(commit_key)
            if point is not None:
                return point
        return None

    def tips(self) -> Mapping[str, int]:
        """The highest seq present for every machine tag."""
        tips: dict[str, int] = {}
        for commit_key in self._commit_keys("snap/"):
            tag, seq = commit_key.split("/")[1:]
            tips[tag] = max(tips.get(tag, 0), int(seq))
        return tips

    def _commit_keys(self, prefix: str) -> Iterator[str]:
        for info in self.store.list(prefix):
            if parse_snap_key(info.key) is None:
                raise ObjectDamaged(f"Object {info.key} has no place under snap/", cause="its name is no commit key")
            yield info.key

    def _present(self, commit_key: str) -> Manifest | None:
        """None for a VOID, and for a manifest that was pruned since the listing."""
        try:
            return self._manifest_or_void(commit_key)
        except ManifestMissing:
            return None

    def _manifest_or_void(self, commit_key: str) -> Manifest | None:
        try:
            data = self.store.get(commit_key)
        except ObjectMissing:
            raise ManifestMissing(f"There is no recovery point {commit_key}") from None
        if kind_of(commit_key, data) is ObjectKind.VOID:
            unseal(self.key, self.id, ObjectKind.VOID, commit_key, data)
            return None
        manifest = Manifest.decode(commit_key, unseal(self.key, self.id, ObjectKind.MANIFEST, commit_key, data))
        if snap_key(self.machine_tag(manifest.machine_id), manifest.seq) != commit_key:
            raise ObjectDamaged(f"Object {commit_key} is the manifest of another machine or seq", cause="objects were swapped")
        return manifest


def _check_features(names: Iterator[str]) -> bool:
    """Whether an unknown feature forbids writing; ``RepositoryTooNew`` if one forbids reading."""
    unknown = {name for name in names if name not in KNOWN_FEATURES}
    for name in sorted(unknown):
        if not name.startswith(("rocompat-", "compat-")):
            raise RepositoryTooNew("The repository uses a feature of a later version", cause=f"feature {name} is unknown here")
    return any(name.startswith("rocompat-") for name in unknown)
