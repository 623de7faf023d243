"""The service's copy of each vault's key, and repositories opened with it."""

from __future__ import annotations

from pathlib import Path

from strongroom.catalog.entities import Vault
from strongroom.engine.context import Context
from strongroom.repository.errors import RepositoryNotFound
from strongroom.repository.keys.keyring import MasterKey, read_key_file
from strongroom.repository.repository import Repository
from strongroom.repository.store.local import LocalStore


def load_key(context: Context, vault: Vault) -> MasterKey:
    """The vault's key; raises ``KeyMissing`` or ``KeyWrong``."""
    return read_key_file(context.paths.key_file(vault.uid))


def open_store(path: str) -> LocalStore:
    """The store at ``path`` or ``RepositoryNotFound``."""
    if not Path(path).is_dir():
        raise RepositoryNotFound(
            f"There is no repository at {path}",
            cause="the folder does not exist or is not mounted",
            action="Mount it, then run the command again.",
        )
    return LocalStore(Path(path))


def open_repository(context: Context, vault: Vault) -> Repository:
    """The vault's repository, unlocked with the service's key."""
    return Repository.open(open_store(vault.repository_path), load_key(context, vault))
