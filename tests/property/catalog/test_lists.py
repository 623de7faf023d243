from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, literal, select

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.queries.jobs import JobFilter, JobRow, jobs
from strongroom.catalog.queries.page import Order, Page, decode, encode
from strongroom.catalog.queries.registered import find_machine, registered
from strongroom.catalog.queries.text import matches
from strongroom.domain.errors import InvalidInput
from strongroom.domain.states import LIVE, JobStatus, Operation
from tests.unit.catalog.rows import NOW, Rows, new_catalog

# What SQLite's text cannot hold is a lone surrogate; NUL ends its strings.
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
SHORT = st.text("aAbB%_\\/!é東 ", max_size=4)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    folder: Path = tmp_path_factory.mktemp("catalog")
    with new_catalog(folder) as catalog:
        yield catalog


class _Undo(Exception):
    pass


def in_vault(catalog: Catalog, check: Callable[[Rows, int, Any], None]) -> None:
    """Run ``check`` on a new vault in a transaction that is undone."""
    with pytest.raises(_Undo), catalog.write() as session:  # noqa: PT012
        rows = Rows(session)
        check(rows, rows.vault(), session)
        raise _Undo


def ascii_lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


@given(text=NAMES | SHORT, first=NAMES | SHORT, second=SHORT)
def test_the_text_filter_is_containment_of_the_text_as_it_stands(text: str, first: str, second: str) -> None:
    """A2, A13: no character of a hostile name or of the filter has a meaning of its own."""
    wanted = text.removeprefix("!")
    contained = any(ascii_lower(wanted) in ascii_lower(column) for column in (first, second))
    expected = not wanted or contained != text.startswith("!")
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        assert bool(connection.scalar(select(matches(text, literal(first), literal(second))))) == expected
    engine.dispose()


JOBS = st.lists(
    st.tuples(st.sampled_from(JobStatus), st.sampled_from(Operation), SHORT, st.integers(0, 3)),
    max_size=12,
)
ORDERS = st.builds(Order, st.sampled_from(["", "workload_name", "cloud_service", "operation", "status", "started_at"]), st.booleans())


@settings(max_examples=60)
@given(made=JOBS, order=ORDERS, limit=st.integers(1, 5), text=SHORT)
def test_pages_of_jobs_hold_every_matching_job_once_in_order(
    shared: Catalog, made: list[tuple[JobStatus, Operation, str, int]], order: Order, limit: int, text: str
) -> None:
    """A13."""

    def check(rows: Rows, vault_id: int, session: Any) -> None:
        for status, operation, name, hours in made:
            begun = None if status in LIVE else NOW - timedelta(hours=hours)
            rows.job(status, operation, workload_name=name, vault_id=vault_id, queued_at=NOW, started_at=begun)
        wanted = JobFilter(vault_id=vault_id, text=text)
        found: list[JobRow] = []
        page = Page(limit)
        for _ in range(len(made) + 1):
            listing = jobs(session, wanted, page=page, order=order)
            found += listing.items
            if listing.next is None:
                break
            page = Page(limit, listing.next)
        expected = [number for number, (_, _, name, _) in enumerate(made) if matches_plainly(text, name)]
        first = min((row.job_id for row in jobs(session, JobFilter(vault_id=vault_id)).items), default=0)
        assert sorted(row.job_id - first for row in found) == expected
        assert listing.total == len(expected)
        assert found == sorted(found, key=sort_key(order), reverse=order.descending if order.by else not order.descending)

    in_vault(shared, check)


def matches_plainly(text: str, name: str) -> bool:
    wanted = text.removeprefix("!")
    return not wanted or (ascii_lower(wanted) in ascii_lower(name)) != text.startswith("!")


def sort_key(order: Order) -> Callable[[JobRow], Any]:
    """The order's key; ties are by id, newest first, whatever the direction of the named column."""
    if not order.by:
        return lambda row: row.job_id
    sign = 1 if order.descending else -1
    if order.by == "started_at":
        return lambda row: (row.started_at or row.queued_at, sign * row.job_id)
    return lambda row: (str(getattr(row, order.by)).encode(), sign * row.job_id)


@settings(max_examples=60)
@given(
    items=st.lists(SHORT, max_size=5), machines=st.lists(SHORT, max_size=5), limit=st.integers(1, 4), descending=st.booleans(), text=SHORT
)
def test_pages_of_items_and_machines_join_without_a_seam(
    shared: Catalog, items: list[str], machines: list[str], limit: int, descending: bool, text: str
) -> None:
    """A4."""

    def check(rows: Rows, vault_id: int, session: Any) -> None:
        source = rows.source()
        for name in items:
            rows.item(vault_id, name)
        for name in machines:
            rows.machine(source, name)
        order = Order(descending=descending)
        whole = registered(session, vault_id, text=text, order=order)
        found, page, pages = [], Page(limit), 0
        while pages == 0 or page.after is not None:
            listing = registered(session, vault_id, text=text, page=page, order=order)
            found += listing.items
            page, pages = Page(limit, listing.next), pages + 1
        assert tuple(found) == whole.items
        assert len(found) == whole.total == listing.total
        assert pages == max(1, -(-len(found) // limit))

    in_vault(shared, check)


@settings(max_examples=60)
@given(name=NAMES | SHORT, service=NAMES | SHORT)
def test_whatever_a_machine_is_called_both_its_names_find_it(shared: Catalog, name: str, service: str) -> None:
    def check(rows: Rows, _: int, session: Any) -> None:
        machine = rows.machine(rows.source(), name, cloud_service=service)
        for called in (name, f"{service}/{name}"):
            assert machine in [row.machine_id for row in find_machine(session, called)]

    in_vault(shared, check)


VALUES = st.lists(st.text() | st.integers() | st.datetimes(timezones=st.just(NOW.tzinfo)), min_size=1, max_size=4)


@given(values=VALUES)
def test_a_cursor_gives_back_the_values_it_was_made_of(values: list[str | int | datetime]) -> None:
    assert decode(encode(values), len(values)) == values


@given(cursor=st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_other_cursor_is_refused_and_nothing_worse(cursor: str) -> None:
    with pytest.raises(InvalidInput):
        decode(cursor, 3)
