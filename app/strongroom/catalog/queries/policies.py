"""Policies as lists and forms show them (features A7, A8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlmodel import Session

from strongroom.catalog.queries.page import FIRST, OWN_ORDER, Key, Listing, Order, Page, keys_for, page_of
from strongroom.catalog.queries.tables import ITEM, POLICY, fetch, number
from strongroom.catalog.queries.text import matches


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy; ``machines`` counts the items that have it, ``spec`` is ``domain.policy.PolicySpec`` as JSON."""

    policy_id: int
    uid: str
    vault_id: int
    name: str
    spec: dict[str, Any]
    machines: int
    updated_at: datetime


_MACHINES = select(func.count()).select_from(ITEM).where(ITEM.c.policy_id == POLICY.c.id).scalar_subquery()
_SORTABLE = {"name": POLICY.c.name, "updated_at": POLICY.c.updated_at}


def policies(session: Session, vault_id: int, *, text: str = "", page: Page = FIRST, order: Order = OWN_ORDER) -> Listing[PolicyRow]:
    """A vault's policies by name; ``order`` may name name or updated_at."""
    conditions = (POLICY.c.vault_id == vault_id, matches(text, POLICY.c.name))
    keys = keys_for(order, (Key(POLICY.c.name), Key(POLICY.c.id)), _SORTABLE)
    rows, following = page_of(session, _statement().where(*conditions), keys, page)
    total = number(session, select(func.count()).select_from(POLICY).where(*conditions))
    return Listing(tuple(_policy_row(row) for row in rows), following, total)


def policy(session: Session, policy_id: int) -> PolicyRow | None:
    """One policy; None if there is none of that id."""
    found = fetch(session, _statement().where(POLICY.c.id == policy_id))
    return _policy_row(found[0]) if found else None


def find_policy(session: Session, vault_id: int, name: str) -> PolicyRow | None:
    """The vault's policy of exactly that name; None if there is none."""
    found = fetch(session, _statement().where(POLICY.c.vault_id == vault_id, POLICY.c.name == name))
    return _policy_row(found[0]) if found else None


def _statement() -> Select[Any]:
    columns = (POLICY.c.id, POLICY.c.uid, POLICY.c.vault_id, POLICY.c.name, POLICY.c.spec, POLICY.c.updated_at)
    return select(*columns, _MACHINES.label("machines"))


def _policy_row(row: Any) -> PolicyRow:
    return PolicyRow(row.id, row.uid, row.vault_id, row.name, row.spec, row.machines, row.updated_at)
