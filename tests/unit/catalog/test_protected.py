from __future__ import annotations

from typing import Any

import pytest

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.queries.page import Listing, Order, Page
from strongroom.catalog.queries.protected import find_item, protected, protected_item
from strongroom.domain.errors import InvalidInput
from strongroom.domain.states import Consistency, JobStatus, ProtectionStatus, RegistrationStatus, WorkloadType
from tests.unit.catalog.rows import DAY, HOUR, NOW, writing


@pytest.fixture
def items(catalog: Catalog) -> Catalog:
    """Vault 1 with four protected items and one that is only registered; another vault with one."""
    with writing(catalog) as rows:
        vault, other = rows.vault("main"), rows.vault("other")
        policy = rows.policy(vault, "nightly")
        web = rows.item(
            vault, "web01", protection=ProtectionStatus.PROTECTED, policy_id=policy, last_backup_at=NOW, last_backup_status="Failed"
        )
        rows.item(vault, "db01", protection=ProtectionStatus.ERROR, protection_error={"code": "X"}, workload_type=WorkloadType.KVM)
        rows.item(vault, "db01", protection=ProtectionStatus.PENDING, cloud_service="kvm01", policy_id=policy)
        rows.item(vault, "plain")
        rows.item(vault, "stopped", protection=ProtectionStatus.STOPPED)
        rows.item(other, "web01", protection=ProtectionStatus.PROTECTED)
        rows.point(vault, web, NOW - DAY, consistency=Consistency.APPLICATION)
        rows.point(vault, web, NOW - HOUR, consistency=Consistency.FILE_SYSTEM)
        rows.point(vault, web, NOW - 2 * DAY)
        rows.job(JobStatus.FAILED, vault_id=vault, item_id=web)
        rows.job(JobStatus.CANCELLING, vault_id=vault, item_id=web)
    return catalog


def names(listing: Listing[Any]) -> list[str]:
    return [f"{row.cloud_service}/{row.name}" for row in listing.items]


def test_a_row_tells_points_policy_newest_point_last_backup_and_what_runs(items: Catalog) -> None:
    """A14."""
    with items.read() as session:
        web = protected(session, 1).items[-1]
    assert (web.name, web.status, web.points, web.policy_name) == ("web01", ProtectionStatus.PROTECTED, 3, "nightly")
    assert (web.newest_point_at, web.newest_consistency) == (NOW - HOUR, Consistency.FILE_SYSTEM)
    assert (web.last_backup_at, web.last_backup_status, web.live_job_id) == (NOW, "Failed", 2)
    assert web.registration is RegistrationStatus.REGISTERED


def test_an_item_without_points_or_policy_says_so(items: Catalog) -> None:
    """A9."""
    with items.read() as session:
        first = protected(session, 1).items[1]
    assert (first.points, first.newest_point_at, first.newest_consistency, first.live_job_id) == (0, None, None, None)
    assert (first.policy_id, first.policy_name, first.error) == (None, "", {"code": "X"})


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["kvm01/db01", "kvm07/db01", "kvm07/stopped", "kvm07/web01"]),
        ({"status": ProtectionStatus.ERROR}, ["kvm07/db01"]),
        ({"workload_type": WorkloadType.KVM}, ["kvm07/db01"]),
        ({"text": "db"}, ["kvm01/db01", "kvm07/db01"]),
        ({"policy_id": 1}, ["kvm01/db01", "kvm07/web01"]),
        ({"order": Order("cloud_service", descending=True)}, ["kvm07/db01", "kvm07/stopped", "kvm07/web01", "kvm01/db01"]),
        ({"order": Order("policy_name")}, ["kvm07/db01", "kvm07/stopped", "kvm01/db01", "kvm07/web01"]),
        ({"order": Order(descending=True)}, ["kvm07/web01", "kvm07/stopped", "kvm07/db01", "kvm01/db01"]),
    ],
)
def test_the_list_holds_what_is_protected_filtered_and_sorted(items: Catalog, filters: dict[str, Any], found: Any) -> None:
    """A2, A14."""
    with items.read() as session:
        listing = protected(session, 1, **filters)
        pages, after = [], None
        for _ in found:
            page = protected(session, 1, page=Page(1, after), **filters)
            pages, after = pages + names(page), page.next
    assert names(listing) == found == pages
    assert (listing.total, after) == (len(found), None)


def test_a_list_is_not_sorted_by_what_it_has_not(items: Catalog) -> None:
    with items.read() as session, pytest.raises(InvalidInput) as caught:
        protected(session, 1, order=Order("colour"))
    assert "policy_name" in caught.value.action


def test_one_item_is_found_by_id_whether_it_is_protected_or_not(items: Catalog) -> None:
    with items.read() as session:
        assert protected_item(session, 4).status is ProtectionStatus.NONE
        assert protected_item(session, 1).points == 3
        assert protected_item(session, 99) is None


def test_items_are_found_by_name_in_one_vault_or_in_all(items: Catalog) -> None:
    with items.read() as session:
        assert [row.vault_id for row in find_item(session, None, "web01")] == [1, 2]
        assert [row.item_id for row in find_item(session, 1, "kvm01/db01")] == [3]
        assert [row.cloud_service for row in find_item(session, 1, "db01")] == ["kvm01", "kvm07"]
        assert find_item(session, 2, "db01") == []
