"""Sources: where machines run (feature A3)."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from strongroom.catalog.entities.columns import enum_column, new_uid
from strongroom.domain.states import WorkloadType


class Source(SQLModel, table=True):
    """A place that a provider can search for machines; belongs to the installation, not to a vault."""

    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(default_factory=new_uid, unique=True)
    address: str = Field(unique=True)
    region: str
    workload_type: WorkloadType = Field(sa_column=enum_column(WorkloadType))
    added_at: datetime
    discovered_at: datetime | None = None
