"""Our own stores keep the contract that plug-in authors get."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.repository.store.base import Store
from strongroom.repository.store.local import LocalStore
from strongroom.testing.store_suite import StoreSuite
from strongroom.testing.stores import FaultStore, MemoryStore, PowerLossStore


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestLocalStore(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return LocalStore.create(tmp_path / "repository")


class TestLocalStoreWithoutSync(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return LocalStore.create(tmp_path / "repository", fsync=False)


class TestPowerLossStore(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        LocalStore.create(tmp_path / "repository", fsync=False)
        return PowerLossStore(tmp_path / "repository", tmp_path / "graveyard")


class TestFaultStoreWithoutFault(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return FaultStore(MemoryStore())
