"""Shipments: made by the inventory model, charged by their method, moved on by hand."""

from typing import Any

import pytest

from local.simulator.topics import TOPICS
from tests.conformance.shop import Shop
from tests.conformance.warehouse import Warehouse, link


def topics(shop: Shop, call: Any) -> list[str]:
    """What a call announces. The jobs and webhooks that listen are let go first."""
    heard: list[str] = []
    store = shop.simulator.store
    announce = store.announce

    def listen(record: Any, event: str) -> None:
        heard.extend({f"{record.type}.{event}"} & TOPICS)
        announce(record, event)

    store.announce = listen  # type: ignore[method-assign]
    try:
        call()
    finally:
        store.announce = announce  # type: ignore[method-assign]
    return heard


def where(warehouse: Warehouse, order: str) -> list[tuple[int, int]]:
    """For each shipment the location, by its place in the row, and how many pieces."""
    found = warehouse.shop.get(f"orders/{order}/shipments", include="stock_location").json()["data"]
    ids = [location["id"] for location in warehouse.locations]
    return sorted(
        (
            ids.index(each["relationships"]["stock_location"]["data"]["id"]),
            each["attributes"]["skus_count"],
        )
        for each in found
    )


@pytest.mark.parametrize(
    ("strategy", "stock", "expected", "transferred"),
    [
        ("no_split", ((5, 5), (5, 5)), [(0, 4)], []),
        ("no_split", ((1, 5), (5, 5)), [(1, 4)], []),
        ("split_shipments", ((1, 5), (5, 5)), [(0, 3), (1, 1)], []),
        ("ship_from_primary", ((1, 5), (5, 5)), [(0, 4)], [1]),
        ("ship_from_primary", ((5, 5), (5, 5)), [(0, 4)], []),
        ("ship_from_first_available_or_primary", ((1, 5), (5, 5)), [(1, 4)], []),
        ("ship_from_first_available_or_primary", ((1, 5), (5, 0)), [(0, 4)], [1]),
    ],
)
def test_the_strategy_chooses_the_stock_locations(
    shared: Shop,
    strategy: str,
    stock: tuple[tuple[int, int], tuple[int, int]],
    expected: list[tuple[int, int]],
    transferred: list[int],
) -> None:
    warehouse = Warehouse(shared, strategy, 2)
    order = warehouse.order(*((warehouse.sku(*each), 2) for each in stock))
    assert where(warehouse, order) == expected
    transfers = [
        each["attributes"]["quantity"]
        for shipment in warehouse.shipments(order)
        for each in shared.get(f"shipments/{shipment['id']}/stock_transfers").json()["data"]
    ]
    assert transfers == transferred


def test_no_more_locations_than_the_cutoff_are_looked_at(shared: Shop) -> None:
    warehouse = Warehouse(shared, "split_shipments", 3, stock_locations_cutoff=2)
    order = warehouse.order((warehouse.sku(1, 1, 1), 3))
    assert warehouse.refused("orders", order, "_place")["meta"]["error"] == "out_of_stock"


def test_there_is_one_shipment_per_category_and_none_for_what_is_not_shipped(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    other = shared.create("shipping_categories")
    goods, heavy = warehouse.sku(5), warehouse.sku(5, category=other)
    download = warehouse.sku(5, do_not_ship=True)
    order = warehouse.order((goods, 1), (heavy, 2), (download, 3))
    counts = [each["attributes"]["skus_count"] for each in warehouse.shipments(order)]
    assert sorted(counts) == [1, 2]
    warehouse.do("orders", order, "_place")
    assert [warehouse.stock(sku) for sku in (goods, heavy, download)] == [[4], [3], [2]]


def test_shipments_are_rebuilt_until_the_order_is_placed(shared: Shop) -> None:
    warehouse = Warehouse(shared, "no_split", 2)
    sku, other = warehouse.sku(1, 5), warehouse.sku(5, 5)
    order = warehouse.order((other, 1))
    assert where(warehouse, order) == [(0, 1)]
    line = {"type": "orders", "id": order}
    heard = topics(
        shared, lambda: warehouse.make("line_items", {"quantity": 2}, order=line, item=sku)
    )
    assert "orders.rebuild_shipments" in heard
    assert where(warehouse, order) == [(1, 3)]
    shared.relate("orders", order, shipping_address={"data": None})
    assert warehouse.shipments(order) == []


def test_a_shipping_method_becomes_a_line_item_of_the_order(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    order = warehouse.order((warehouse.sku(9), 2))
    assert warehouse.attributes("orders", order)["shipping_amount_cents"] == 700
    assert warehouse.attributes("orders", order)["total_amount_cents"] == 2700
    warehouse.ship_by(order, warehouse.shipping_method(price_amount_cents=1200))
    assert warehouse.attributes("orders", order)["shipping_amount_cents"] == 1200
    kinds = [
        each["attributes"]["item_type"]
        for each in shared.get(f"orders/{order}/line_items").json()["data"]
    ]
    assert sorted(kinds) == ["shipments", "skus"]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, 700),
        ({"free_over_amount_cents": 1999}, 0),
        ({"free_over_amount_cents": 2000}, 700),
        ({"scheme": "weight_tiered", "unit_of_weight": "gr"}, 300),
    ],
)
def test_the_price_of_a_method(shared: Shop, attributes: dict[str, Any], expected: int) -> None:
    warehouse = Warehouse(shared)
    method = warehouse.shipping_method(price_amount_cents=700, **attributes)
    for up_to, cents in ((999.5, 100), (1000.0, 300), (None, 500)):
        warehouse.make(
            "shipping_weight_tiers",
            {"name": f"to {up_to}", "up_to": up_to, "price_amount_cents": cents},
            shipping_method=method,
        )
    order = warehouse.order((warehouse.sku(9, weight=500.0, unit_of_weight="gr"), 2))
    warehouse.ship_by(order, method)
    assert warehouse.attributes("orders", order)["shipping_amount_cents"] == expected


def test_only_methods_that_fit_are_available(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    abroad = warehouse.make("shipping_zones", {"name": "Abroad", "not_country_code_regex": "IT"})
    far = warehouse.make(
        "shipping_methods",
        {"name": "Far", "currency_code": "EUR", "price_amount_cents": 1},
        market=warehouse.market,
        shipping_zone=abroad,
    )
    heavy = warehouse.shipping_method(price_amount_cents=1, min_weight=5.0, unit_of_weight="lb")
    closed = warehouse.shipping_method(price_amount_cents=1, _disable=True)
    order = warehouse.order((warehouse.sku(9, weight=500.0, unit_of_weight="gr"), 2))
    (shipment,) = warehouse.shipments(order)
    path = f"shipments/{shipment['id']}/available_shipping_methods"
    available = shared.ids(path, **{"page[size]": 25})
    assert warehouse.method["id"] in available
    assert not {far["id"], heavy["id"], closed["id"]} & set(available)
    refused = shared.relate("shipments", shipment["id"], shipping_method=link(far))
    assert refused.status_code == 422


def test_shipments_start_with_the_fulfilment(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    order = warehouse.order((warehouse.sku(9), 1))
    (shipment,) = warehouse.shipments(order)
    assert shipment["attributes"]["status"] == "draft"
    assert warehouse.refused("shipments", shipment["id"], "_upcoming")
    warehouse.do("orders", order, "_place", "_approve")
    heard = topics(shared, lambda: warehouse.do("orders", order, "_capture"))
    assert "shipments.upcoming" in heard
    assert warehouse.attributes("shipments", shipment["id"])["status"] == "upcoming"


def test_shipments_of_a_location_on_hold_are_on_hold(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    shared.patch("inventory_stock_locations", warehouse.places[0]["id"], on_hold=True)
    (shipment,) = warehouse.shipments(warehouse.in_progress((warehouse.sku(9), 1)))
    assert shipment["attributes"]["status"] == "on_hold"
    assert shipment["attributes"]["on_hold_at"]


def test_the_order_is_fulfilled_when_all_is_shipped(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    other = shared.create("shipping_categories")
    order = warehouse.in_progress((warehouse.sku(5), 1), (warehouse.sku(5, category=other), 1))
    first, second = (each["id"] for each in warehouse.shipments(order))
    steps = ("_picking", "_packing", "_ready_to_ship", "_ship")
    warehouse.do("shipments", first, *steps)
    assert warehouse.attributes("orders", order)["fulfillment_status"] == "in_progress"
    warehouse.do("shipments", second, *steps[:3])
    heard = topics(shared, lambda: warehouse.do("shipments", second, "_ship"))
    assert "shipments.ship" in heard
    assert warehouse.attributes("orders", order)["fulfillment_status"] == "fulfilled"
    assert warehouse.do("shipments", second, "_deliver")["delivered_at"]
    assert warehouse.refused("shipments", second, "_cancel")


def test_the_strategy_owns_shipments_until_the_fulfilment_begins(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    order = warehouse.order((warehouse.sku(9), 1))
    (shipment,) = warehouse.shipments(order)
    links = {
        "order": {"data": {"type": "orders", "id": order}},
        "inventory_stock_location": link(warehouse.places[0]),
    }
    document = {"type": "shipments", "relationships": links}
    refused = shared.post("shipments", document)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["source"]["pointer"] == "/data/relationships/order"
    assert shared.http.delete(f"shipments/{shipment['id']}").status_code == 423
    moved = shared.relate(
        "shipments", shipment["id"], shipping_category=link(shared.create("shipping_categories"))
    )
    assert moved.status_code == 422
    warehouse.do("orders", order, "_place", "_approve", "_capture")
    assert shared.post("shipments", document).status_code == 201
    assert shared.http.delete(f"shipments/{shipment['id']}").status_code == 204


def test_there_is_no_carrier_and_the_answer_says_so(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    (shipment,) = warehouse.shipments(warehouse.in_progress((warehouse.sku(9), 1)))
    rated = warehouse.do("shipments", shipment["id"], "_get_rates")
    assert rated["rates"] == []
    assert rated["get_rates_errors"][0]["type"] == "rate_error"
    assert rated["get_rates_completed_at"]
    error = warehouse.refused("shipments", shipment["id"], "_purchase", selected_rate_id="rate_1")
    assert error["source"]["pointer"] == "/data/attributes/selected_rate_id"


def test_parcels_tell_where_they_are(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    order = warehouse.in_progress((warehouse.sku(9), 3))
    (shipment,) = warehouse.shipments(order)
    parcel = warehouse.make(
        "parcels",
        {"weight": 500.0, "unit_of_weight": "gr"},
        shipment=shipment,
        package=shared.create("packages"),
    )
    steps = ("_picking", "_packing", "_ready_to_ship", "_ship")
    heard = topics(shared, lambda: warehouse.do("shipments", shipment["id"], *steps))
    assert "parcels.shipped" in heard
    status = {"tracking_number": "1Z", "tracking_status": "in_transit"}
    heard = topics(shared, lambda: shared.patch("parcels", parcel["id"], **status))
    assert "parcels.in_transit" in heard
    assert warehouse.attributes("parcels", parcel["id"])["tracking_status_updated_at"]
    again = topics(shared, lambda: shared.patch("parcels", parcel["id"], **status))
    assert "parcels.in_transit" not in again


def test_a_parcel_holds_no_more_than_its_shipment(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    (shipment,) = warehouse.shipments(warehouse.in_progress((warehouse.sku(9), 3)))
    (line,) = shared.get(f"shipments/{shipment['id']}/stock_line_items").json()["data"]
    parcel = warehouse.make(
        "parcels",
        {"weight": 500.0, "unit_of_weight": "gr"},
        shipment=shipment,
        package=shared.create("packages"),
    )
    warehouse.make("parcel_line_items", {"quantity": 2}, parcel=parcel, stock_line_item=line)
    document = {
        "type": "parcel_line_items",
        "attributes": {"quantity": 2},
        "relationships": {"parcel": link(parcel), "stock_line_item": link(line)},
    }
    error = shared.post("parcel_line_items", document).json()["errors"][0]
    assert (error["meta"]["error"], error["meta"]["count"]) == ("less_than_or_equal_to", 1)
