"""A reader written from ``docs/design/format.md`` alone: nothing of Strongroom is imported here."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard
from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

BLOCK = 65536
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def unbase32(text: str) -> bytes:
    digits = [CROCKFORD.index(character) for group in text.split("-") for character in group[:4]]
    bits = 0
    for digit in digits:
        bits = bits * 32 + digit
    return (bits >> (len(digits) * 5 - 256)).to_bytes(32, "big")


class Stranger:
    """Opens a folder with the recovery key and gives back disks."""

    def __init__(self, folder: Path, recovery_key: str) -> None:
        self.folder = folder
        header = (folder / "sr1.json").read_bytes()
        self.repository = json.loads(header)["repository"]
        self.master = self._unwrap(header, unbase32(recovery_key))
        self.places = dict(self._all_entries())

    def _unwrap(self, header: bytes, secret: bytes) -> bytes:
        for path in (self.folder / "keys").iterdir():
            slot = json.loads(path.read_bytes())
            if slot["kind"] == "recovery":
                wrapped = b64decode(slot.pop("wrapped"))
                key = HKDF(SHA256(), 32, b64decode(slot["salt"]), b"strongroom sr1 recovery slot").derive(secret)
                bound = blake3(header).digest() + json.dumps(slot, sort_keys=True, separators=(",", ":")).encode()
                return AESGCM(key).decrypt(bytes(12), wrapped, bound)
        raise AssertionError("no recovery slot")

    def derive(self, purpose: bytes, salt: bytes | None = None) -> bytes:
        return HKDF(SHA256(), 32, salt, b"strongroom sr1 " + purpose).derive(self.master)

    def _all_entries(self) -> Iterator[tuple[bytes, tuple[bytes, bytes, int, int, bytes]]]:
        """From the trailers of all packs: id → (sealed bytes, pack key, type, ordinal, id)."""
        for path in (self.folder / "packs").glob("*/*"):
            pack = path.read_bytes()
            footer = pack[-86:]
            assert pack[:8] == b"SR1PACK\x01"
            assert footer[-8:] == b"SR1PEND\x01"
            assert blake3(pack[:-40]).hexdigest() == path.name == footer[46:78].hex()
            key = self.derive(b"pack", footer[:32])
            offset, length = number(footer[34:42]), number(footer[42:46])
            bound = bytes.fromhex(self.repository) + b"\x03"
            trailer = AESGCM(key).decrypt(b"\x03\xff\xff\xff" + bytes(8), pack[offset : offset + length], bound)
            at = 2 + number(trailer[:2])
            count, at = number(trailer[at : at + 4]), at + 4
            for ordinal in range(count):
                kind, codec, entry_id = trailer[at], trailer[at + 1], trailer[at + 2 : at + 34]
                start, sealed = number(trailer[at + 34 : at + 38]), number(trailer[at + 38 : at + 42])
                at += 47 + 16 * trailer[at + 46]
                yield entry_id, (pack[start : start + sealed], key, kind + 16 * codec, ordinal, entry_id)

    def entry(self, entry_id: bytes) -> bytes:
        sealed, key, kind, ordinal, _ = self.places[entry_id]
        nonce = bytes((kind,)) + ordinal.to_bytes(3, "big") + entry_id[:8]
        plain = AESGCM(key).decrypt(nonce, sealed, bytes.fromhex(self.repository) + bytes((kind,)) + entry_id)
        return zstandard.ZstdDecompressor().decompress(plain) if kind >= 16 else plain

    def chunk(self, chunk_id: bytes) -> bytes:
        plain = self.entry(chunk_id)
        hashes = [blake3(plain[at : at + BLOCK], key=self.derive(b"block hash")).digest() for at in range(0, len(plain), BLOCK)]
        assert blake3(b"".join(hashes), key=self.derive(b"chunk id")).digest() == chunk_id
        return plain

    def node(self, node_id: bytes) -> bytes:
        plain = self.entry(node_id)
        assert blake3(plain, key=self.derive(b"node id")).digest() == node_id
        return plain

    def manifests(self) -> list[dict[str, Any]]:
        found = []
        for path in sorted((self.folder / "snap").glob("*/*")):
            data = path.read_bytes()
            assert data[:5] == b"SR1o\x01"
            place = str(path.relative_to(self.folder))
            bound = b"\0".join((data[:8].hex().encode(), self.repository.encode(), place.encode()))
            payload = AESGCM(self.derive(b"envelope", data[8:40])).decrypt(bytes(12), data[40:], bound)
            if data[5] == 1:
                found.append(json.loads(zstandard.ZstdDecompressor().decompress(payload)))
            else:
                assert (data[5], payload) == (2, b"{}")
        return found

    def disk(self, disk: dict[str, Any]) -> bytes:
        size = disk["size_bytes"]
        level = 0
        while 128 * 256**level * 16 * BLOCK < size:
            level += 1
        content = bytearray(size)
        for offset, blocks in self._blocks(bytes.fromhex(disk["root"]), level, 0):
            content[offset : offset + len(blocks)] = blocks[: max(0, size - offset)]
        return bytes(content[:size])

    def _blocks(self, node_id: bytes, level: int, first_slot: int) -> Iterator[tuple[int, bytes]]:
        if node_id == bytes(32):
            return
        node = self.node(node_id)
        if level:
            assert node[:2] == bytes((0x49, level))
            for child in range(256):
                below = 128 * 256 ** (level - 1)
                yield from self._blocks(node[2 + child * 32 : 34 + child * 32], level - 1, first_slot + child * below)
            return
        assert node[0] == 0x4C
        chunks = number(node[1:3])
        at = 3 + chunks * 33
        for slot in range(128):
            offset = (first_slot + slot) * 16 * BLOCK
            pieces, at = node[at], at + 1
            for _ in range(pieces):
                which, first, blocks = number(node[at : at + 2]), node[at + 2] >> 4, (node[at + 2] & 15) + 1
                at += 3
                if which != 0xFFFF:
                    plain = self.chunk(node[3 + which * 33 : 35 + which * 33])
                    yield offset, plain[first * BLOCK : (first + blocks) * BLOCK]
                offset += blocks * BLOCK
