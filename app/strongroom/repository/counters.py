"""Progress of one session as plain numbers: the data path adds, anybody polls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Bytes, all of them. ``total_bytes`` grows by a disk's size when its turn comes, ``done_bytes`` follows it however little is read."""

    total_bytes: int = 0
    done_bytes: int = 0
    read_bytes: int = 0  # from the source, or from the repository when restoring
    new_bytes: int = 0  # plain bytes that the repository did not know
    stored_bytes: int = 0  # added to the store
    proof_bytes: int = 0  # read again to prove change tracking (invariant 10)
    rewritten_bytes: int = 0  # plain bytes of slots written whole again because their pieces had scattered
