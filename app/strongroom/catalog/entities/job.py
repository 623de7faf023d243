"""Jobs and their sub-tasks: the queue, the progress and the record in one row (feature A13)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from strongroom.catalog.entities.columns import enum_column, json_column, new_uid
from strongroom.domain.states import LIVE, JobStatus, Operation, SubTaskStatus, Trigger, WorkloadType

_LIVE = "status IN (" + ", ".join(f"'{status.value}'" for status in sorted(LIVE)) + ")"


class Job(SQLModel, table=True):
    """One attempt at one operation. The two partial unique indexes are the rule «one operation per item at a time» (feature A18)."""

    __table_args__ = (
        Index("one_live_job_per_item", "item_id", unique=True, sqlite_where=text(_LIVE)),
        Index("one_live_discovery_per_source", "source_id", unique=True, sqlite_where=text(_LIVE)),
        Index("job_by_status", "status", "id"),
        Index("job_by_end", "vault_id", "ended_at", "status"),
        Index("job_of_item", "item_id", "id"),
        Index("job_of_source", "source_id", "id"),
        # Everything that the list of jobs is filtered by, so that a search through 100,000 of them reads this index alone.
        Index(
            "job_listing",
            "vault_id",
            "id",
            "status",
            "operation",
            "workload_type",
            "started_at",
            "queued_at",
            "workload_name",
            "cloud_service",
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(default_factory=new_uid, unique=True)  # also the repository session's id and the stem of every name on a host
    batch: str = Field(default="", index=True)
    operation: Operation = Field(sa_column=enum_column(Operation))
    status: JobStatus = Field(default=JobStatus.QUEUED, sa_column=enum_column(JobStatus))
    trigger: Trigger = Field(default=Trigger.OPERATOR, sa_column=enum_column(Trigger))
    caller: str = ""
    vault_id: int | None = Field(default=None, foreign_key="vault.id", ondelete="SET NULL")
    item_id: int | None = Field(default=None, foreign_key="item.id", ondelete="SET NULL")
    source_id: int | None = Field(default=None, foreign_key="source.id", ondelete="SET NULL")
    workload_name: str
    cloud_service: str = ""
    workload_type: WorkloadType | None = Field(default=None, sa_column=enum_column(WorkloadType, nullable=True))
    request: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    queued_at: datetime
    not_before_at: datetime | None = None  # a retry waits until then
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempt: int = 1
    retry_of: int | None = Field(default=None, foreign_key="job.id", index=True, ondelete="SET NULL")
    cancel_requested_at: datetime | None = None
    waiting_for: str = ""  # why a queued job does not start, in words («KeyMissing: …»)
    worker: str = ""  # host:boot:pid:start of whoever runs it
    commit_key: str = ""  # where the repository's manifest will be, declared before anything is written
    progress: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    result: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    warnings: list[str] = Field(default_factory=list, sa_column=json_column())
    error: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    point_id: int | None = Field(default=None, foreign_key="recoverypoint.id", index=True, ondelete="SET NULL")


class SubTask(SQLModel, table=True):
    """A step of a job, shown in its details (feature A10)."""

    __table_args__ = (Index("subtask_of_job", "job_id", "position", unique=True),)

    id: int | None = Field(default=None, primary_key=True)
    job_id: int = Field(foreign_key="job.id", ondelete="CASCADE")
    position: int
    name: str
    status: SubTaskStatus = Field(default=SubTaskStatus.PENDING, sa_column=enum_column(SubTaskStatus))
    started_at: datetime | None = None
    ended_at: datetime | None = None
    done_bytes: int = 0
    total_bytes: int = 0
    detail: str = ""
