"""Disks to back up: dense ones from this machine's own files, scattered writes, a huge sparse one, and one that exists only as a rule."""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from strongroom.domain.disk import BLOCK_BYTES, SLOT_BYTES, Extent, ExtentKind

DENSE_ROOT = "usr"
_STEP_BYTES = 4 * 1024 * 1024


def make_dense(path: Path, size_bytes: int) -> None:
    """``size_bytes`` of the tar stream of /usr: programs, libraries and texts as disks hold them, the same again on the same machine.

    Where /usr is smaller, it is repeated with every byte turned by another amount, so that nothing of it can be deduplicated.
    """
    left, turn = size_bytes, 0
    with path.open("wb") as image:
        while left:
            table = bytes((value + turn) % 256 for value in range(256)) if turn else None
            for part in _tar_stream():
                piece = part[:left]
                image.write(piece.translate(table) if table else piece)
                left -= len(piece)
                if not left:
                    break
            turn += 1


def _tar_stream() -> Iterator[bytes]:
    command = ["tar", "--sort=name", "--create", "--file=-", "--directory=/", DENSE_ROOT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tar:
        assert tar.stdout is not None
        yield from iter(lambda: tar.stdout.read(_STEP_BYTES), b"")
        tar.kill()


def scatter_writes(path: Path, total_bytes: int, *, write_bytes: int = 24 * 1024, seed: int = 1) -> list[int]:
    """Overwrite ``total_bytes`` in pieces at random places, with bytes that no one can compress; returns the dirty blocks, sorted."""
    chance = random.Random(seed)
    places = path.stat().st_size // 4096 - write_bytes // 4096
    dirty: set[int] = set()
    with path.open("r+b") as image:
        for _ in range(max(1, total_bytes // write_bytes)):
            offset = chance.randrange(places) * 4096
            image.seek(offset)
            image.write(chance.randbytes(write_bytes))
            dirty.update(range(offset // BLOCK_BYTES, (offset + write_bytes - 1) // BLOCK_BYTES + 1))
    return sorted(dirty)


def make_sparse(path: Path, size_bytes: int, *, islands: int, island_bytes: int, seed: int = 2) -> None:
    """A file of ``size_bytes`` that is a hole but for ``islands`` pieces of data, evenly scattered."""
    chance = random.Random(seed)
    with path.open("wb") as image:
        image.truncate(size_bytes)
        for number in range(islands):
            image.seek((size_bytes // islands * number) // BLOCK_BYTES * BLOCK_BYTES)
            image.write(chance.randbytes(island_bytes))


def changed_extents(dirty_blocks: list[int], size_bytes: int) -> Iterator[Extent]:
    """A change map as a hypervisor gives it: DATA for dirty blocks, UNCHANGED for the rest."""
    at = 0
    for block in dirty_blocks:
        start, end = block * BLOCK_BYTES, min((block + 1) * BLOCK_BYTES, size_bytes)
        if start > at:
            yield Extent(at, start - at, ExtentKind.UNCHANGED)
        yield Extent(start, end - start, ExtentKind.DATA)
        at = end
    if at < size_bytes:
        yield Extent(at, size_bytes - at, ExtentKind.UNCHANGED)


class RuledDisk:
    """A full disk of any size whose slots are drawn from few distinct ones by a rule: nothing of it is stored anywhere."""

    DISTINCT = 64

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._slots: dict[int, memoryview] = {}

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from ``offset``; any alignment."""
        done = 0
        while done < len(view):
            slot, start = divmod(offset + done, SLOT_BYTES)
            content = self._content((slot * 0x9E3779B1 >> 11) % self.DISTINCT)  # mixed, so that no two leaves of the tree are alike
            length = min(SLOT_BYTES - start, len(view) - done)
            view[done : done + length] = content[start : start + length]
            done += length

    def _content(self, number: int) -> memoryview:
        """Made when first asked for: whoever reads few blocks pays for few."""
        if number not in self._slots:
            self._slots[number] = memoryview(random.Random(number).randbytes(SLOT_BYTES))
        return self._slots[number]


def content_hash(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
