"""What makes schedules fire exactly once: slots, and the lease of the one active scheduler (feature B12)."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint


class Slot(SQLModel, table=True):
    """One due run of one item, unique by its local wall time, so that a clock change can neither repeat nor lose it."""

    __table_args__ = (UniqueConstraint("policy_id", "item_id", "local_date", "local_time"),)

    id: int | None = Field(default=None, primary_key=True)
    policy_id: int = Field(foreign_key="policy.id", ondelete="CASCADE")
    item_id: int = Field(foreign_key="item.id", index=True, ondelete="CASCADE")
    local_date: str  # YYYY-MM-DD in the policy's zone
    local_time: str  # HH:MM
    due_at: datetime
    fired_at: datetime
    outcome: str  # «queued», «busy: job 12», «missed: caught up by the slot of …»
    job_id: int | None = Field(default=None, foreign_key="job.id", index=True, ondelete="SET NULL")
    token: int = 0  # the lease's fencing token under which it was fired


class Lease(SQLModel, table=True):
    """Who runs the service. ``counter`` moves at every renewal; others judge it by their own monotonic clock, never by wall time."""

    name: str = Field(primary_key=True)
    owner: str  # host:boot:pid:start
    counter: int = 0
    token: int = 0
    renewed_at: datetime  # for people only
