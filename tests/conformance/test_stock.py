"""Stock: taken by orders, promised by reservations, moved by transfers; never less than nothing."""

from typing import Any

import pytest

from local.simulator.behaviour.ordering import placing
from tests.conformance.shop import Shop
from tests.conformance.warehouse import Warehouse, link


@pytest.fixture
def warehouse(shared: Shop) -> Warehouse:
    return Warehouse(shared)


def item_of(warehouse: Warehouse, sku: dict[str, Any]) -> str:
    return warehouse.shop.ids(f"skus/{sku['id']}/stock_items")[0]


def test_placing_takes_stock_and_cancelling_gives_it_back(warehouse: Warehouse) -> None:
    sku = warehouse.sku(5)
    order = warehouse.order((sku, 2))
    assert warehouse.stock(sku) == [5]
    warehouse.do("orders", order, "_place", "_place")
    assert warehouse.stock(sku) == [3]
    warehouse.do("orders", order, "_cancel", "_cancel")
    assert warehouse.stock(sku) == [5]
    assert {each["attributes"]["status"] for each in warehouse.shipments(order)} == {"cancelled"}


def test_an_order_is_not_placed_without_stock(warehouse: Warehouse) -> None:
    """There was enough when it was put into the order."""
    sku = warehouse.sku(2)
    order = warehouse.order((sku, 2))
    warehouse.shop.patch("stock_items", item_of(warehouse, sku), quantity=1)
    assert warehouse.refused("orders", order, "_place")["meta"]["error"] == "out_of_stock"
    assert warehouse.attributes("orders", order)["status"] == "pending"
    assert warehouse.stock(sku) == [1]
    warehouse.shop.patch("stock_items", item_of(warehouse, sku), quantity=2)
    warehouse.do("orders", order, "_place")
    assert warehouse.stock(sku) == [0]


def test_no_more_can_be_ordered_than_there_is(warehouse: Warehouse) -> None:
    sku = warehouse.sku(3)
    order = warehouse.order((sku, 2))
    (item,) = warehouse.shop.ids(f"orders/{order}/line_items", **{"filter[q][quantity_eq]": 2})
    refused = warehouse.shop.patch("line_items", item, quantity=4)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["source"] == {"pointer": "/data/attributes/quantity"}
    assert error["meta"] == {"error": "less_than_or_equal_to", "value": 4, "count": 3}
    assert warehouse.shop.patch("line_items", item, quantity=3).status_code == 200


def test_stock_that_is_gone_meanwhile_is_not_taken_later(warehouse: Warehouse) -> None:
    sku = warehouse.sku(1)
    slow, quick = warehouse.order((sku, 1)), warehouse.order((sku, 1))
    store = warehouse.shop.simulator.store
    order = store.update("orders", slow, {"status": "placing", "place_async": True})
    warehouse.do("orders", quick, "_place")
    with store.lock:
        placing.place_later(store, order)
    assert warehouse.attributes("orders", slow)["status"] == "placing"
    errors = warehouse.shop.get(f"orders/{slow}/resource_errors").json()["data"]
    assert [each["attributes"]["code"] for each in errors] == ["out_of_stock"]
    assert warehouse.stock(sku) == [0]


def test_what_is_not_tracked_is_always_there(warehouse: Warehouse) -> None:
    sku = warehouse.sku(1, do_not_track=True)
    order = warehouse.order((sku, 2))
    warehouse.do("orders", order, "_place")
    assert warehouse.stock(sku) == [1]


def test_a_bundle_takes_the_stock_of_its_skus(warehouse: Warehouse) -> None:
    shirt, cap = warehouse.sku(9), warehouse.sku(9)
    listed = warehouse.shop.create("sku_lists")
    for sku, quantity in ((shirt, 1), (cap, 2)):
        values = {"quantity": quantity, "position": 1}
        warehouse.make("sku_list_items", values, sku_list=listed, sku=sku)
    priced = {"code": "SET", "name": "Set", "currency_code": "EUR", "_compute_price_amount": True}
    bundle = warehouse.make("bundles", priced, market=warehouse.market, sku_list=listed)
    assert bundle["attributes"]["price_amount_cents"] == 3000
    warehouse.do("orders", warehouse.order((bundle, 2)), "_place")
    assert [warehouse.stock(sku) for sku in (shirt, cap)] == [[7], [5]]


def test_editing_takes_what_is_added_and_gives_back_what_is_left_out(warehouse: Warehouse) -> None:
    sku = warehouse.sku(5)
    order = warehouse.order((sku, 4))
    items = warehouse.shop.get(f"orders/{order}/line_items").json()["data"]
    (line,) = (each["id"] for each in items if each["attributes"]["item_type"] == "skus")
    warehouse.do("orders", order, "_place", "_start_editing")
    warehouse.shop.patch("line_items", line, quantity=1)
    warehouse.do("orders", order, "_stop_editing")
    assert warehouse.stock(sku) == [4]


def test_a_cancelled_shipment_gives_its_stock_back_once(warehouse: Warehouse) -> None:
    sku = warehouse.sku(5)
    order = warehouse.in_progress((sku, 2))
    (shipment,) = warehouse.shipments(order)
    warehouse.do("shipments", shipment["id"], "_cancel", "_cancel")
    assert warehouse.stock(sku) == [5]
    warehouse.do("orders", order, "_refund")
    assert warehouse.stock(sku) == [5]


def test_line_items_reserve_stock_for_a_while(shop: Shop) -> None:
    warehouse = Warehouse(shop, stock_reservation_cutoff=60)
    shop.simulator.clock.freeze()
    sku = warehouse.sku(3)
    first, second = warehouse.order((sku, 2)), warehouse.order((sku, 2))
    lines = {
        order: next(
            each["id"]
            for each in shop.get(f"orders/{order}/line_items").json()["data"]
            if each["attributes"]["item_type"] == "skus"
        )
        for order in (first, second)
    }
    warehouse.do("line_items", lines[first], "_reserve_stock")
    (reserved,) = shop.get("reserved_stocks").json()["data"]
    assert reserved["attributes"]["quantity"] == 2
    assert warehouse.stock(sku) == [3]
    assert warehouse.refused("orders", second, "_place")
    shop.simulator.clock.advance(61)
    warehouse.do("orders", second, "_place")
    assert warehouse.stock(sku) == [1]
    assert warehouse.refused("line_items", lines[first], "_reserve_stock")


def test_stock_is_decremented_by_hand_where_the_model_says_so(shared: Shop) -> None:
    warehouse = Warehouse(shared, manual_stock_decrement=True)
    sku = warehouse.sku(3)
    order = warehouse.order((sku, 2))
    (shipment,) = (each["id"] for each in warehouse.shipments(order))
    assert warehouse.refused("shipments", shipment, "_decrement_stock")
    other = warehouse.order((sku, 2))
    warehouse.do("orders", order, "_place")
    assert warehouse.stock(sku) == [3]
    assert warehouse.refused("orders", other, "_place")
    warehouse.do("orders", order, "_approve", "_capture")
    (line,) = shared.ids(f"shipments/{shipment}/stock_line_items")
    assert len(shared.ids(f"skus/{sku['id']}/stock_reservations")) == 1
    warehouse.do("stock_line_items", line, "_release_stock")
    assert shared.ids(f"skus/{sku['id']}/stock_reservations") == []
    warehouse.do("shipments", shipment, "_reserve_stock")
    assert len(shared.ids(f"skus/{sku['id']}/stock_reservations")) == 1
    warehouse.do("shipments", shipment, "_decrement_stock", "_decrement_stock")
    assert warehouse.stock(sku) == [1]
    assert shared.ids(f"skus/{sku['id']}/stock_reservations") == []


def test_a_quantity_below_what_is_reserved_is_refused_when_validated(warehouse: Warehouse) -> None:
    sku = warehouse.sku(3)
    item = item_of(warehouse, sku)
    one = {"data": {"type": "stock_items", "id": item}}
    document: dict[str, Any] = {
        "type": "stock_reservations",
        "attributes": {"quantity": 2},
        "relationships": {"stock_item": one},
    }
    made = warehouse.shop.post("stock_reservations", document).json()["data"]
    assert made["attributes"]["status"] == "draft"
    assert made["attributes"]["expires_at"]
    assert warehouse.shop.post("stock_reservations", document).status_code == 422
    error = warehouse.refused("stock_items", item, "_validate", quantity=1)
    assert (error["meta"]["error"], error["meta"]["count"]) == ("greater_than_or_equal_to", 2)
    warehouse.do("stock_items", item, "_validate", quantity=2)
    assert warehouse.shop.patch("stock_items", item, quantity=1).status_code == 200
    pending = warehouse.do("stock_reservations", made["id"], "_pending")
    assert pending["status"] == "pending"
    warehouse.shop.http.delete(f"stock_reservations/{made['id']}")
    assert warehouse.do("stock_items", item, "_validate", quantity=0)["quantity"] == 0


def test_who_waits_for_stock_is_told_once(warehouse: Warehouse) -> None:
    sku = warehouse.sku(0)
    subscription = warehouse.make(
        "in_stock_subscriptions",
        {"stock_threshold": 2},
        market=warehouse.market,
        sku=sku,
        customer=warehouse.shop.create("customers"),
    )["id"]
    item = item_of(warehouse, sku)
    seen = []
    for quantity in (1, 2, 0, 5):
        warehouse.shop.patch("stock_items", item, quantity=quantity)
        seen.append(warehouse.attributes("in_stock_subscriptions", subscription)["status"])
    assert seen == ["active", "notified", "notified", "notified"]


def transfer(warehouse: Warehouse, sku: dict[str, Any], quantity: int) -> str:
    origin, destination = warehouse.locations
    return str(
        warehouse.make(
            "stock_transfers",
            {"quantity": quantity},
            sku=sku,
            origin_stock_location=origin,
            destination_stock_location=destination,
        )["id"]
    )


def test_a_transfer_leaves_and_arrives(shared: Shop) -> None:
    warehouse = Warehouse(shared, locations=2)
    sku = warehouse.sku(5)
    moved = transfer(warehouse, sku, 4)
    seen = []
    for trigger in ("_upcoming", "_picking", "_in_transit", "_complete"):
        status = warehouse.do("stock_transfers", moved, trigger, trigger)["status"]
        seen.append((status, warehouse.stock(sku)))
    assert seen == [
        ("upcoming", [5, 0]),
        ("picking", [5, 0]),
        ("in_transit", [1, 0]),
        ("completed", [1, 4]),
    ]


def test_a_transfer_promises_and_releases_the_stock_of_its_origin(shared: Shop) -> None:
    warehouse = Warehouse(shared, locations=2)
    sku = warehouse.sku(5)
    moved = transfer(warehouse, sku, 4)
    late = transfer(warehouse, sku, 2)
    order = warehouse.order((sku, 2))
    warehouse.do("stock_transfers", moved, "_upcoming")
    error = warehouse.refused("stock_transfers", late, "_upcoming")
    assert error["source"]["pointer"] == "/data/attributes/quantity"
    assert warehouse.refused("orders", order, "_place")
    assert shared.patch("stock_transfers", moved, quantity=6).status_code == 422
    assert shared.patch("stock_transfers", moved, quantity=3).status_code == 200
    warehouse.do("stock_transfers", late, "_upcoming")
    warehouse.do("stock_transfers", moved, "_cancel")
    warehouse.do("stock_transfers", transfer(warehouse, sku, 3), "_upcoming")


def test_a_transfer_goes_elsewhere(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    document = {
        "type": "stock_transfers",
        "attributes": {"quantity": 1},
        "relationships": {
            "sku": link(warehouse.sku(1)),
            "origin_stock_location": link(warehouse.locations[0]),
            "destination_stock_location": link(warehouse.locations[0]),
        },
    }
    assert shared.post("stock_transfers", document).status_code == 422
