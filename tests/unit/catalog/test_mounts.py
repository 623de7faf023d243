from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.errors import CatalogOnNetwork
from strongroom.catalog.migration import build, migrate
from strongroom.catalog.mounts import file_system_type, require_local

TABLE = r"""
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /srv/nfs rw - nfs4 server:/export rw
31 30 8:2 / /srv/nfs/local\040disk rw shared:3 master:2 - xfs /dev/sdb1 rw
32 21 0:41 / /mnt rw - ext4 /dev/sdc1 rw
33 21 0:42 / /mnt rw - cifs //server/share rw
odd line
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/strongroom/catalog.db", "ext4"),
        ("/srv/nfs/catalog.db", "nfs4"),
        ("/srv/nfs", "nfs4"),
        ("/srv/nfsx/catalog.db", "ext4"),
        ("/srv/nfs/local disk/catalog.db", "xfs"),
        ("/mnt/catalog.db", "cifs"),
    ],
)
def test_the_innermost_and_latest_mount_decides_the_file_system(table: Path, tmp_path: Path, path: Path, kind: str) -> None:
    assert file_system_type(tmp_path.__class__(path), mount_table=table) == kind


def test_a_link_to_a_network_folder_is_looked_through(table: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/srv/nfs")
    with pytest.raises(CatalogOnNetwork) as caught:
        require_local(tmp_path / "link" / "catalog.db", mount_table=table)
    assert "nfs4" in caught.value.message


def test_without_a_mount_table_nothing_is_refused(tmp_path: Path) -> None:
    require_local(tmp_path / "catalog.db", mount_table=tmp_path / "missing")
    assert file_system_type(tmp_path, mount_table=tmp_path / "missing") == ""


@pytest.mark.parametrize("operation", [Catalog.open, Catalog.create, build, migrate])
def test_no_catalog_is_opened_made_or_migrated_on_a_network_file_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, operation: Callable[[Path], object]
) -> None:
    monkeypatch.setattr("strongroom.catalog.mounts.file_system_type", lambda *_, **__: "nfs4")
    with pytest.raises(CatalogOnNetwork):
        operation(tmp_path / "catalog.db")
    assert list(tmp_path.iterdir()) == []
