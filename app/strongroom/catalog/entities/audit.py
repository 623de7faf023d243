"""Who did what (the audit log of feature B5, which comes with the core)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from strongroom.catalog.entities.columns import json_column


class AuditEntry(SQLModel, table=True):
    """One operation by one caller; written with the change itself and never altered."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(index=True)
    caller: str
    operation: str
    object: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
