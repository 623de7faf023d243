"""«Unchanged» is believed only with every part of its proof (B1, invariant 10)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.providers.images.filesystem import LOCAL, file_system_type
from strongroom.providers.images.stamps import FileStamp, compare, record

START_NS = 1_800_000_000_000_000_000
OLD_NS = START_NS - 2_000_000_000
TOP = FileStamp("/vm/a.qcow2", 1, 10, 5000, OLD_NS, OLD_NS)
BASE = FileStamp("/vm/base.raw", 1, 11, 9000, OLD_NS - 5, OLD_NS - 5)


def test_equal_stamps_old_enough_on_a_local_file_system_prove_it() -> None:
    """B1: exactly two seconds are enough."""
    previous = record([TOP, BASE], started_at_ns=START_NS, local=True)
    assert compare(previous, [TOP, BASE], local=True).unchanged


@pytest.mark.parametrize(
    ("now", "word"),
    [
        ([replace(TOP, inode=12), BASE], "replaced"),
        ([replace(TOP, device=2), BASE], "replaced"),
        ([replace(TOP, size_bytes=5001), BASE], "size"),
        ([replace(TOP, mtime_ns=OLD_NS - 1), BASE], "written"),
        ([replace(TOP, ctime_ns=OLD_NS - 1), BASE], "changed"),
        ([TOP, replace(BASE, ctime_ns=OLD_NS)], "base.raw"),
        ([TOP], "number of backing files"),
        ([TOP, BASE, BASE], "number of backing files"),
    ],
)
def test_any_difference_in_any_file_is_a_reason_to_read(now: list[FileStamp], word: str) -> None:
    """B1: the image and every backing file."""
    facts = compare(record([TOP, BASE], started_at_ns=START_NS, local=True), now, local=True)
    assert not facts.unchanged
    assert not facts.usable
    assert word in facts.reason


@pytest.mark.parametrize("young", [replace(TOP, mtime_ns=OLD_NS + 1), replace(TOP, ctime_ns=OLD_NS + 1)])
def test_a_file_written_just_before_the_read_proves_nothing(young: FileStamp) -> None:
    """B1: a second write in the same step of the clock would leave the same stamp."""
    facts = compare(record([young], started_at_ns=START_NS, local=True), [young], local=True)
    assert not facts.unchanged
    assert "2 s" in facts.reason


@pytest.mark.parametrize(("then", "now"), [(True, False), (False, True), (False, False)])
def test_a_network_file_system_proves_nothing(then: bool, now: bool) -> None:
    """B1: its times come from caches."""
    facts = compare(record([TOP], started_at_ns=START_NS, local=then), [TOP], local=now)
    assert not facts.unchanged
    assert "local" in facts.reason


def test_the_file_system_of_an_open_file_is_known() -> None:
    """B1: /proc is none of the local ones."""
    with Path("/proc/self/status").open("rb") as file:
        assert file_system_type(file.fileno()) == "proc"
    assert "proc" not in LOCAL
    assert not {"nfs", "nfs4", "cifs", "fuse", "9p", "virtiofs"} & LOCAL
