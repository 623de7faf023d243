"""The writer's bookkeeping beyond what small images reach (A16)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strongroom.domain.disk import ExtentKind
from strongroom.providers.images import qcow2_writer
from strongroom.providers.images.chain import open_chain
from strongroom.providers.images.formats import ImageFormat
from strongroom.providers.images.qcow2_writer import Qcow2Target
from tests.contract.providers.machines import MIB, patchwork

TABLE_SPAN = 512 * MIB


def test_tables_that_leave_the_cache_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A16: memory does not grow with the disk, and nothing is forgotten."""
    monkeypatch.setattr(qcow2_writer, "_CACHED_TABLES", 2)
    target = Qcow2Target(tmp_path / "a.qcow2", 10 * TABLE_SPAN)
    for turn in (1, 2):
        for table in range(10):
            target.write(table * TABLE_SPAN + turn * 65536, memoryview(bytes([table + 1]) * 100))
    target.finish()
    target.close()
    chain = open_chain(tmp_path / "a.qcow2", ImageFormat.QCOW2, tmp_path)
    for table in range(10):
        for turn in (1, 2):
            read = bytearray(200)
            chain.read_into(table * TABLE_SPAN + turn * 65536, memoryview(read))
            assert read == bytes([table + 1]) * 100 + bytes(100)
    assert sum(extent.length for extent in chain.extents() if extent.kind is ExtentKind.DATA) == 20 * 65536
    chain.close()


def test_many_threads_write_one_disk(tmp_path: Path) -> None:
    """A16: ranges that do not overlap, even within one cluster."""
    content = patchwork(4 * MIB, 5)
    target = Qcow2Target(tmp_path / "a.qcow2", len(content))
    pieces = [(start, content[start : start + 10_007]) for start in range(0, len(content), 10_007)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda piece: target.write(piece[0], memoryview(piece[1])), pieces))
    target.finish()
    target.close()
    chain = open_chain(tmp_path / "a.qcow2", ImageFormat.QCOW2, tmp_path)
    read = bytearray(len(content))
    chain.read_into(0, memoryview(read))
    chain.close()
    assert read == content


def test_a_half_written_file_is_no_image(tmp_path: Path) -> None:
    """A16: the header comes last."""
    target = Qcow2Target(tmp_path / "a.qcow2", MIB)
    target.write(0, memoryview(b"x" * 65536))
    target.close()
    assert not (tmp_path / "a.qcow2").read_bytes().startswith(b"QFI")
