"""What things are called: keyed hashes, so that ids say nothing to whoever lacks the key."""

from __future__ import annotations

from collections.abc import Sequence

from blake3 import blake3

from strongroom.repository.format import BLOCK_BYTES, BLOCK_HASH_BYTES
from strongroom.repository.keys.master import MasterKey


class Ids:
    """The hash functions of one repository; safe in any thread."""

    def __init__(self, key: MasterKey) -> None:
        self._block_key = key.derive(b"block hash")
        self._chunk_key = key.derive(b"chunk id")
        self._node_key = key.derive(b"node id")
        self._tag_key = key.derive(b"machine tag")

    def block_hashes(self, plain: bytes | bytearray | memoryview) -> list[bytes]:
        """The whole keyed hash of every 64 KiB block; ``plain`` is a whole number of blocks."""
        view, key = memoryview(plain), self._block_key
        return [blake3(view[at : at + BLOCK_BYTES], key=key).digest() for at in range(0, len(view), BLOCK_BYTES)]

    def block_hash(self, block: bytes | bytearray | memoryview) -> bytes:
        """The whole keyed hash of one block."""
        return blake3(block, key=self._block_key).digest()

    def chunk_id(self, block_hashes: Sequence[bytes]) -> bytes:
        """The id of the chunk made of the blocks with these whole hashes."""
        return blake3(b"".join(block_hashes), key=self._chunk_key).digest()

    def node_id(self, node: bytes) -> bytes:
        """The id of a tree node."""
        return blake3(node, key=self._node_key).digest()

    def machine_tag(self, machine_id: str) -> str:
        """The name under which a machine's recovery points lie: 32 hexadecimal digits."""
        return blake3(machine_id.encode("utf-8", "surrogatepass"), key=self._tag_key).digest(16).hex()


def trailer_hashes(block_hashes: Sequence[bytes]) -> bytes:
    """The first 16 bytes of each block hash, joined, as pack trailers keep them."""
    return b"".join(value[:BLOCK_HASH_BYTES] for value in block_hashes)
