"""``strongroom.toml`` is checked to the line and survives being written again (A3, A16)."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.providers.errors import SourceInvalid
from strongroom.providers.images.definition import StatedDisk, StatedMachine, read_definition, write_definition
from strongroom.providers.images.formats import ImageFormat


def read(tmp_path: Path, text: str) -> StatedMachine:
    (tmp_path / "strongroom.toml").write_text(text)
    return read_definition(tmp_path)


def test_a_folder_without_a_file_states_nothing(tmp_path: Path) -> None:
    """A3: the file is optional."""
    assert read_definition(tmp_path) == StatedMachine()


def test_disks_are_names_or_tables(tmp_path: Path) -> None:
    """B8: order, format and exclusion."""
    stated = read(tmp_path, 'disks = ["b.raw", { file = "a.img", format = "qcow2", include = false }]')
    assert stated.disks == (StatedDisk("b.raw"), StatedDisk("a.img", ImageFormat.QCOW2, include=False))


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    """A16: hostile names too."""
    stated = StatedMachine(
        name='we"ird [bold]\n名前',
        cloud_service="hall\\a",
        region="Zürich",
        operating_system="Debian 12",
        disks=(StatedDisk('di"sk\n名.raw', ImageFormat.RAW), StatedDisk("b.img", ImageFormat.QCOW2, include=False)),
    )
    assert read(tmp_path, write_definition(stated)) == stated


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ('name = "a"\nnmae = "b"\n', 2, "nmae"),
        ('name = "a"\n\n[network]\nbridge = "br0"\n', 3, "network"),
        ("name = 7\n", 1, "name"),
        ('name = "a"\ndisks = [{ file = "a.raw", size = 7 }]\n', 2, "size"),
        ('name = "a"\n[[disks]]\nfile = "a.raw"\nformat = "vmdk"\n', 4, "vmdk"),
        ('\ndisks = ["../a.raw"]\n', 2, "../a.raw"),
        ('\ndisks = ["a.raw", "a.raw"]\n', 2, "twice"),
        ('\n\ndisks = "a.raw"\n', 3, "list"),
        ('[[disks]]\nfile = "a.raw"\ninclude = "no"\n', 3, "include"),
        ('name = "a"\nos =\n', 2, "line 2"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, line: int, word: str) -> None:
    """A19: the file, the line, and what is wrong with it."""
    with pytest.raises(SourceInvalid) as caught:
        read(tmp_path, text)
    assert f"line {line}" in caught.value.cause
    assert word in caught.value.cause
    assert "strongroom.toml" in caught.value.message


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """A19"""
    (tmp_path / "strongroom.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(SourceInvalid):
        read_definition(tmp_path)
