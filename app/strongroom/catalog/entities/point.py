"""Recovery points: rows that mirror the repository's manifests (features A12, A14)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel, UniqueConstraint

from strongroom.catalog.entities.columns import enum_column, json_column
from strongroom.domain.states import Consistency


class RecoveryPoint(SQLModel, table=True):
    """A committed backup. ``facts`` repeats the manifest's own facts; sizes are bytes of the disks' used content, read and stored."""

    __table_args__ = (
        UniqueConstraint("vault_id", "manifest_key"),
        Index("point_of_item", "item_id", "taken_at", "id"),
        Index("point_sums", "vault_id", "item_id", "taken_at", "used_bytes"),
        Index("damaged_point", "vault_id", "item_id", sqlite_where=text("damaged != '[]'")),
    )

    id: int | None = Field(default=None, primary_key=True)
    vault_id: int = Field(foreign_key="vault.id")
    item_id: int = Field(foreign_key="item.id")
    manifest_key: str
    seq: int
    taken_at: datetime
    committed_at: datetime
    consistency: Consistency = Field(sa_column=enum_column(Consistency))
    consistency_reason: str
    disks: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    used_bytes: int = 0
    read_bytes: int = 0
    stored_bytes: int = 0
    tags: list[str] = Field(default_factory=list, sa_column=json_column())
    expires_at: datetime | None = Field(default=None, index=True)  # None: never
    expiry_reason: str = ""
    held_until: datetime | None = None
    verified_at: datetime | None = None
    damaged: list[str] = Field(default_factory=list, sa_column=json_column())  # what a verification found, in words; empty = nothing
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
