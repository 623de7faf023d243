"""The vault's history inside its own repository: an event is durable before its row (``docs/design/ordering.md``).

Events carry whole states, not changes, so that ``rebuild`` folds them by keeping the last one of each object.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from strongroom.catalog.entities import Item, Machine, Policy, Source, Vault
from strongroom.domain.states import ProtectionStatus, RegistrationStatus
from strongroom.engine.context import Context
from strongroom.engine.keyring import open_repository
from strongroom.repository.errors import ObjectExists
from strongroom.repository.journal import Journal
from strongroom.repository.repository import Repository

VAULT_SAVED = "vault.saved"
POLICY_SAVED = "policy.saved"
POLICY_DELETED = "policy.deleted"
ITEM_SAVED = "item.saved"
ITEM_REMOVED = "item.removed"
POINT_HELD = "point.held"
POINT_VERIFIED = "point.verified"

_ATTEMPTS = 8
"""Two processes of one installation share a writer name; the loser of a race reads the chain again."""


def tell(context: Context, vault: Vault, kind: str, payload: Mapping[str, Any], *, repository: Repository | None = None) -> None:
    """Append one event to the vault's repository; returns when it is durable."""
    target = repository or open_repository(context, vault)
    writer = f"{socket.gethostname()[:40]}-{os.getuid()}"
    for attempt in range(_ATTEMPTS):
        try:
            Journal(target, writer).append(kind, {**payload, "caller": context.caller})
        except ObjectExists:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def vault_state(vault: Vault) -> dict[str, Any]:
    """A vault as ``rebuild`` needs it."""
    return {"uid": vault.uid, "name": vault.name, "region": vault.region, "redundancy": vault.redundancy}


def policy_state(policy: Policy) -> dict[str, Any]:
    """A policy as ``rebuild`` needs it."""
    return {"uid": policy.uid, "name": policy.name, "spec": policy.spec}


def item_state(
    item: Item,
    *,
    policy: Policy | None,
    machine: Machine | None,
    source: Source | None,
    registration: RegistrationStatus,
    protection: ProtectionStatus,
) -> dict[str, Any]:
    """An item as ``rebuild`` needs it, in the state that it is about to have."""
    return {
        "uid": item.uid,
        "identity": item.identity,
        "name": item.name,
        "cloud_service": item.cloud_service,
        "region": item.region,
        "workload_type": item.workload_type.value,
        "registration": registration.value,
        "protection": protection.value,
        "policy_uid": policy.uid if policy else "",
        "native_id": machine.native_id if machine else "",
        "source_address": source.address if source else "",
        "source_region": source.region if source else "",
        "excluded_disks": list(item.excluded_disks),
    }
