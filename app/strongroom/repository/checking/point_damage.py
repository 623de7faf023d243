"""Which recovery points suffer from which object: every tree walked once, however many points share it (feature B3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from strongroom.repository.errors import ChunkMissing, ObjectDamaged
from strongroom.repository.format import pack_key
from strongroom.repository.index.index import Index
from strongroom.repository.manifest import Manifest
from strongroom.repository.reading.chunks import ChunkSource
from strongroom.repository.tree.node import ZERO_ID, decode_inner, decode_leaf, root_level

_NONE: Final[frozenset[str]] = frozenset()


class PointDamage:
    """Answers for every point which objects it misses; remembers one answer a tree node, so shared subtrees cost nothing."""

    def __init__(self, source: ChunkSource, index: Index, healthy_packs: frozenset[str], check: Callable[[], None]) -> None:
        self._source = source
        self._index = index
        self._healthy = healthy_packs
        self._check = check
        self._nodes: dict[bytes, frozenset[str]] = {}

    def culprits(self, manifest: Manifest) -> frozenset[str]:
        """The keys of the packs (or ``chunk <id>`` where no pack is known) for lack of which the point is not whole."""
        roots = ((bytes.fromhex(disk.root), root_level(disk.size_bytes)) for disk in manifest.disks if disk.root)
        return _NONE.union(*(self._below(root, level) for root, level in roots))

    def _below(self, node_id: bytes, level: int) -> frozenset[str]:
        if node_id == ZERO_ID:
            return _NONE
        if node_id not in self._nodes:
            self._check()
            self._nodes[node_id] = self._own(node_id) | self._children(node_id, level)
        return self._nodes[node_id]

    def _children(self, node_id: bytes, level: int) -> frozenset[str]:
        try:
            node = self._source.node(node_id)
            if level > 0:
                return _NONE.union(*(self._below(child, level - 1) for child in decode_inner(node, level)))
            chunks = {piece.chunk for slot in decode_leaf(node) for piece in slot if piece.chunk}
        except (ChunkMissing, ObjectDamaged):
            return self._own(node_id) or frozenset(self._places(node_id))
        return _NONE.union(*(self._own(chunk) for chunk in chunks))

    def _own(self, wanted: bytes) -> frozenset[str]:
        """Empty if a healthy pack holds it, else who should have."""
        packs = [location.pack_id for location in self._index.find(wanted)]
        return _NONE if any(pack in self._healthy for pack in packs) else frozenset(self._places(wanted))

    def _places(self, wanted: bytes) -> Iterable[str]:
        return [pack_key(location.pack_id) for location in self._index.find(wanted)] or [f"chunk {wanted.hex()}"]


def by_culprit(damage: PointDamage, manifests: Iterable[Manifest]) -> dict[str, list[str]]:
    """For every culprit the commit keys of the points that it affects, in order."""
    affected: dict[str, list[str]] = defaultdict(list)
    for manifest in manifests:
        for culprit in damage.culprits(manifest):
            affected[culprit].append(manifest.commit_key)
    return dict(affected)
