"""The catalog's tables, one noun a file. An entity is the only class of its kind in the whole product."""

from strongroom.catalog.entities.audit import AuditEntry
from strongroom.catalog.entities.item import Item
from strongroom.catalog.entities.job import Job, SubTask
from strongroom.catalog.entities.machine import Machine
from strongroom.catalog.entities.point import RecoveryPoint
from strongroom.catalog.entities.policy import Policy
from strongroom.catalog.entities.schedule import Lease, Slot
from strongroom.catalog.entities.source import Source
from strongroom.catalog.entities.vault import Vault

__all__ = ["AuditEntry", "Item", "Job", "Lease", "Machine", "Policy", "RecoveryPoint", "Slot", "Source", "SubTask", "Vault"]
