"""What a repository remembers of its vault: its events folded to the last state of everything, completed by its manifests (feature C4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from strongroom.domain.errors import StrongroomError
from strongroom.domain.states import ProtectionStatus, RegistrationStatus
from strongroom.engine.chronicle import (
    ITEM_REMOVED,
    ITEM_SAVED,
    POINT_HELD,
    POINT_VERIFIED,
    POLICY_DELETED,
    POLICY_SAVED,
    VAULT_SAVED,
)
from strongroom.repository.journal import Event, replay
from strongroom.repository.manifest import Manifest
from strongroom.repository.protocol.prune_record import pruned_keys
from strongroom.repository.repository import Repository


@dataclass
class History:
    """The last state of everything, by the identities that repository and catalog share; ``warnings`` say what was lost."""

    vault: dict[str, Any] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    held: dict[str, str | None] = field(default_factory=dict)
    verified: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    manifests: list[Manifest] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_history(repository: Repository) -> History:
    """Everything that the repository tells. A damaged journal costs policies and states, never recovery points: the manifests stand alone."""
    history = History(manifests=_manifests(repository))
    try:
        _fold(history, replay(repository))
    except StrongroomError as error:
        history.warnings.append(f"the journal is damaged, later events are lost: {error}")
    _complete(history, repository)
    return history


def _fold(history: History, events: Iterable[Event]) -> None:
    for event in events:
        payload = dict(event.payload)
        match event.kind:
            case kind if kind == VAULT_SAVED:
                history.vault = payload
            case kind if kind == POLICY_SAVED:
                history.policies[payload["uid"]] = payload
            case kind if kind == POLICY_DELETED:
                history.policies.pop(payload["uid"], None)
            case kind if kind == ITEM_SAVED:
                history.items[payload["uid"]] = payload
            case kind if kind == ITEM_REMOVED:
                history.items.pop(payload["uid"], None)
            case kind if kind == POINT_HELD:
                history.held[payload["manifest_key"]] = payload["until"]
            case kind if kind == POINT_VERIFIED:
                history.verified.update({point: (payload["at"], found) for point, found in payload["findings"].items()})


def _manifests(repository: Repository) -> list[Manifest]:
    given_up = pruned_keys(repository)
    return [manifest for manifest in repository.manifests() if manifest.commit_key not in given_up]


def _complete(history: History, repository: Repository) -> None:
    """What only manifests tell: items whose events are lost come back stopped, so that nothing of them expires."""
    for manifest in history.manifests:
        facts = manifest.facts
        if manifest.machine_id not in history.items:
            history.items[manifest.machine_id] = {
                **facts["item"],
                "registration": RegistrationStatus.REGISTERED.value,
                "protection": ProtectionStatus.STOPPED.value,
                "policy_uid": "",
                "native_id": facts["machine"]["native_id"],
                "source_address": facts["source"]["address"],
                "source_region": facts["source"]["region"],
                "excluded_disks": [],
            }
    if not history.vault:
        region = next((item["region"] for item in history.items.values()), "unknown")
        history.vault = {"uid": repository.id, "name": f"rebuilt-{repository.id[:8]}", "region": region, "redundancy": "local"}
