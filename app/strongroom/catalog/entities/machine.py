"""Machines as discovery last saw them (feature A3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from strongroom.catalog.entities.columns import enum_column, json_column
from strongroom.domain.states import AgentState, PowerState, WorkloadType


class Machine(SQLModel, table=True):
    """A machine at a source; ``identity`` is what makes it the same machine in every later discovery."""

    __table_args__ = (
        Index("machine_listing", "region", "name", "cloud_service", "id", "identity", "workload_type", "vanished_at"),
        Index("machine_by_name", "name", "cloud_service"),
    )

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(foreign_key="source.id", index=True, ondelete="CASCADE")
    identity: str = Field(unique=True)
    native_id: str
    name: str
    cloud_service: str
    region: str
    workload_type: WorkloadType = Field(sa_column=enum_column(WorkloadType))
    power: PowerState = Field(sa_column=enum_column(PowerState))
    agent: AgentState = Field(sa_column=enum_column(AgentState))
    operating_system: str = ""
    disks: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    first_seen_at: datetime
    last_seen_at: datetime
    vanished_at: datetime | None = None
