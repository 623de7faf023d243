"""Registered and protected items (features A4-A9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from strongroom.catalog.entities.columns import enum_column, json_column, new_uid
from strongroom.domain.states import ProtectionStatus, RegistrationStatus, WorkloadType


class Item(SQLModel, table=True):
    """A machine associated with a vault, and its protection.

    Name and cloud service are copies, so that the item outlives its machine: a deleted machine can still be restored.
    """

    __table_args__ = (
        Index("item_listing", "vault_id", "name", "cloud_service", "id", "registration", "protection", "workload_type"),
        Index("item_by_name", "name", "cloud_service"),
    )

    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(default_factory=new_uid, unique=True)  # the machine id under which the repository knows it
    vault_id: int = Field(foreign_key="vault.id")
    machine_id: int | None = Field(default=None, foreign_key="machine.id", unique=True, ondelete="SET NULL")
    policy_id: int | None = Field(default=None, foreign_key="policy.id", index=True)
    identity: str = Field(unique=True)
    name: str
    cloud_service: str
    region: str
    workload_type: WorkloadType = Field(sa_column=enum_column(WorkloadType))
    registration: RegistrationStatus = Field(sa_column=enum_column(RegistrationStatus))
    registration_error: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    protection: ProtectionStatus = Field(sa_column=enum_column(ProtectionStatus))
    protection_error: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    failed_in_a_row: int = 0
    registered_at: datetime | None = None
    protected_at: datetime | None = None
    last_backup_at: datetime | None = None  # when the last backup job ended, however it ended
    last_backup_status: str = ""
    excluded_disks: list[str] = Field(default_factory=list, sa_column=json_column())
