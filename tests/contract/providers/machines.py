"""Small machines in folders, for tests of the images provider."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path

from strongroom.providers.images.qcow2_writer import Qcow2Target
from strongroom.providers.images.targets import RawTarget, Target

MIB = 1 << 20


def patchwork(size_bytes: int, seed: int) -> bytes:
    """Random data between zeros, some of both small."""
    rng = random.Random(seed)
    content = bytearray(size_bytes)
    for _ in range(12):
        start = rng.randrange(max(1, size_bytes))
        data = rng.randbytes(min(rng.choice((1, 511, 4096, 70_000, 300_000)), size_bytes - start))
        content[start : start + len(data)] = data
    return bytes(content)


def write_image(path: Path, content: bytes) -> None:
    """An image of ``content``: qcow2 if the name says so, else raw; zeros become holes."""
    target: Target = (Qcow2Target if path.suffix == ".qcow2" else RawTarget)(path, len(content))
    for start in range(0, len(content), 65536):
        piece = memoryview(content)[start : start + 65536]
        if any(piece):
            target.write(start, piece)
    target.finish()
    target.close()


def write_machine(folder: Path, contents: Mapping[str, bytes], definition: str = "") -> None:
    folder.mkdir(parents=True)
    for name, content in contents.items():
        write_image(folder / name, content)
    if definition:
        (folder / "strongroom.toml").write_text(definition)


def age(path: Path, seconds: float = 60) -> None:
    """Make the file's content look old; its ctime cannot be set, so wait for that one where it matters."""
    facts = path.stat()
    then = facts.st_mtime_ns - int(seconds * 1e9)
    os.utime(path, ns=(then, then))


__all__ = ["MIB", "age", "patchwork", "write_image", "write_machine"]
