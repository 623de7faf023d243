"""Names, sizes and magic numbers of format SR1; ``docs/design/format.md`` gives every byte."""

from __future__ import annotations

import re
from typing import Final

from strongroom.domain.disk import BLOCK_BYTES, SLOT_BLOCKS, SLOT_BYTES

__all__ = [
    "BLOCK_BYTES",
    "BLOCK_HASH_BYTES",
    "FORMAT_NAME",
    "HEADER_KEY",
    "ID_BYTES",
    "INNER_FANOUT",
    "LEAF_SLOTS",
    "PACK_BYTES",
    "REWRITE_BYTES",
    "SALT_BYTES",
    "SLOT_BLOCKS",
    "SLOT_BYTES",
    "TAG_BYTES",
    "is_hex_id",
    "pack_key",
    "pack_of_key",
    "parse_snap_key",
    "snap_key",
]

FORMAT_NAME: Final = "SR1"
HEADER_KEY: Final = "sr1.json"

ID_BYTES: Final = 32  # a whole BLAKE3 output: chunk, node and pack ids
BLOCK_HASH_BYTES: Final = 16  # 128 keyed bits tell one block from another; 256 bytes of trailer per MiB
SALT_BYTES: Final = 32
TAG_BYTES: Final = 16  # AES-GCM

LEAF_SLOTS: Final = 128  # 128 MiB of disk in a leaf of about 4 KiB
INNER_FANOUT: Final = 256
PACK_BYTES: Final = 32 * 1024 * 1024  # 32,768 objects and as many fsyncs per TiB
REWRITE_BYTES: Final = 2 * SLOT_BYTES  # plain bytes of distinct chunks beyond which a slot is rewritten whole

_HEX_ID = re.compile(r"[0-9a-f]{64}")
_PACK_KEY = re.compile(r"packs/([0-9a-f]{2})/([0-9a-f]{64})")
_SNAP_KEY = re.compile(r"snap/([0-9a-f]{32})/([0-9]{10})")


def is_hex_id(text: str) -> bool:
    """Whether ``text`` is the hexadecimal form of a whole id."""
    return _HEX_ID.fullmatch(text) is not None


def pack_key(pack_id: str) -> str:
    """Where the pack lies."""
    return f"packs/{pack_id[:2]}/{pack_id}"


def pack_of_key(key: str) -> str | None:
    """The pack id in a key under ``packs/``, or None for a foreign name."""
    match = _PACK_KEY.fullmatch(key)
    return match[2] if match and match[2].startswith(match[1]) else None


def snap_key(tag: str, seq: int) -> str:
    """The commit key of the ``seq``-th recovery point (from 1) of the machine with ``tag``."""
    return f"snap/{tag}/{seq:010d}"


def parse_snap_key(key: str) -> tuple[str, int] | None:
    """Tag and seq of a commit key, or None for a foreign name."""
    match = _SNAP_KEY.fullmatch(key)
    return (match[1], int(match[2])) if match else None
