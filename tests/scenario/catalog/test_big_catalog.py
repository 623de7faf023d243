"""Lists of a large installation: fast because no list reads a whole table (feature C5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.queries.audit import audit
from strongroom.catalog.queries.dashboard import Dashboard, dashboard
from strongroom.catalog.queries.jobs import JobFilter, job, jobs, live_jobs
from strongroom.catalog.queries.page import Listing, Order, Page
from strongroom.catalog.queries.points import points
from strongroom.catalog.queries.policies import policies
from strongroom.catalog.queries.protected import find_item, protected
from strongroom.catalog.queries.registered import discovered_elsewhere, find_machine, registered
from strongroom.catalog.queries.sources import sources
from strongroom.catalog.queries.vaults import blockers, vaults
from strongroom.domain.states import LIVE, JobStatus, Operation, ProtectionStatus, RegistrationStatus, WorkloadType
from strongroom.testing.big_catalog import VAULT_ID, Size, fill
from tests.unit.catalog.rows import DAY, NOW, new_catalog

LIST_SECONDS = 0.050
DASHboard_SECONDS = 0.100
Query = Callable[[Session], Any]
FAILED = frozenset({JobStatus.FAILED})


LISTS: dict[str, Query] = {
    "registered": lambda session: registered(session, VAULT_ID),
    "registered, text": lambda session: registered(session, VAULT_ID, text="b-00"),
    "registered, type": lambda session: registered(session, VAULT_ID, workload_type=WorkloadType.KVM),
    "registered, discovered": lambda session: registered(session, VAULT_ID, status=RegistrationStatus.DISCOVERED),
    "registered, sorted by status": lambda session: registered(session, VAULT_ID, order=Order("status")),
    "machines elsewhere": lambda session: discovered_elsewhere(session, VAULT_ID),
    "one machine": lambda session: find_machine(session, "kvm03/web-00003"),
    "protected": lambda session: protected(session, VAULT_ID),
    "protected, text": lambda session: protected(session, VAULT_ID, text="b-00"),
    "protected, status": lambda session: protected(session, VAULT_ID, status=ProtectionStatus.ERROR),
    "protected, sorted by policy": lambda session: protected(session, VAULT_ID, order=Order("policy_name")),
    "one item": lambda session: find_item(session, VAULT_ID, "kvm03/web-00003"),
    "points": lambda session: points(session, 5),
    "jobs": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID)),
    "jobs of all vaults": jobs,
    "jobs with discoveries": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID, with_installation=True)),
    "jobs, text": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID, text="07919")),
    "jobs, text that nothing has": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID, text="nothing")),
    "jobs, text in all vaults": lambda session: jobs(session, JobFilter(text="nothing")),
    "jobs, failed": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID, statuses=FAILED)),
    "jobs, failed today": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID, statuses=FAILED, ended_since=NOW - DAY)),
    "jobs, live": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID, statuses=LIVE)),
    "jobs, one day": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID, since=NOW - 9 * DAY, until=NOW - 8 * DAY)),
    "jobs, operation": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID, operation=Operation.RESTORE)),
    "jobs, batch": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID, batch="batch-4")),
    "jobs, item": lambda session: jobs(session, JobFilter(item_id=44)),
    "jobs, sorted by name": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID), order=Order("workload_name")),
    "jobs, sorted by start": lambda session: jobs(session, JobFilter(vault_id=VAULT_ID), order=Order("started_at")),
    "one job": lambda session: job(session, 77),
    "live jobs": lambda session: live_jobs(session, VAULT_ID),
    "policies": lambda session: policies(session, VAULT_ID),
    "vaults": vaults,
    "blockers": lambda session: blockers(session, VAULT_ID),
    "sources": sources,
    "audit": audit,
}


def board(session: Session) -> Dashboard:
    return dashboard(session, VAULT_ID, now=NOW)


DEEP: dict[str, Callable[[Session, Page], Listing[Any]]] = {
    "registered": lambda session, page: registered(session, VAULT_ID, page=page),
    "protected": lambda session, page: protected(session, VAULT_ID, page=page),
    "jobs": lambda session, page: jobs(session, JobFilter(vault_id=VAULT_ID), page=page),
}
FROM_THE_NEWEST_ON = frozenset({"jobs of all vaults", "jobs, text in all vaults"})
"""Lists that go through the jobs themselves, backwards from the newest, until a page is full."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """The large installation in little: plans depend on the tables' shape, and without statistics not on their size."""
    with new_catalog(tmp_path_factory.mktemp("small")) as catalog:
        fill(catalog, NOW, Size(machines=500, jobs=2_000, points=4_000))
        yield catalog


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    folder: Path = tmp_path_factory.mktemp("large")
    with new_catalog(folder) as catalog:
        fill(catalog, NOW)
        yield catalog


def plans_of(catalog: Catalog, query: Query) -> list[str]:
    """SQLite's plan, line by line, of every statement that the query runs."""
    statements: list[tuple[str, Any]] = []

    def remember(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    with catalog.read() as session:
        event.listen(catalog._readers, "before_cursor_execute", remember)
        query(session)
        event.remove(catalog._readers, "before_cursor_execute", remember)
        explain = session.connection().exec_driver_sql
        return [
            row.detail
            for statement, parameters in statements
            if statement.startswith("SELECT")
            for row in explain(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


@pytest.mark.parametrize("name", LISTS)
def test_no_list_reads_a_whole_table_or_builds_an_index_of_its_own(small: Catalog, name: str) -> None:
    plans = plans_of(small, LISTS[name])
    assert plans
    found = [plan for plan in plans if reads_a_whole_table(plan)]
    assert found == (["SCAN job"] if name in FROM_THE_NEWEST_ON else [])


def test_the_dashboard_reads_no_whole_table(small: Catalog) -> None:
    plans = plans_of(small, board)
    assert len(plans) > 10
    assert [plan for plan in plans if reads_a_whole_table(plan)] == []


def reads_a_whole_table(plan: str) -> bool:
    """Few rows (vaults, sources, policies, the audit log backwards by id) are fine; so is an index that holds all that is asked."""
    big = any(plan.startswith(f"SCAN {table}") for table in ("job", "recoverypoint", "item", "machine", "subtask"))
    return "AUTOMATIC" in plan or (big and "USING" not in plan)


def test_the_same_seed_makes_the_same_installation(small: Catalog, tmp_path: Path) -> None:
    with new_catalog(tmp_path) as again:
        fill(again, NOW, Size(machines=500, jobs=2_000, points=4_000))
        with again.read() as first, small.read() as second:
            assert board(first) == board(second)
            assert jobs(first) == jobs(second)


def seconds(catalog: Catalog, query: Query, turns: int = 5) -> float:
    """Processor seconds, the best of a few: others share the machine, and the file is in its memory."""
    best = float("inf")
    with catalog.read() as session:
        for _ in range(turns):
            begun = time.thread_time()
            query(session)
            best = min(best, time.thread_time() - begun)
    return best


@pytest.mark.long
def test_every_list_of_a_large_installation_is_there_within_its_time(large: Catalog) -> None:
    """C5: 10,000 machines, 100,000 jobs, 200,000 points."""
    slow = {name: took for name, query in LISTS.items() if (took := seconds(large, query)) > LIST_SECONDS}
    assert slow == {}


@pytest.mark.long
def test_a_page_far_down_is_there_within_the_same_time(large: Catalog) -> None:
    for name, pages in DEEP.items():
        page = Page()
        with large.read() as session:
            for _ in range(10):
                page = Page(after=pages(session, page).next)
        assert page.after is not None
        assert seconds(large, partial(pages, page=page)) < LIST_SECONDS, name


@pytest.mark.long
def test_the_dashboard_of_a_large_installation_is_there_within_its_time(large: Catalog) -> None:
    """A15, C5."""
    with large.read() as session:
        found = board(session)
    assert (found.points, found.in_progress) == (200_000, 40)
    assert found.protected > 7_000
    assert seconds(large, board) < DASHboard_SECONDS


@pytest.mark.long
def test_deleting_a_point_of_a_large_installation_is_quick(large: Catalog) -> None:
    """B4: every job that made it must let go of it, and is found without reading all jobs."""
    begun = time.thread_time()
    with large.write(durable=False) as session:
        session.connection().exec_driver_sql("DELETE FROM recoverypoint WHERE id <= 100")
    assert time.thread_time() - begun < 1
