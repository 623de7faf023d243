from __future__ import annotations

from typing import Any

import pytest

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.queries.page import Listing, Order, Page
from strongroom.catalog.queries.registered import discovered_elsewhere, find_machine, registered
from strongroom.domain.states import AgentState, PowerState, ProtectionStatus, RegistrationStatus, WorkloadType
from tests.unit.catalog.rows import NOW, writing


@pytest.fixture
def places(catalog: Catalog) -> Catalog:
    """Two registered and two discovered machines of the north, one vanished, one of the south; the vault is 1."""
    with writing(catalog) as rows:
        vault, source = rows.vault("main"), rows.source()
        rows.vault("far", region="south")
        web = rows.machine(source, "web01", identity="a", power=PowerState.RUNNING, agent=AgentState.CONNECTED)
        rows.item(vault, "web01", machine_id=web, identity="a")
        rows.item(vault, "lost", identity="gone", registration=RegistrationStatus.VANISHED, protection=ProtectionStatus.PROTECTED)
        rows.machine(source, "web01", cloud_service="kvm08")
        rows.machine(source, "db01", workload_type=WorkloadType.KVM)
        rows.machine(source, "old", vanished_at=NOW)
        rows.machine(source, "web01", region="south", cloud_service="kvm90")
    return catalog


def names(listing: Listing[Any]) -> list[str]:
    return [f"{row.cloud_service}/{row.name}" for row in listing.items]


def test_items_stand_above_the_machines_that_may_be_registered(places: Catalog) -> None:
    """A4."""
    with places.read() as session:
        listing = registered(session, 1)
    assert names(listing) == ["kvm07/lost", "kvm07/web01", "kvm07/db01", "kvm07/old", "kvm08/web01"]
    assert [str(row.status) for row in listing.items] == ["Vanished", "Registered", "Discovered", "Vanished", "Discovered"]
    assert [row.item_id is None for row in listing.items] == [False, False, True, True, True]
    assert (listing.next, listing.total) == (None, 5)


def test_an_item_shows_its_machine_and_outlives_it(places: Catalog) -> None:
    with places.read() as session:
        lost, web = registered(session, 1).items[:2]
    assert (web.power, web.agent, web.size_bytes, web.used_bytes) == (PowerState.RUNNING, AgentState.CONNECTED, 100, 40)
    assert (lost.machine_id, lost.power, lost.agent, lost.disks) == (None, PowerState.UNKNOWN, AgentState.NONE, ())
    assert (lost.size_bytes, lost.used_bytes, lost.protection, lost.vault_name) == (0, None, ProtectionStatus.PROTECTED, "main")


def test_sizes_count_the_included_disks_only(catalog: Catalog) -> None:
    disks = [
        {"id": "a", "size_bytes": 10, "used_bytes": None},
        {"id": "b", "size_bytes": 5, "used_bytes": 3, "included": True},
        {"id": "c", "size_bytes": 70, "used_bytes": 60, "included": False},
    ]
    with writing(catalog) as rows:
        rows.vault()
        rows.machine(rows.source(), disks=disks)
    with catalog.read() as session:
        (row,) = registered(session, 1).items
    assert (row.size_bytes, row.used_bytes) == (15, 3)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"status": RegistrationStatus.DISCOVERED}, ["kvm07/db01", "kvm08/web01"]),
        ({"status": RegistrationStatus.REGISTERED}, ["kvm07/web01"]),
        ({"status": RegistrationStatus.VANISHED}, ["kvm07/lost", "kvm07/old"]),
        ({"status": RegistrationStatus.FAILED}, []),
        ({"workload_type": WorkloadType.KVM}, ["kvm07/db01"]),
        ({"text": "WEB"}, ["kvm07/web01", "kvm08/web01"]),
        ({"text": "kvm08"}, ["kvm08/web01"]),
        ({"text": "!kvm07"}, ["kvm08/web01"]),
        ({"text": "web", "status": RegistrationStatus.DISCOVERED}, ["kvm08/web01"]),
    ],
)
def test_filters_apply_to_items_and_machines_alike(places: Catalog, filters: dict[str, Any], found: Any) -> None:
    """A2."""
    with places.read() as session:
        listing = registered(session, 1, **filters)
    assert names(listing) == found
    assert listing.total == len(found)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("order", [Order(), Order(descending=True), Order("cloud_service", descending=True), Order("status")])
def test_pages_of_any_size_give_every_row_once(places: Catalog, limit: int, order: Order) -> None:
    with places.read() as session:
        whole = names(registered(session, 1, order=order))
        found, page, pages = [], Page(limit), 0
        while pages == 0 or page.after is not None:
            listing = registered(session, 1, page=page, order=order)
            found += names(listing)
            page, pages = Page(limit, listing.next), pages + 1
            assert listing.total == 5
    assert found == whole
    assert pages == -(-5 // limit)


def test_a_machine_that_another_vault_has_is_not_offered(places: Catalog) -> None:
    """A4."""
    with writing(places) as rows:
        rows.vault("second")
    with places.read() as session:
        assert names(registered(session, 3)) == ["kvm07/db01", "kvm07/old", "kvm08/web01"]


def test_a_machine_that_was_forgotten_and_found_again_is_still_its_items(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        rows.item(rows.vault(), "web01", identity="same")
        rows.machine(rows.source(), "web01", identity="same")
    with catalog.read() as session:
        assert registered(session, 1).total == 1


def test_machines_of_other_regions_name_the_vaults_that_would_take_them(places: Catalog) -> None:
    """A5."""
    with places.read() as session:
        (row,) = discovered_elsewhere(session, 1).items
        assert (row.name, row.region, row.vault_names) == ("web01", "south", ("far",))
        assert [(row.name, row.vault_names) for row in discovered_elsewhere(session, 2, text="db").items] == [("db01", ("main",))]


def test_a_machine_without_a_vault_of_its_region_names_none(places: Catalog) -> None:
    """A5."""
    with writing(places) as rows:
        rows.machine(rows.source("images:/east"), "far01", region="east")
    with places.read() as session:
        listing = discovered_elsewhere(session, 1)
        assert [(row.region, row.vault_names) for row in listing.items] == [("east", ()), ("south", ("far",))]
        first = discovered_elsewhere(session, 1, page=Page(1))
        assert (first.items, first.total) == (listing.items[:1], 2)
        assert discovered_elsewhere(session, 1, page=Page(1, first.next)).items == listing.items[1:]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("db01", ["kvm07/db01"]),
        ("web01", ["kvm07/web01", "kvm08/web01", "kvm90/web01"]),
        ("kvm08/web01", ["kvm08/web01"]),
        ("kvm99/web01", []),
        ("WEB01", []),
        ("web%", []),
        ("", []),
    ],
)
def test_a_machine_is_found_by_its_name_and_told_apart_by_its_service(places: Catalog, name: str, found: Any) -> None:
    with places.read() as session:
        assert [f"{row.cloud_service}/{row.name}" for row in find_machine(session, name)] == found


def test_names_and_services_may_hold_slashes(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        rows.machine(rows.source(), "a/b", cloud_service="c/d")
    with catalog.read() as session:
        assert [len(find_machine(session, name)) for name in ("a/b", "c/d/a/b", "d/a/b", "b")] == [1, 1, 0, 0]


def test_within_a_vault_items_of_other_vaults_are_left_out_but_machines_elsewhere_are_not(places: Catalog) -> None:
    """A5: the refusal needs to see the machine."""
    with places.read() as session:
        assert [row.item_id is None for row in find_machine(session, "web01", vault_id=2)] == [True, True]
