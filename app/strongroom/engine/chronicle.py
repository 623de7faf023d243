"""The vault's history inside its own repository: an event is durable before its row (``docs/design/ordering.md``).

Events carry whole states, not changes, so that ``rebuild`` folds them by keeping the last one of each object.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Mapping
from typing import Any

from strongroom.catalog.entities import Item, Machine, Policy, Source, Vault
from strongroom.domain.states import ProtectionStatus, RegistrationStatus
from strongroom.engine.context import Context
from strongroom.engine.keyring import open_repository
from strongroom.repository.journal import Journal
from strongroom.repository.repository import Repository

VAULT_SAVED = "vault.saved"
POLICY_SAVED = "policy.saved"
POLICY_DELETED = "policy.deleted"
ITEM_SAVED = "item.saved"
ITEM_REMOVED = "item.removed"
POINT_HELD = "point.held"
POINT_VERIFIED = "point.verified"

_journals: dict[str, Journal] = {}
_telling = threading.Lock()
"""One open journal per vault and process: it knows the end of its chain, so that ten thousand registrations do not list ten thousand events each."""


def tell(context: Context, vault: Vault, kind: str, payload: Mapping[str, Any], *, repository: Repository | None = None) -> None:
    """Append one event to the vault's repository; returns when it is durable."""
    with _telling:
        journal = _journals.get(vault.uid)
        if journal is None:
            journal = _journals[vault.uid] = Journal(repository or open_repository(context, vault), _writer())
        journal.append(kind, {**payload, "caller": context.caller})


def _writer() -> str:
    """This host and user; processes that share the name take turns."""
    host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:40]
    return f"{host or 'host'}-{os.getuid()}"


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
