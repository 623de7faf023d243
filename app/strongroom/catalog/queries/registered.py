"""The list Registered Items: a vault's items, and below them the machines of its region that nobody has registered (A3-A6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlmodel import Session

from strongroom.catalog.queries.naming import called
from strongroom.catalog.queries.page import FIRST, OWN_ORDER, Cursor, Key, Listing, Order, Page, keys_for, page_of
from strongroom.catalog.queries.tables import ITEM, MACHINE, VAULT, fetch, number
from strongroom.catalog.queries.text import matches
from strongroom.domain.states import AgentState, PowerState, ProtectionStatus, RegistrationStatus, WorkloadType


@dataclass(frozen=True, slots=True)
class RegisteredRow:
    """An item (``item_id`` set) or a machine that no vault has (``item_id`` None, ``vault_name`` "").

    ``machine_id`` is None when the item's machine is gone from every source. ``used_bytes`` is None where the source does not know it;
    both sizes count the included disks.
    """

    machine_id: int | None
    item_id: int | None
    vault_name: str
    name: str
    cloud_service: str
    workload_type: WorkloadType
    region: str
    power: PowerState
    agent: AgentState
    status: RegistrationStatus
    error: dict[str, Any]
    disks: tuple[dict[str, Any], ...]
    used_bytes: int | None
    size_bytes: int
    protection: ProtectionStatus


@dataclass(frozen=True, slots=True)
class ElsewhereRow:
    """An unregistered machine of another region, and the vaults that would take it (feature A5)."""

    machine_id: int
    name: str
    cloud_service: str
    workload_type: WorkloadType
    region: str
    vault_names: tuple[str, ...]


_ITEM_COLUMNS = (
    ITEM.c.id,
    ITEM.c.machine_id,
    VAULT.c.name.label("vault_name"),
    ITEM.c.name,
    ITEM.c.cloud_service,
    ITEM.c.workload_type,
    ITEM.c.region,
    ITEM.c.registration,
    ITEM.c.registration_error,
    ITEM.c.protection,
    MACHINE.c.power,
    MACHINE.c.agent,
    MACHINE.c.disks,
)
_MACHINE_COLUMNS = (
    MACHINE.c.id,
    MACHINE.c.name,
    MACHINE.c.cloud_service,
    MACHINE.c.workload_type,
    MACHINE.c.region,
    MACHINE.c.power,
    MACHINE.c.agent,
    MACHINE.c.disks,
    MACHINE.c.vanished_at,
)
_ITEM_KEYS = (Key(ITEM.c.name), Key(ITEM.c.cloud_service), Key(ITEM.c.id))
_MACHINE_KEYS = (Key(MACHINE.c.name), Key(MACHINE.c.cloud_service), Key(MACHINE.c.id))
_ITEM_SORTS = {
    "name": ITEM.c.name,
    "cloud_service": ITEM.c.cloud_service,
    "workload_type": ITEM.c.workload_type,
    "status": ITEM.c.registration,
}
_MACHINE_SORTS = {
    "name": MACHINE.c.name,
    "cloud_service": MACHINE.c.cloud_service,
    "workload_type": MACHINE.c.workload_type,
    "status": MACHINE.c.name,
}
UNREGISTERED = ~exists().where(ITEM.c.identity == MACHINE.c.identity)
"""By identity, so that a machine that was forgotten and found again is still known as its item's."""

_ITEMS_PART, _MACHINES_PART = "i", "m"


def registered(
    session: Session,
    vault_id: int,
    *,
    workload_type: WorkloadType | None = None,
    text: str = "",
    status: RegistrationStatus | None = None,
    page: Page = FIRST,
    order: Order = OWN_ORDER,
) -> Listing[RegisteredRow]:
    """The vault's items, then the unregistered machines of its region (Discovered, or Vanished), each by name and cloud service.

    ``order`` may name name, cloud_service, workload_type or status; items stay above machines.
    """
    items = _item_conditions(vault_id, workload_type, text, status)
    machines = _machine_conditions(_region_of(vault_id), workload_type, text, status)
    found: list[RegisteredRow] = []
    following: Cursor | None = None
    part, after = _place(page.after)
    if part == _ITEMS_PART:
        rows, inner = page_of(session, _items().where(*items), keys_for(order, _ITEM_KEYS, _ITEM_SORTS), Page(page.limit, after))
        found = [_item_row(row) for row in rows]
        following, after = inner and _ITEMS_PART + inner, None
    if following is None and len(found) < page.limit:
        rest = Page(page.limit - len(found), after)
        rows, inner = page_of(session, select(*_MACHINE_COLUMNS).where(*machines), keys_for(order, _MACHINE_KEYS, _MACHINE_SORTS), rest)
        found.extend(_machine_row(row) for row in rows)
        following = inner and _MACHINES_PART + inner
    below = _count(session, MACHINE.c.id, machines)
    if following is None and part == _ITEMS_PART and len(found) == page.limit and below and found[-1].item_id is not None:
        following = _MACHINES_PART  # the items fill the page to its last row: the machines begin on the next
    return Listing(tuple(found), following, _count(session, ITEM.c.id, items) + below)


def discovered_elsewhere(session: Session, vault_id: int, *, text: str = "", page: Page = FIRST) -> Listing[ElsewhereRow]:
    """Unregistered machines that the vault must refuse because they live in another region, by region, name and cloud service."""
    conditions = (
        MACHINE.c.region != _region_of(vault_id),
        MACHINE.c.vanished_at.is_(None),
        UNREGISTERED,
        matches(text, MACHINE.c.name, MACHINE.c.cloud_service),
    )
    rows, following = page_of(session, select(*_MACHINE_COLUMNS).where(*conditions), (Key(MACHINE.c.region), *_MACHINE_KEYS), page)
    takers = _vaults_by_region(session, {row.region for row in rows})
    found = tuple(
        ElsewhereRow(row.id, row.name, row.cloud_service, row.workload_type, row.region, tuple(takers.get(row.region, ()))) for row in rows
    )
    return Listing(found, following, _count(session, MACHINE.c.id, conditions))


def find_machine(session: Session, name: str, vault_id: int | None = None) -> list[RegisteredRow]:
    """Every item and unregistered machine called ``NAME`` or ``SERVICE/NAME``, items first; more than one is for the caller to refuse.

    With ``vault_id`` the items of other vaults are left out, machines of other regions are not, so that a refusal can say why.
    """
    items = [called(name, ITEM.c.name, ITEM.c.cloud_service)]
    if vault_id is not None:
        items.append(ITEM.c.vault_id == vault_id)
    found = [_item_row(row) for row in fetch(session, _items().where(*items).order_by(*(key.expression for key in _ITEM_KEYS)))]
    machines = select(*_MACHINE_COLUMNS).where(called(name, MACHINE.c.name, MACHINE.c.cloud_service), UNREGISTERED)
    rows = fetch(session, machines.order_by(*(key.expression for key in _MACHINE_KEYS)))
    return [*found, *(_machine_row(row) for row in rows)]


def _items() -> Select[Any]:
    joined = ITEM.join(VAULT, VAULT.c.id == ITEM.c.vault_id).outerjoin(MACHINE, MACHINE.c.id == ITEM.c.machine_id)
    return select(*_ITEM_COLUMNS).select_from(joined)


def _region_of(vault_id: int) -> Any:
    return select(VAULT.c.region).where(VAULT.c.id == vault_id).scalar_subquery()


def _item_conditions(
    vault_id: int, workload_type: WorkloadType | None, text: str, status: RegistrationStatus | None
) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [ITEM.c.vault_id == vault_id, matches(text, ITEM.c.name, ITEM.c.cloud_service)]
    if workload_type is not None:
        found.append(ITEM.c.workload_type == workload_type)
    if status is not None:
        found.append(ITEM.c.registration == status)
    return found


def _machine_conditions(
    region: Any, workload_type: WorkloadType | None, text: str, status: RegistrationStatus | None
) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [MACHINE.c.region == region, UNREGISTERED, matches(text, MACHINE.c.name, MACHINE.c.cloud_service)]
    if workload_type is not None:
        found.append(MACHINE.c.workload_type == workload_type)
    if status is RegistrationStatus.VANISHED:
        found.append(MACHINE.c.vanished_at.is_not(None))
    elif status is RegistrationStatus.DISCOVERED:
        found.append(MACHINE.c.vanished_at.is_(None))
    elif status is not None:
        found.append(MACHINE.c.id < 0)  # every other status is an item's
    return found


def _place(after: Cursor | None) -> tuple[str, Cursor | None]:
    """Which half a cursor points into, and where; the second half may begin at its beginning."""
    if after is None:
        return _ITEMS_PART, None
    return after[:1], after[1:] or None


def _count(session: Session, column: ColumnElement[Any], conditions: Iterable[ColumnElement[bool]]) -> int:
    return number(session, select(func.count(column)).where(*conditions))


def _vaults_by_region(session: Session, regions: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    rows = fetch(session, select(VAULT.c.region, VAULT.c.name).where(VAULT.c.region.in_(sorted(regions))).order_by(VAULT.c.name))
    for region, name in rows:
        found.setdefault(region, []).append(name)
    return found


def _item_row(row: Any) -> RegisteredRow:
    disks = tuple(row.disks or ())
    return RegisteredRow(
        machine_id=row.machine_id,
        item_id=row.id,
        vault_name=row.vault_name,
        name=row.name,
        cloud_service=row.cloud_service,
        workload_type=row.workload_type,
        region=row.region,
        power=row.power or PowerState.UNKNOWN,
        agent=row.agent or AgentState.NONE,
        status=row.registration,
        error=row.registration_error,
        disks=disks,
        used_bytes=_used_bytes(disks),
        size_bytes=_size_bytes(disks),
        protection=row.protection,
    )


def _machine_row(row: Any) -> RegisteredRow:
    disks = tuple(row.disks)
    return RegisteredRow(
        machine_id=row.id,
        item_id=None,
        vault_name="",
        name=row.name,
        cloud_service=row.cloud_service,
        workload_type=row.workload_type,
        region=row.region,
        power=row.power,
        agent=row.agent,
        status=RegistrationStatus.VANISHED if row.vanished_at else RegistrationStatus.DISCOVERED,
        error={},
        disks=disks,
        used_bytes=_used_bytes(disks),
        size_bytes=_size_bytes(disks),
        protection=ProtectionStatus.NONE,
    )


def _included(disks: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return (disk for disk in disks if disk.get("included", True))


def _size_bytes(disks: Iterable[dict[str, Any]]) -> int:
    return sum(disk.get("size_bytes", 0) for disk in _included(disks))


def _used_bytes(disks: Iterable[dict[str, Any]]) -> int | None:
    known = [disk["used_bytes"] for disk in _included(disks) if disk.get("used_bytes") is not None]
    return sum(known) if known else None
