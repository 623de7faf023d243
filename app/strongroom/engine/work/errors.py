"""How work ends in a worker without the operator's doing."""

from __future__ import annotations

from strongroom.domain.errors import StrongroomError


class ServiceLost(StrongroomError):
    """The service went away while a worker ran; the work was given up and nothing was committed."""

    retryable = True
    default_action = "It runs again with the next scheduled backup, or now: strongroom job retry ID"


class WorkUnknown(StrongroomError):
    """The worker was told an operation that it does not know: service and worker are of different versions."""

    default_action = "Restart the service."


class ConsistencyRefused(StrongroomError):
    """The policy refuses recovery points below a level, and this one would be."""

    default_action = "Repair what the cause names, or edit the policy's consistency wish."


class DataDamaged(StrongroomError):
    """Some of the recovery point's data in the repository is damaged."""

    default_action = "List what is affected: strongroom repo check --read-data; restore another point, or its disks only."
