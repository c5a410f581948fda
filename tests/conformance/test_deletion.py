"""What goes with a deleted record, what stays, and what stands in its way."""

import pytest

from connector.commerce_layer import catalog
from local.simulator import relations
from local.simulator.behaviour import deletion
from tests.conformance.shop import Shop
from tests.conformance.warehouse import Warehouse

REQUIRED = [
    (kind, name)
    for kind in catalog.types()
    for name, relationship in catalog.resource(kind).relationships.items()
    if relationship.required
    and not relationship.many
    and {"create", "retrieve"} <= catalog.resource(kind).operations
]


@pytest.mark.parametrize(("kind", "name"), REQUIRED, ids=lambda each: each)
def test_nothing_loses_what_it_needs(shared: Shop, kind: str, name: str) -> None:
    """It goes along, or it keeps what it needs from going."""
    record = shared.create(kind)
    owner = shared.get(f"{kind}/{record['id']}/{name}").json()["data"]
    if "delete" not in catalog.resource(owner["type"]).operations:
        return
    deleted = shared.http.delete(f"{owner['type']}/{owner['id']}")
    left = shared.get(f"{kind}/{record['id']}").status_code
    assert (deleted.status_code, left) in {(204, 404), (423, 200)}
    if deleted.status_code == 423:
        assert deleted.json()["errors"][0]["code"] == "LOCKED"


@pytest.mark.parametrize("kind", catalog.types())
def test_the_table_names_what_points_at_the_type(kind: str) -> None:
    base = relations.base_of(kind)
    family = {kind, base, *relations.concrete(base)}
    for name in deletion.owned(kind) - deletion.owned("event_stores"):
        types = (name, *relations.concrete(name))
        allowed = {
            target
            for each in types
            for relationship in catalog.resource(each).relationships
            for target in relations.allowed_types(each, relationship)
        }
        assert family & allowed, name


def test_a_draft_goes_with_all_that_was_made_for_it(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    sku = warehouse.sku(5)
    order = warehouse.order((sku, 2))
    items = shared.ids(f"orders/{order}/line_items")
    warehouse.do("line_items", items[0], "_reserve_stock")
    (shipment,) = shared.ids(f"orders/{order}/shipments")
    lines = shared.ids(f"shipments/{shipment}/stock_line_items")
    assert shared.http.delete(f"orders/{order}").status_code == 204
    for kind, identifiers in (
        ("line_items", items),
        ("shipments", [shipment]),
        ("stock_line_items", lines),
    ):
        for identifier in identifiers:
            assert shared.get(f"{kind}/{identifier}").status_code == 404, kind
    assert shared.ids(f"skus/{sku['id']}/stock_reservations") == []
    (item,) = shared.ids(f"skus/{sku['id']}/stock_items")
    reserved = shared.get(f"stock_items/{item}/reserved_stock").json()["data"]
    assert reserved["attributes"]["quantity"] == 0


def test_a_deleted_line_item_leaves_no_shipment_behind(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    order = warehouse.order((warehouse.sku(5), 2))
    (item,) = (
        each["id"]
        for each in shared.get(f"orders/{order}/line_items").json()["data"]
        if each["attributes"]["item_type"] == "skus"
    )
    shared.http.delete(f"line_items/{item}")
    assert warehouse.shipments(order) == []
    assert shared.ids(f"orders/{order}/line_items") == []


def test_a_deleted_shipment_gives_back_what_it_took(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    sku = warehouse.sku(5)
    order = warehouse.in_progress((sku, 2))
    (shipment,) = shared.ids(f"orders/{order}/shipments")
    assert shared.http.delete(f"shipments/{shipment}").status_code == 204
    assert warehouse.stock(sku) == [5]


def test_goods_under_way_cannot_be_deleted(shared: Shop) -> None:
    warehouse = Warehouse(shared, locations=2)
    sku = warehouse.sku(5)
    moved = warehouse.make(
        "stock_transfers",
        {"quantity": 2},
        sku=sku,
        origin_stock_location=warehouse.locations[0],
        destination_stock_location=warehouse.locations[1],
    )["id"]
    warehouse.do("stock_transfers", moved, "_upcoming", "_picking", "_in_transit")
    assert shared.http.delete(f"stock_transfers/{moved}").status_code == 423
    warehouse.do("stock_transfers", moved, "_complete")
    assert shared.http.delete(f"stock_transfers/{moved}").status_code == 204
