"""The images provider keeps the contract of every provider."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from strongroom.providers.images import factory
from strongroom.testing.provider_suite import ProviderSuite, Specimen
from tests.contract.providers.machines import MIB, patchwork, write_machine

DEFINITION = """
name = "ledger"
cloud_service = "hall-a"
os = "Debian 12"
disks = ["system.qcow2", { file = "data.raw" }, { file = "scratch.raw", include = false }]
"""


class TestImagesProvider(ProviderSuite):
    @pytest.fixture
    def specimen(self, tmp_path: Path) -> Specimen:
        folder = tmp_path / "vm" / "hall-a" / "ledger"
        contents = {"system.qcow2": patchwork(5 * MIB, 1), "data.raw": patchwork(3 * MIB + 1, 2)}
        write_machine(folder, {**contents, "scratch.raw": patchwork(MIB, 3)}, DEFINITION)

        def disturb() -> None:
            with (folder / "data.raw").open("r+b") as file:
                file.seek(MIB)
                file.write(b"written behind the provider's back")

        return Specimen(
            factory=factory,
            address=f"images:{tmp_path / 'vm'}",
            region="Frankfurt",
            native_id=str(folder),
            contents=contents,
            free_service="hall-b",
            disturb=disturb,
            vanish=lambda: shutil.rmtree(folder),
            settle=lambda: time.sleep(2.1),
        )


class TestSingleImage(ProviderSuite):
    @pytest.fixture
    def specimen(self, tmp_path: Path) -> Specimen:
        image = tmp_path / "kiosk.raw"
        content = patchwork(2 * MIB - 1, 4)
        image.write_bytes(content)

        def disturb() -> None:
            with image.open("r+b") as file:
                file.write(b"written behind the provider's back")

        return Specimen(
            factory=factory,
            address=f"images://{tmp_path}",
            region="Dublin",
            native_id=str(image),
            contents={"kiosk.raw": content},
            free_service=tmp_path.name,
            disturb=disturb,
            vanish=image.unlink,
            settle=lambda: time.sleep(2.1),
        )
