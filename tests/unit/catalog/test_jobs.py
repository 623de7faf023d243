from __future__ import annotations

from typing import Any

import pytest

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.queries.jobs import JobFilter, job, jobs, live_jobs
from strongroom.catalog.queries.page import Listing, Order, Page
from strongroom.domain.errors import InvalidInput
from strongroom.domain.states import LIVE, JobStatus, Operation, SubTaskStatus, WorkloadType
from tests.unit.catalog.rows import DAY, HOUR, NOW, writing


@pytest.fixture
def history(catalog: Catalog) -> Catalog:
    """Jobs 1-6 of vault 1 and job 7 of vault 2, queued one an hour."""
    with writing(catalog) as rows:
        vault, other = rows.vault("main"), rows.vault("other")
        item = rows.item(vault)
        done = {"started_at": NOW - 5 * HOUR, "ended_at": NOW - 4 * HOUR}
        rows.job(JobStatus.COMPLETED, vault_id=vault, item_id=item, batch="b1", queued_at=NOW - 6 * HOUR, **done)
        rows.job(
            JobStatus.FAILED, Operation.VERIFY, vault_id=vault, workload_name="50%_off", queued_at=NOW - 5 * HOUR, ended_at=NOW - 2 * DAY
        )
        rows.job(JobStatus.QUEUED, Operation.RESTORE, vault_id=vault, batch="b1", queued_at=NOW - 4 * HOUR, cloud_service="kvm01")
        rows.job(JobStatus.IN_PROGRESS, vault_id=vault, item_id=item, queued_at=NOW - 3 * HOUR, started_at=NOW - 2 * HOUR)
        rows.job(JobStatus.QUEUED, Operation.VERIFY, vault_id=vault, workload_type=WorkloadType.KVM, queued_at=NOW - 2 * HOUR)
        rows.job(JobStatus.WARNINGS, vault_id=vault, workload_name="50x_off", queued_at=NOW - HOUR, ended_at=NOW)
        rows.job(JobStatus.COMPLETED, vault_id=other, queued_at=NOW)
    return catalog


def ids(listing: Listing[Any]) -> list[int]:
    return [row.job_id for row in listing.items]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (JobFilter(), [7, 6, 5, 4, 3, 2, 1]),
        (JobFilter(vault_id=1), [6, 5, 4, 3, 2, 1]),
        (JobFilter(vault_id=1, statuses=frozenset({JobStatus.FAILED, JobStatus.WARNINGS})), [6, 2]),
        (JobFilter(vault_id=1, statuses=LIVE), [5, 4, 3]),
        (JobFilter(type=WorkloadType.KVM), [5]),
        (JobFilter(operation=Operation.VERIFY), [5, 2]),
        (JobFilter(batch="b1"), [3, 1]),
        (JobFilter(item_id=1), [4, 1]),
        (JobFilter(text="50%_"), [2]),
        (JobFilter(text="kvm0"), [3]),
        (JobFilter(text="!web"), [6, 2]),
        (JobFilter(vault_id=1, since=NOW - 4 * HOUR), [6, 5, 4, 3]),
        (JobFilter(vault_id=1, until=NOW - 4 * HOUR), [2, 1]),
        (JobFilter(vault_id=1, ended_since=NOW - DAY), [6, 1]),
    ],
)
def test_filters_restrict_the_list_and_its_total(history: Catalog, wanted: JobFilter, found: Any) -> None:
    """A13."""
    with history.read() as session:
        listing = jobs(session, wanted)
        pages, after = [], None
        for _ in range(-(-len(found) // 2)):
            page = jobs(session, wanted, page=Page(2, after))
            pages, after = pages + ids(page), page.next
    assert ids(listing) == found == pages
    assert (listing.total, listing.next, after) == (len(found), None, None)


def test_a_vaults_list_can_hold_the_discoveries_of_no_vault_but_no_orphans(history: Catalog) -> None:
    """A13: a discovery belongs to the installation; a job of a deleted vault belongs to nobody."""
    with writing(history) as rows:
        discovery = rows.job(operation=Operation.DISCOVER, source_id=rows.source())
        rows.job(operation=Operation.BACKUP)
    with history.read() as session:
        assert ids(jobs(session, JobFilter(vault_id=2, with_installation=True))) == [discovery, 7]
        assert ids(jobs(session, JobFilter(vault_id=2))) == [7]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (Order(descending=True), [1, 2, 3, 4, 5, 6, 7]),
        (Order("workload_name"), [2, 6, 7, 5, 4, 3, 1]),
        (Order("status", descending=True), [5, 3, 4, 2, 6, 7, 1]),
        (Order("started_at"), [2, 1, 3, 5, 4, 6, 7]),
    ],
)
def test_the_list_is_sorted_by_any_of_its_columns_page_by_page(history: Catalog, order: Order, found: Any) -> None:
    with history.read() as session:
        pages, after = [], None
        for _ in range(4):
            page = jobs(session, page=Page(2, after), order=order)
            pages, after = pages + ids(page), page.next
    assert pages == found


def test_a_new_job_does_not_shift_the_next_page(history: Catalog) -> None:
    with history.read() as session:
        first = jobs(session, page=Page(3))
    with writing(history) as rows:
        rows.job()
    with history.read() as session:
        assert ids(jobs(session, page=Page(3, first.next))) == [4, 3, 2]


@pytest.mark.parametrize("cursor", ["", "x", "é", "bm90IGpzb24=", "WzEsMl0=", "W251bGxd", "W3siYXQiOjF9XQ=="])
def test_a_cursor_of_another_list_is_refused(history: Catalog, cursor: str) -> None:
    with history.read() as session, pytest.raises(InvalidInput):
        jobs(session, page=Page(after=cursor))


def test_a_job_shows_how_long_it_took_once_it_has_ended(history: Catalog) -> None:
    with history.read() as session:
        rows = {row.job_id: row.duration_seconds for row in jobs(session).items}
    assert (rows[1], rows[3], rows[4]) == (3600.0, None, None)


def test_live_jobs_are_those_that_run_before_those_that_wait(history: Catalog) -> None:
    """A15."""
    with writing(history) as rows:
        rows.job(JobStatus.CANCELLING, vault_id=2)
    with history.read() as session:
        assert [row.job_id for row in live_jobs(session, 1)] == [4, 3, 5]
        assert [row.job_id for row in live_jobs(session)] == [4, 8, 3, 5]
        assert [row.job_id for row in live_jobs(session, limit=1)] == [4]


def test_details_hold_the_sub_tasks_in_order_and_everything_else(catalog: Catalog) -> None:
    """A10, A13."""
    with writing(catalog) as rows:
        vault = rows.vault()
        point = rows.point(vault, rows.item(vault))
        first = rows.job(JobStatus.FAILED, vault_id=vault)
        values = {"request": {"a": 1}, "result": {"b": 2}, "warnings": ["slow"], "retry_of": first, "point_id": point, "attempt": 2}
        second = rows.job(JobStatus.WARNINGS, vault_id=vault, **values)
        rows.sub_task(second, 1, "Transfer data to vault", done_bytes=3, total_bytes=4, detail="vda")
        rows.sub_task(second, 0, "Take Snapshot", status=SubTaskStatus.COMPLETED, started_at=NOW - HOUR, ended_at=NOW)
    with catalog.read() as session:
        details = job(session, second)
    assert (details.vault_name, details.request, details.result, details.warnings) == ("main", {"a": 1}, {"b": 2}, ("slow",))
    assert (details.retry_of, details.point_id, details.row.attempt) == (first, point, 2)
    assert [(task.name, task.status, task.duration_seconds) for task in details.sub_tasks] == [
        ("Take Snapshot", SubTaskStatus.COMPLETED, 3600.0),
        ("Transfer data to vault", SubTaskStatus.PENDING, None),
    ]
    assert (details.sub_tasks[1].done_bytes, details.sub_tasks[1].total_bytes, details.sub_tasks[1].detail) == (3, 4, "vda")


def test_a_job_of_no_vault_has_details_and_an_unknown_one_has_none(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        discovery = rows.job(JobStatus.QUEUED, Operation.DISCOVER, source_id=rows.source())
    with catalog.read() as session:
        details = job(session, discovery)
        assert (details.vault_id, details.vault_name, details.source_id) == (None, "", 1)
        assert job(session, 99) is None


def test_queries_in_a_write_session_see_what_it_has_not_committed(catalog: Catalog) -> None:
    with catalog.write() as session:
        from strongroom.catalog.entities import Job

        session.add(Job(operation=Operation.PRUNE, workload_name="main", queued_at=NOW))
        assert jobs(session).total == 1
