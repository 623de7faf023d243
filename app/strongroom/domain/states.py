"""The closed vocabularies of jobs, items and machines: one spelling for code, catalog, screens and documents."""

from __future__ import annotations

from enum import StrEnum


class WorkloadType(StrEnum):
    """What a source yields; the first filter on every list (feature A2)."""

    KVM = "KVM Virtual Machine"
    DISK_IMAGE = "Disk Image Machine"


class PowerState(StrEnum):
    RUNNING = "running"
    OFF = "off"
    PAUSED = "paused"
    UNKNOWN = "unknown"


class AgentState(StrEnum):
    """Whether the guest agent answers."""

    CONNECTED = "connected"
    SILENT = "silent"
    NONE = "none"


class RegistrationStatus(StrEnum):
    DISCOVERED = "Discovered"
    REGISTERING = "Registering"
    REGISTERED = "Registered"
    FAILED = "Registration failed"
    VANISHED = "Vanished"
    UNREGISTERING = "Unregistering"


class ProtectionStatus(StrEnum):
    NONE = "Not protected"
    PENDING = "Protected - (pending initial backup)"
    PROTECTED = "Protected"
    ERROR = "Protection error"
    STOPPED = "Protection stopped"
    SUSPENDED = "Backups suspended"


BACKED_UP = frozenset({ProtectionStatus.PENDING, ProtectionStatus.PROTECTED, ProtectionStatus.ERROR})
"""The states in which a policy's slots come due."""


class Operation(StrEnum):
    DISCOVER = "Discover"
    REGISTER = "Register"
    UNREGISTER = "Unregister"
    CONFIGURE_PROTECTION = "Configure Protection"
    BACKUP = "Backup"
    RESTORE = "Restore"
    STOP_PROTECTION = "Stop Protection"
    DELETE_DATA = "Delete Backup Data"
    VERIFY = "Verify"
    PRUNE = "Prune"
    COLLECT = "Collect"


class JobStatus(StrEnum):
    QUEUED = "Queued"
    IN_PROGRESS = "In progress"
    COMPLETED = "Completed"
    WARNINGS = "Completed with warnings"
    FAILED = "Failed"
    CANCELLING = "Cancelling"
    CANCELLED = "Cancelled"
    SKIPPED = "Skipped"


ENDED = frozenset({JobStatus.COMPLETED, JobStatus.WARNINGS, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.SKIPPED})
LIVE = frozenset(JobStatus) - ENDED


class SubTaskStatus(StrEnum):
    PENDING = "Pending"
    IN_PROGRESS = "In progress"
    COMPLETED = "Completed"
    WARNINGS = "Completed with warnings"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


class Consistency(StrEnum):
    """How consistent a recovery point is (feature A12), best last."""

    CRASH = "crash-consistent"
    FILE_SYSTEM = "file-system-consistent"
    APPLICATION = "application-consistent"


class ReadMode(StrEnum):
    """How one disk is read in one backup (feature B1)."""

    FULL = "full"  # no parent: everything is read and stored unless deduplicated
    COMPARE = "compare"  # everything is read, only what differs from the parent is stored
    INCREMENTAL = "incremental"  # change tracking names what to read
    UNCHANGED = "unchanged"  # the source proves that nothing changed: nothing is read


class Trigger(StrEnum):
    """Why a job exists."""

    OPERATOR = "operator"
    SCHEDULE = "schedule"
    RETRY = "retry"
    SERVICE = "service"
