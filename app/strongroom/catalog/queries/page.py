"""Pages by key: a list is read in pieces that stay right while rows come and go, and the last row says where the next begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, or_
from sqlmodel import Session

from strongroom.catalog.queries.tables import fetch
from strongroom.domain.errors import InvalidInput

T = TypeVar("T")
Cursor = str
"""Where the next page begins; opaque, and good only for the list and order that gave it."""


@dataclass(frozen=True, slots=True)
class Page:
    """At most ``limit`` rows, from the cursor ``after`` on; ``after=None`` is the beginning."""

    limit: int = 200
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """By which column of its read model a list is sorted; "" is the list's own order, which ``descending`` reverses too."""

    by: str = ""
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """One page: its rows, the cursor of the next page (None: there is none), and how many rows all pages have together."""

    items: tuple[T, ...]
    next: Cursor | None
    total: int


FIRST = Page()
OWN_ORDER = Order()


@dataclass(frozen=True, slots=True)
class Key:
    """One part of a list's order; no expression may be NULL."""

    expression: ColumnElement[Any]
    descending: bool = False


def keys_for(order: Order, own: Sequence[Key], columns: Mapping[str, ColumnElement[Any]]) -> tuple[Key, ...]:
    """The keys of an order: the named column before the list's own keys, whose last one must be unique.

    Raises ``InvalidInput`` for a column that the list cannot be sorted by.
    """
    if not order.by:
        return tuple(Key(key.expression, key.descending != order.descending) for key in own)
    if order.by not in columns:
        raise InvalidInput(f"A list cannot be sorted by «{order.by}»", action=f"Sort by one of: {', '.join(columns)}.")
    return (Key(columns[order.by], order.descending), *own)


def page_of(
    session: Session, statement: Select[Any], keys: Sequence[Key], page: Page, *, row_id: ColumnElement[Any] | None = None
) -> tuple[Sequence[Any], Cursor | None]:
    """The rows of one page of ``statement`` in the order of ``keys``, and the cursor of the next page.

    Each row has the keys' values after the statement's own columns. With ``row_id``, the id of the table that all conditions and keys
    are about, the page's ids are found first, so that an index which holds those is enough to search and sort in.
    Raises ``InvalidInput`` for a cursor of another list.
    """
    order = [key.expression.desc() if key.descending else key.expression.asc() for key in keys]
    if page.after is not None:
        statement = statement.where(_beyond(keys, decode(page.after, len(keys))))
    limited = statement.add_columns(*(key.expression.label(f"key_{place}") for place, key in enumerate(keys)))
    if row_id is not None:
        ids = statement.with_only_columns(row_id).order_by(*order).limit(max(page.limit, 1) + 1)
        limited = limited.where(row_id.in_(ids))
    rows = fetch(session, limited.order_by(*order).limit(max(page.limit, 1) + 1))
    if len(rows) <= page.limit:
        return rows, None
    return rows[: page.limit], encode(rows[page.limit - 1][-len(keys) :])


def encode(values: Sequence[Any]) -> Cursor:
    """Key values as a cursor."""
    plain = [{"at": value.isoformat()} if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode()


def decode(cursor: Cursor, length: int) -> list[Any]:
    """The ``length`` key values in a cursor; raises ``InvalidInput`` if it holds anything else."""
    try:
        plain = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
        values = [datetime.fromisoformat(value["at"]) if isinstance(value, dict) else value for value in plain]
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise _foreign(cursor) from error
    if len(values) != length or not all(isinstance(value, str | int | float | datetime) for value in values):
        raise _foreign(cursor)
    return values


def _foreign(cursor: Cursor) -> InvalidInput:
    return InvalidInput(f"«{cursor}» is no cursor of this list", action="Read the list again from its beginning.")


def _beyond(keys: Sequence[Key], values: Sequence[Any]) -> ColumnElement[bool]:
    """Rows after the given one: later in the first key, or equal there and later in the second, and so on."""
    later: ColumnElement[bool] = false()
    for key, value in reversed(list(zip(keys, values, strict=True))):
        after = key.expression < value if key.descending else key.expression > value
        later = or_(after, and_(key.expression == value, later))
    first, value = keys[0], values[0]
    # Says nothing new, but it is the half that lets an index jump to the place.
    return and_(first.expression <= value if first.descending else first.expression >= value, later)
