"""A folder of images has one address, however it is written (A3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.providers.errors import SourceInvalid
from strongroom.providers.images.address import canonical


@pytest.mark.parametrize("address", ["images:/srv/vm", "images:///srv/vm", "images:/srv//vm/", "IMAGES:/srv/x/../vm/.", " images:/srv/vm "])
def test_every_spelling_becomes_one(address: str) -> None:
    """A3"""
    assert canonical(address) == "images:///srv/vm"


def test_a_relative_folder_counts_from_the_present_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A3"""
    monkeypatch.chdir(tmp_path)
    assert canonical("images:vm") == canonical("images:./vm") == f"images://{tmp_path}/vm"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert canonical("images:~/vm") == f"images://{tmp_path}/vm"


@pytest.mark.parametrize("address", ["images:", "images://host/vm", "qemu:/srv/vm", "images:/a\0b", "images:/a\udcff", "images"])
def test_what_is_no_folder_of_this_host_is_refused(address: str) -> None:
    """A19: with the reason."""
    with pytest.raises(SourceInvalid) as caught:
        canonical(address)
    assert caught.value.cause
