"""Vaults (feature A1)."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from strongroom.catalog.entities.columns import new_uid


class Vault(SQLModel, table=True):
    """A vault: one region, one repository. ``repository_path`` is a local folder."""

    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(default_factory=new_uid, unique=True)
    name: str = Field(unique=True, max_length=50)
    region: str
    repository_path: str
    repository_id: str
    redundancy: str = "local"
    created_at: datetime
    recovery_confirmed_at: datetime | None = None
    rebuilt_at: datetime | None = None  # set by rebuild; prune and collect wait until the tips were confirmed
    tips_confirmed_at: datetime | None = None
    used_bytes: int = 0  # of the repository, as last measured by the service
    free_bytes: int | None = None
    measured_at: datetime | None = None
