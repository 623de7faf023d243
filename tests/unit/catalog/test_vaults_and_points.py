from __future__ import annotations

from datetime import datetime

import pytest

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.queries.audit import audit
from strongroom.catalog.queries.page import Order, Page
from strongroom.catalog.queries.points import point, points
from strongroom.catalog.queries.policies import find_policy, policies, policy
from strongroom.catalog.queries.sources import find_source, sources
from strongroom.catalog.queries.vaults import blockers, find_vault, vault, vaults
from strongroom.domain.states import Consistency, JobStatus, Operation, ProtectionStatus
from tests.unit.catalog.rows import DAY, HOUR, NOW, writing


def test_a_vault_counts_its_items_and_points_and_nobody_elses(catalog: Catalog) -> None:
    """A1."""
    with writing(catalog) as rows:
        main, other = rows.vault("main", used_bytes=7, free_bytes=9, measured_at=NOW), rows.vault("other")
        item = rows.item(main, protection=ProtectionStatus.PROTECTED)
        rows.item(main, "plain")
        rows.point(main, item)
        rows.point(main, item, NOW - DAY)
        rows.item(other, "elsewhere")
    with catalog.read() as session:
        first, second = vaults(session).items
        assert find_vault(session, "main") == vault(session, main) == first
        assert find_vault(session, "Main") is None
        assert vault(session, 99) is None
    assert (first.name, first.items, first.protected, first.points) == ("main", 2, 1, 2)
    assert (first.used_bytes, first.free_bytes, first.measured_at) == (7, 9, NOW)
    assert (second.items, second.protected, second.points, second.measured_at) == (1, 0, 0, None)


def test_vaults_come_by_name_page_by_page(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        for name in ("c", "a", "b"):
            rows.vault(name)
    with catalog.read() as session:
        first = vaults(session, page=Page(2))
        last = vaults(session, page=Page(2, first.next))
        assert [row.name for row in (*first.items, *last.items)] == ["a", "b", "c"]
        assert (first.total, last.next) == (3, None)
        assert [row.name for row in vaults(session, order=Order(descending=True)).items] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("rebuilt_at", "confirmed_at", "confirmed"),
    [(None, None, True), (NOW, None, False), (NOW, NOW - HOUR, False), (NOW, NOW, True)],
)
def test_the_newest_points_count_as_confirmed_unless_a_rebuild_came_after(
    catalog: Catalog, rebuilt_at: datetime | None, confirmed_at: datetime | None, confirmed: bool
) -> None:
    """C4."""
    with writing(catalog) as rows:
        rows.vault("main", rebuilt_at=rebuilt_at, tips_confirmed_at=confirmed_at)
    with catalog.read() as session:
        assert find_vault(session, "main").tips_confirmed is confirmed


def test_exactly_what_blocks_a_delete_is_named(catalog: Catalog) -> None:
    """A1."""
    with writing(catalog) as rows:
        main, other = rows.vault("main"), rows.vault("other")
        item = rows.item(main, "web01", protection=ProtectionStatus.STOPPED)
        rows.point(main, item)
        rows.point(main, item, NOW - DAY)
        rows.policy(main)
        rows.item(other, "elsewhere")
        rows.job(JobStatus.COMPLETED, vault_id=main)
        rows.job(JobStatus.QUEUED, Operation.COLLECT, vault_id=main, workload_name="main")
        rows.job(JobStatus.QUEUED, Operation.COLLECT, vault_id=other)
    with catalog.read() as session:
        assert blockers(session, main) == (
            "registered item kvm07/web01 (Protection stopped, 2 recovery points)",
            "job 2: Collect main (Queued)",
        )


def test_an_empty_vault_with_policies_may_be_deleted(catalog: Catalog) -> None:
    """A1."""
    with writing(catalog) as rows:
        rows.policy(rows.vault())
    with catalog.read() as session:
        assert blockers(session, 1) == ()


@pytest.mark.parametrize(
    ("number", "last"), [(20, "registered item kvm07/m19 (Not protected, 0 recovery points)"), (23, "3 more registered items")]
)
def test_many_blockers_are_counted(catalog: Catalog, number: int, last: str) -> None:
    with writing(catalog) as rows:
        main = rows.vault()
        for place in range(number):
            rows.item(main, f"m{place:02}")
    with catalog.read() as session:
        found = blockers(session, main)
    assert len(found) == min(number, 20) + (number > 20)
    assert found[-1] == last


def test_points_of_an_item_come_newest_first_and_can_be_filtered(catalog: Catalog) -> None:
    """A14, A16."""
    with writing(catalog) as rows:
        main = rows.vault()
        item, other = rows.item(main, "web01"), rows.item(main, "db01")
        rows.point(main, item, NOW - DAY, consistency=Consistency.FILE_SYSTEM)
        newest = rows.point(
            main, item, NOW, tags=["daily", "weekly"], expires_at=NOW + DAY, expiry_reason="daily", damaged=["vda"], used_bytes=5
        )
        rows.point(main, item, NOW - 2 * DAY)
        rows.point(main, other)
    with catalog.read() as session:
        listing = points(session, item)
        first = points(session, item, page=Page(2))
        rest = points(session, item, page=Page(2, first.next))
        clean = points(session, item, consistency=Consistency.FILE_SYSTEM)
        assert point(session, newest) == listing.items[0]
        assert point(session, 99) is None
    assert [row.taken_at for row in listing.items] == [NOW, NOW - DAY, NOW - 2 * DAY]
    assert (*first.items, *rest.items) == listing.items
    assert [row.consistency for row in clean.items] == [Consistency.FILE_SYSTEM]
    assert (listing.total, clean.total, rest.next) == (3, 1, None)
    row = listing.items[0]
    assert (row.item_name, row.cloud_service, row.tags, row.damaged) == ("web01", "kvm07", ("daily", "weekly"), ("vda",))
    assert (row.expires_at, row.expiry_reason, row.used_bytes, row.held_until) == (NOW + DAY, "daily", 5, None)


def test_policies_count_the_machines_that_use_them(catalog: Catalog) -> None:
    """A8."""
    with writing(catalog) as rows:
        main, other = rows.vault("main"), rows.vault("other")
        nightly = rows.policy(main, "nightly", spec={"keep": 3})
        rows.policy(main, "Weekly_50%")
        rows.policy(other, "nightly")
        for name in ("a", "b"):
            rows.item(main, name, policy_id=nightly)
    with catalog.read() as session:
        assert [(row.name, row.machines) for row in policies(session, main).items] == [("Weekly_50%", 0), ("nightly", 2)]
        assert [row.name for row in policies(session, main, text="y_5").items] == ["Weekly_50%"]
        assert policies(session, main, text="_").total == 1
        assert policy(session, nightly) == find_policy(session, main, "nightly")
        assert policy(session, nightly).spec == {"keep": 3}
        assert find_policy(session, other, "Weekly_50%") is policy(session, 99) is None


def test_a_source_tells_its_machines_and_the_discovery_that_runs(catalog: Catalog) -> None:
    """A3."""
    with writing(catalog) as rows:
        source = rows.source("images:/b", discovered_at=NOW)
        rows.source("images:/a")
        rows.machine(source, "here")
        rows.machine(source, "gone", vanished_at=NOW)
        rows.job(JobStatus.COMPLETED, Operation.DISCOVER, source_id=source)
        live = rows.job(JobStatus.IN_PROGRESS, Operation.DISCOVER, source_id=source)
    with catalog.read() as session:
        quiet, busy = sources(session).items
        assert find_source(session, "images:/b") == busy
        assert find_source(session, "images:/c") is None
    assert (quiet.address, quiet.machines, quiet.vanished, quiet.live_job_id, quiet.discovered_at) == ("images:/a", 0, 0, None, None)
    assert (busy.machines, busy.vanished, busy.live_job_id, busy.discovered_at) == (1, 1, live, NOW)


def test_the_audit_log_is_read_newest_first(catalog: Catalog) -> None:
    """B5: the log of who did what comes with the core."""
    with writing(catalog) as rows:
        for operation in ("one", "two", "three"):
            rows.audit(operation)
    with catalog.read() as session:
        first = audit(session, page=Page(2))
        assert [row.operation for row in first.items] == ["three", "two"]
        assert [row.operation for row in audit(session, page=Page(2, first.next)).items] == ["one"]
        assert (first.total, first.items[0].caller, first.items[0].at) == (3, "ann", NOW)
