"""Policies: schedule and retention by name (features A7, A8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel, UniqueConstraint

from strongroom.catalog.entities.columns import json_column, new_uid


class Policy(SQLModel, table=True):
    """A policy of one vault; ``spec`` is ``domain.policy.PolicySpec`` as JSON."""

    __table_args__ = (UniqueConstraint("vault_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(default_factory=new_uid, unique=True)
    vault_id: int = Field(foreign_key="vault.id")
    name: str
    spec: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    created_at: datetime
    updated_at: datetime
