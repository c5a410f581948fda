"""Returns: of what was sold, once, back on the shelf, and paid back."""

from typing import Any

import pytest

from tests.conformance.shop import Shop
from tests.conformance.warehouse import Warehouse, link

STEPS = ("_request", "_approve", "_ship", "_receive")


@pytest.fixture
def warehouse(shared: Shop) -> Warehouse:
    return Warehouse(shared)


def sold(warehouse: Warehouse, order: str) -> dict[str, Any]:
    items = warehouse.shop.get(f"orders/{order}/line_items").json()["data"]
    found: dict[str, Any] = next(
        each for each in items if each["attributes"]["item_type"] in ("skus", "bundles")
    )
    return found


def returned(warehouse: Warehouse, order: str, quantity: int) -> tuple[str, str]:
    """A draft with one line: their ids."""
    made = warehouse.make("returns", {}, order={"type": "orders", "id": order})
    line = warehouse.make(
        "return_line_items",
        {"quantity": quantity},
        **{"return": made, "line_item": sold(warehouse, order)},
    )
    return made["id"], line["id"]


def test_a_return_goes_step_by_step_and_is_restocked_once(warehouse: Warehouse) -> None:
    sku = warehouse.sku(5)
    identifier, line = returned(warehouse, warehouse.in_progress((sku, 3)), 2)
    assert warehouse.refused("returns", identifier, "_receive")
    assert warehouse.refused("returns", identifier, "_restock")
    done = warehouse.do("returns", identifier, *STEPS)
    assert done["status"] == "received"
    assert all(done[f"{name}_at"] for name in ("approved", "shipped", "received"))
    assert warehouse.stock(sku) == [2]
    warehouse.do("returns", identifier, "_restock", "_restock")
    assert warehouse.stock(sku) == [4]
    assert warehouse.attributes("return_line_items", line)["restocked_at"]
    warehouse.do("return_line_items", line, "_restock")
    assert warehouse.stock(sku) == [4]


def test_a_return_knows_its_customer_and_where_it_comes_from(warehouse: Warehouse) -> None:
    identifier, _ = returned(warehouse, warehouse.in_progress((warehouse.sku(5), 1)), 1)
    found = warehouse.shop.get(
        f"returns/{identifier}", include="customer,origin_address,return_line_items"
    ).json()
    related = found["data"]["relationships"]
    assert related["customer"]["data"]
    assert related["origin_address"]["data"]["id"] == warehouse.address["id"]
    assert found["data"]["attributes"]["skus_count"] == 1
    assert found["data"]["attributes"]["estimated_refund_amount_cents"] == 1000


def test_goods_come_back_to_the_return_location(shared: Shop) -> None:
    warehouse = Warehouse(shared, locations=2)
    warehouse.make(
        "inventory_return_locations",
        {"priority": 1},
        stock_location=warehouse.locations[1],
        inventory_model=warehouse.model,
    )
    sku = warehouse.sku(5)
    identifier, _ = returned(warehouse, warehouse.in_progress((sku, 3)), 2)
    warehouse.do("returns", identifier, *STEPS, "_restock")
    assert warehouse.stock(sku) == [2, 2]


def test_no_more_comes_back_than_was_sold(warehouse: Warehouse) -> None:
    order = warehouse.in_progress((warehouse.sku(5), 3))
    first, line = returned(warehouse, order, 2)
    made = warehouse.make("returns", {}, order={"type": "orders", "id": order})
    document = {
        "type": "return_line_items",
        "attributes": {"quantity": 2},
        "relationships": {"return": link(made), "line_item": link(sold(warehouse, order))},
    }
    error = warehouse.shop.post("return_line_items", document).json()["errors"][0]
    assert (error["meta"]["error"], error["meta"]["count"]) == ("less_than_or_equal_to", 1)
    assert warehouse.shop.patch("return_line_items", line, quantity=4).status_code == 422
    warehouse.do("returns", first, "_cancel")
    assert warehouse.shop.post("return_line_items", document).status_code == 201


def test_the_line_item_is_one_of_the_order(warehouse: Warehouse) -> None:
    order, other = (warehouse.in_progress((warehouse.sku(5), 1)) for _ in range(2))
    made = warehouse.make("returns", {}, order={"type": "orders", "id": order})
    document = {
        "type": "return_line_items",
        "attributes": {"quantity": 1},
        "relationships": {"return": link(made), "line_item": link(sold(warehouse, other))},
    }
    error = warehouse.shop.post("return_line_items", document).json()["errors"][0]
    assert error["source"]["pointer"] == "/data/relationships/line_item"


def test_what_was_restocked_can_count_as_sold_again(warehouse: Warehouse) -> None:
    sku = warehouse.sku(5)
    order = warehouse.in_progress((sku, 1))
    first, line = returned(warehouse, order, 1)
    warehouse.do("returns", first, *STEPS, "_restock")
    item = sold(warehouse, order)["id"]
    warehouse.do("line_items", item, "_reset_restocked_quantity", "_reset_restocked_quantity")
    warehouse.shop.http.delete(f"return_line_items/{line}")
    again, _ = returned(warehouse, order, 1)
    warehouse.do("returns", again, *STEPS, "_restock")
    assert warehouse.stock(sku) == [6]


def test_returns_are_archived(warehouse: Warehouse) -> None:
    identifier, _ = returned(warehouse, warehouse.in_progress((warehouse.sku(5), 1)), 1)
    assert warehouse.do("returns", identifier, "_archive")["archived_at"]
    assert warehouse.do("returns", identifier, "_unarchive")["archived_at"] is None


def test_a_rejected_return_goes_no_further(warehouse: Warehouse) -> None:
    identifier, _ = returned(warehouse, warehouse.in_progress((warehouse.sku(5), 1)), 1)
    assert warehouse.do("returns", identifier, "_request", "_reject")["rejected_at"]
    assert warehouse.refused("returns", identifier, "_approve")


def test_a_return_is_refunded_for_what_its_lines_are_worth(warehouse: Warehouse) -> None:
    order = warehouse.in_progress((warehouse.sku(5), 3))
    identifier, _ = returned(warehouse, order, 2)
    assert warehouse.refused("returns", identifier, "_refund")
    warehouse.do("returns", identifier, *STEPS)
    done = warehouse.do("returns", identifier, "_refund", "_refund")
    assert (done["status"], bool(done["refunded_at"])) == ("refunded", True)
    (refund,) = warehouse.shop.get(f"orders/{order}/refunds").json()["data"]
    assert refund["attributes"]["amount_cents"] == 2000
    related = warehouse.shop.get(f"returns/{identifier}/reference_refund").json()["data"]
    assert related["id"] == refund["id"]
    assert warehouse.attributes("orders", order)["payment_status"] == "partially_refunded"


def test_a_return_is_refunded_by_an_amount_that_is_given(warehouse: Warehouse) -> None:
    order = warehouse.in_progress((warehouse.sku(5), 1))
    identifier, _ = returned(warehouse, order, 1)
    warehouse.do("returns", identifier, *STEPS)
    error = warehouse.refused("returns", identifier, "_refund", _refund_amount_cents=1701)
    assert error["source"]["pointer"] == "/data/attributes/_refund_amount_cents"
    assert error["meta"]["count"] == 1700
    warehouse.do("returns", identifier, "_refund", _refund_amount_cents=250)
    (refund,) = warehouse.shop.get(f"orders/{order}/refunds").json()["data"]
    assert refund["attributes"]["amount_cents"] == 250
