"""The catalog as first released."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WORKLOAD_TYPE = ("KVM Virtual Machine", "Disk Image Machine")
POWER_STATE = ("running", "off", "paused", "unknown")
AGENT_STATE = ("connected", "silent", "none")
REGISTRATION_STATUS = ("Discovered", "Registering", "Registered", "Registration failed", "Vanished", "Unregistering")
PROTECTION_STATUS = (
    "Not protected",
    "Protected - (pending initial backup)",
    "Protected",
    "Protection error",
    "Protection stopped",
    "Backups suspended",
)
CONSISTENCY = ("crash-consistent", "file-system-consistent", "application-consistent")
OPERATION = (
    "Discover",
    "Register",
    "Unregister",
    "Configure Protection",
    "Backup",
    "Restore",
    "Stop Protection",
    "Delete Backup Data",
    "Verify",
    "Prune",
    "Collect",
)
JOB_STATUS = ("Queued", "In progress", "Completed", "Completed with warnings", "Failed", "Cancelling", "Cancelled", "Skipped")
TRIGGER = ("operator", "schedule", "retry", "service")
SUB_TASK_STATUS = ("Pending", "In progress", "Completed", "Completed with warnings", "Failed", "Cancelled")


def upgrade() -> None:
    """Only forward: the way back is the copy that is made before every migration."""
    _auditentry()
    _lease()
    _source()
    _vault()
    _machine()
    _policy()
    _item()
    _recoverypoint()
    _job()
    _slot()
    _subtask()


def _choice(values: tuple[str, ...], name: str) -> sa.Enum:
    """Text that the database limits to these values."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=48)


def _auditentry() -> None:
    op.create_table(
        "auditentry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditentry")),
    )
    op.create_index("ix_auditentry_at", "auditentry", ["at"])


def _lease() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("renewed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )


def _source() -> None:
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("workload_type", _choice(WORKLOAD_TYPE, "workloadtype_value"), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("discovered_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("address", name=op.f("uq_source_address")),
        sa.UniqueConstraint("uid", name=op.f("uq_source_uid")),
    )


def _vault() -> None:
    op.create_table(
        "vault",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("repository_path", sa.String(), nullable=False),
        sa.Column("repository_id", sa.String(), nullable=False),
        sa.Column("redundancy", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("recovery_confirmed_at", sa.DateTime(), nullable=True),
        sa.Column("rebuilt_at", sa.DateTime(), nullable=True),
        sa.Column("tips_confirmed_at", sa.DateTime(), nullable=True),
        sa.Column("used_bytes", sa.Integer(), nullable=False),
        sa.Column("free_bytes", sa.Integer(), nullable=True),
        sa.Column("measured_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault")),
        sa.UniqueConstraint("name", name=op.f("uq_vault_name")),
        sa.UniqueConstraint("uid", name=op.f("uq_vault_uid")),
    )


def _machine() -> None:
    op.create_table(
        "machine",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("native_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cloud_service", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("workload_type", _choice(WORKLOAD_TYPE, "workloadtype_value"), nullable=False),
        sa.Column("power", _choice(POWER_STATE, "powerstate_value"), nullable=False),
        sa.Column("agent", _choice(AGENT_STATE, "agentstate_value"), nullable=False),
        sa.Column("operating_system", sa.String(), nullable=False),
        sa.Column("disks", sa.JSON(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(), nullable=False),
        sa.Column("vanished_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_machine_source_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine")),
        sa.UniqueConstraint("identity", name=op.f("uq_machine_identity")),
    )
    op.create_index("ix_machine_source_id", "machine", ["source_id"])
    op.create_index("machine_by_name", "machine", ["name", "cloud_service"])
    op.create_index("machine_listing", "machine", ["region", "name", "cloud_service", "id", "identity", "workload_type", "vanished_at"])


def _policy() -> None:
    op.create_table(
        "policy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("vault_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["vault_id"], ["vault.id"], name=op.f("fk_policy_vault_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy")),
        sa.UniqueConstraint("uid", name=op.f("uq_policy_uid")),
        sa.UniqueConstraint("vault_id", "name", name=op.f("uq_policy_vault_id_name")),
    )


def _item() -> None:
    op.create_table(
        "item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("vault_id", sa.Integer(), nullable=False),
        sa.Column("machine_id", sa.Integer(), nullable=True),
        sa.Column("policy_id", sa.Integer(), nullable=True),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cloud_service", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("workload_type", _choice(WORKLOAD_TYPE, "workloadtype_value"), nullable=False),
        sa.Column("registration", _choice(REGISTRATION_STATUS, "registrationstatus_value"), nullable=False),
        sa.Column("registration_error", sa.JSON(), nullable=False),
        sa.Column("protection", _choice(PROTECTION_STATUS, "protectionstatus_value"), nullable=False),
        sa.Column("protection_error", sa.JSON(), nullable=False),
        sa.Column("failed_in_a_row", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.DateTime(), nullable=True),
        sa.Column("protected_at", sa.DateTime(), nullable=True),
        sa.Column("last_backup_at", sa.DateTime(), nullable=True),
        sa.Column("last_backup_status", sa.String(), nullable=False),
        sa.Column("excluded_disks", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_item_machine_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"], name=op.f("fk_item_policy_id")),
        sa.ForeignKeyConstraint(["vault_id"], ["vault.id"], name=op.f("fk_item_vault_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("identity", name=op.f("uq_item_identity")),
        sa.UniqueConstraint("machine_id", name=op.f("uq_item_machine_id")),
        sa.UniqueConstraint("uid", name=op.f("uq_item_uid")),
    )
    op.create_index("item_by_name", "item", ["name", "cloud_service"])
    op.create_index("item_listing", "item", ["vault_id", "name", "cloud_service", "id", "registration", "protection", "workload_type"])
    op.create_index("ix_item_policy_id", "item", ["policy_id"])


def _recoverypoint() -> None:
    op.create_table(
        "recoverypoint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vault_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("manifest_key", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=False),
        sa.Column("committed_at", sa.DateTime(), nullable=False),
        sa.Column("consistency", _choice(CONSISTENCY, "consistency_value"), nullable=False),
        sa.Column("consistency_reason", sa.String(), nullable=False),
        sa.Column("disks", sa.JSON(), nullable=False),
        sa.Column("used_bytes", sa.Integer(), nullable=False),
        sa.Column("read_bytes", sa.Integer(), nullable=False),
        sa.Column("stored_bytes", sa.Integer(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("expiry_reason", sa.String(), nullable=False),
        sa.Column("held_until", sa.DateTime(), nullable=True),
        sa.Column("verified_at", sa.DateTime(), nullable=True),
        sa.Column("damaged", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_recoverypoint_item_id")),
        sa.ForeignKeyConstraint(["vault_id"], ["vault.id"], name=op.f("fk_recoverypoint_vault_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recoverypoint")),
        sa.UniqueConstraint("vault_id", "manifest_key", name=op.f("uq_recoverypoint_vault_id_manifest_key")),
    )
    op.create_index("damaged_point", "recoverypoint", ["vault_id", "item_id"], sqlite_where=sa.text("damaged != '[]'"))
    op.create_index("ix_recoverypoint_expires_at", "recoverypoint", ["expires_at"])
    op.create_index("point_of_item", "recoverypoint", ["item_id", "taken_at", "id"])
    op.create_index("point_sums", "recoverypoint", ["vault_id", "item_id", "taken_at", "used_bytes"])


def _job() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("operation", _choice(OPERATION, "operation_value"), nullable=False),
        sa.Column("status", _choice(JOB_STATUS, "jobstatus_value"), nullable=False),
        sa.Column("trigger", _choice(TRIGGER, "trigger_value"), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("vault_id", sa.Integer(), nullable=True),
        sa.Column("item_id", sa.Integer(), nullable=True),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("workload_name", sa.String(), nullable=False),
        sa.Column("cloud_service", sa.String(), nullable=False),
        sa.Column("workload_type", _choice(WORKLOAD_TYPE, "workloadtype_value"), nullable=True),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("queued_at", sa.DateTime(), nullable=False),
        sa.Column("not_before_at", sa.DateTime(), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retry_of", sa.Integer(), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(), nullable=True),
        sa.Column("waiting_for", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("commit_key", sa.String(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=False),
        sa.Column("point_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_job_item_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["point_id"], ["recoverypoint.id"], name=op.f("fk_job_point_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["retry_of"], ["job.id"], name=op.f("fk_job_retry_of"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_job_source_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["vault_id"], ["vault.id"], name=op.f("fk_job_vault_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("uid", name=op.f("uq_job_uid")),
    )
    op.create_index("ix_job_batch", "job", ["batch"])
    op.create_index("ix_job_point_id", "job", ["point_id"])
    op.create_index("ix_job_retry_of", "job", ["retry_of"])
    op.create_index("job_by_end", "job", ["vault_id", "ended_at", "status"])
    op.create_index("job_by_status", "job", ["status", "id"])
    op.create_index(
        "job_listing",
        "job",
        ["vault_id", "id", "status", "operation", "workload_type", "started_at", "queued_at", "workload_name", "cloud_service"],
    )
    op.create_index("job_of_item", "job", ["item_id", "id"])
    op.create_index("job_of_source", "job", ["source_id", "id"])
    op.create_index(
        "one_live_discovery_per_source",
        "job",
        ["source_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('Cancelling', 'In progress', 'Queued')"),
    )
    op.create_index(
        "one_live_job_per_item", "job", ["item_id"], unique=True, sqlite_where=sa.text("status IN ('Cancelling', 'In progress', 'Queued')")
    )


def _slot() -> None:
    op.create_table(
        "slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("local_date", sa.String(), nullable=False),
        sa.Column("local_time", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("fired_at", sa.DateTime(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_slot_item_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_slot_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"], name=op.f("fk_slot_policy_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot")),
        sa.UniqueConstraint(
            "policy_id", "item_id", "local_date", "local_time", name=op.f("uq_slot_policy_id_item_id_local_date_local_time")
        ),
    )
    op.create_index("ix_slot_item_id", "slot", ["item_id"])
    op.create_index("ix_slot_job_id", "slot", ["job_id"])


def _subtask() -> None:
    op.create_table(
        "subtask",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", _choice(SUB_TASK_STATUS, "subtaskstatus_value"), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("done_bytes", sa.Integer(), nullable=False),
        sa.Column("total_bytes", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_subtask_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subtask")),
    )
    op.create_index("subtask_of_job", "subtask", ["job_id", "position"], unique=True)
