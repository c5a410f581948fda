"""What the shop does by itself: money, totals, statuses, triggers, customers, tags."""

from collections.abc import Iterator
from typing import Any

import pytest

from connector.commerce_layer import catalog
from local.simulator import Simulator
from local.simulator.behaviour import money
from local.simulator.clock import printed
from local.simulator.settings import Settings
from local.simulator.world import World
from tests.conformance.checkout import Checkout
from tests.conformance.shop import Shop


@pytest.fixture(scope="module")
def shared() -> Iterator[Shop]:
    with Simulator(seed=3) as simulator:
        shop = Shop(simulator)
        yield shop
        shop.close()


def pending_order(shop: Shop) -> str:
    """Two T-shirts at 10 euros for a customer who did not exist."""
    return Checkout(shop).ready(cents=1000, quantity=2)


def statuses(shop: Shop, order: str) -> tuple[str, str, str]:
    attributes = shop.get(f"orders/{order}").json()["data"]["attributes"]
    return attributes["status"], attributes["payment_status"], attributes["fulfillment_status"]


def test_an_order_lives_from_draft_to_fulfilled(shared: Shop) -> None:
    order = pending_order(shared)
    assert statuses(shared, order) == ("pending", "unpaid", "unfulfilled")
    for trigger, expected in (
        ("_place", ("placed", "authorized", "unfulfilled")),
        ("_start_editing", ("editing", "authorized", "unfulfilled")),
        ("_stop_editing", ("placed", "authorized", "unfulfilled")),
        ("_approve", ("approved", "authorized", "unfulfilled")),
        ("_capture", ("approved", "paid", "in_progress")),
        ("_fulfill", ("approved", "paid", "fulfilled")),
        ("_refund", ("cancelled", "refunded", "fulfilled")),
    ):
        assert shared.patch("orders", order, **{trigger: True}).status_code == 200
        assert statuses(shared, order) == expected
    transactions = shared.get(f"orders/{order}/transactions").json()["data"]
    assert [each["type"] for each in transactions] == ["authorizations", "captures", "refunds"]
    assert {each["attributes"]["amount_cents"] for each in transactions} == {2000}


def test_totals_follow_from_the_line_items(shared: Shop) -> None:
    order = pending_order(shared)
    read = shared.get(f"orders/{order}", include="line_items,customer").json()
    attributes = read["data"]["attributes"]
    assert attributes["currency_code"] == "EUR"
    assert attributes["subtotal_amount_cents"] == 2000
    assert attributes["total_amount_with_taxes_cents"] == 2000
    assert attributes["total_amount_with_taxes_float"] == 20.0
    assert attributes["formatted_total_amount_with_taxes"] == "€20,00"
    assert attributes["skus_count"] == 2
    included = {each["type"]: each["attributes"] for each in read["included"]}
    assert included["customers"]["email"] == attributes["customer_email"]
    query = {"filter[q][item_type_eq]": "skus"}
    (line,) = shared.get(f"orders/{order}/line_items", **query).json()["data"]
    assert line["attributes"]["unit_amount_cents"] == 1000
    item = line["id"]
    shared.patch("line_items", item, quantity=5)
    total = "total_amount_cents"
    assert shared.get(f"orders/{order}").json()["data"]["attributes"][total] == 5000
    shared.http.delete(f"line_items/{item}")
    assert shared.get(f"orders/{order}").json()["data"]["attributes"][total] == 0


def test_approve_and_capture_in_one_go(shared: Shop) -> None:
    order = pending_order(shared)
    shared.patch("orders", order, _place=True)
    shared.patch("orders", order, _approve_and_capture=True)
    assert statuses(shared, order) == ("approved", "paid", "in_progress")


def test_cancelling_voids_what_was_authorized(shared: Shop) -> None:
    order = pending_order(shared)
    shared.patch("orders", order, _place=True)
    shared.patch("orders", order, _cancel=True)
    assert statuses(shared, order) == ("cancelled", "voided", "unfulfilled")
    assert len(shared.ids(f"orders/{order}/voids")) == 1


def test_triggers_are_idempotent(shared: Shop) -> None:
    order = pending_order(shared)
    first = shared.patch("orders", order, _place=True).json()["data"]
    second = shared.patch("orders", order, _place=True).json()["data"]
    assert second == first
    assert len(shared.ids(f"orders/{order}/authorizations")) == 1


def test_a_refused_trigger_changes_nothing_of_its_request(shared: Shop) -> None:
    order = pending_order(shared)
    before = shared.get(f"orders/{order}").json()["data"]
    refused = shared.patch("orders", order, _capture=True, reference="x")
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["code"]) == (422, "VALIDATION_ERROR")
    assert error["source"] == {"pointer": "/data/attributes/_capture"}
    assert shared.get(f"orders/{order}").json()["data"] == before


@pytest.mark.parametrize("value", [False, None, 0, ""])
def test_a_trigger_that_is_not_true_does_nothing(shared: Shop, value: Any) -> None:
    order = pending_order(shared)
    assert shared.patch("orders", order, _place=value).status_code == 200
    assert statuses(shared, order)[0] == "pending"


def test_unknown_triggers_are_refused_and_triggers_are_never_printed(shared: Shop) -> None:
    order = pending_order(shared)
    assert shared.patch("orders", order, _nonsense=True).status_code == 400
    printed_names = shared.patch("orders", order, _place=True).json()["data"]["attributes"]
    assert not [name for name in printed_names if name.startswith("_")]


def test_placed_orders_are_archived_and_never_deleted(shared: Shop) -> None:
    order = pending_order(shared)
    shared.patch("orders", order, _place=True)
    assert shared.http.delete(f"orders/{order}").status_code == 423
    query = {"filter[q][archived_at_null]": "false", "filter[q][id_eq]": order}
    assert shared.ids("orders", **query) == []
    shared.patch("orders", order, _archive=True)
    assert shared.ids("orders", **query) == [order]
    shared.patch("orders", order, _unarchive=True)
    assert shared.ids("orders", **query) == []


def test_shipments_move_step_by_step(shared: Shop) -> None:
    shipment = shared.create("shipments")["id"]
    assert shared.patch("shipments", shipment, _ship=True).status_code == 422
    states = ["upcoming", "picking", "packing", "ready_to_ship", "ship", "deliver"]
    seen = [
        shared.patch("shipments", shipment, **{f"_{state}": True}).json()["data"]["attributes"]
        for state in states
    ]
    assert [each["status"] for each in seen] == [*states[:4], "shipped", "delivered"]
    assert seen[-1]["shipped_at"] is not None


def test_enable_and_disable_set_and_clear_the_stamp(shared: Shop) -> None:
    resources = [catalog.resource(kind) for kind in catalog.types()]
    kinds = [
        each.type
        for each in resources
        if "_disable" in each.triggers and "update" in each.operations
    ]
    assert len(kinds) > 20
    for kind in kinds:
        record = shared.simulator.store.put(kind)
        disabled = shared.patch(kind, record.id, _disable=True).json()["data"]["attributes"]
        assert disabled["disabled_at"] is not None, kind
        enabled = shared.patch(kind, record.id, _enable=True).json()["data"]["attributes"]
        assert enabled["disabled_at"] is None, kind


def test_every_trigger_of_the_catalog_is_answered(shared: Shop) -> None:
    """Done, without effect, or refused by the state; never by name, and never a crash."""
    for kind in catalog.types():
        resource = catalog.resource(kind)
        for name, trigger in resource.triggers.items():
            if trigger.updatable and "update" in resource.operations:
                record = shared.simulator.store.put(kind)
                value = {"boolean": True, "integer": 1}.get(trigger.type, "text")
                answer = shared.patch(kind, record.id, **{name: value})
                assert answer.status_code in (200, 422), (kind, name, answer.text)


def test_tags_are_added_and_removed_by_name(shared: Shop) -> None:
    shared.simulator.store.put("tags", {"name": "summer"})
    shared.simulator.store.put("tags", {"name": "sale"})
    sku = shared.create("skus")["id"]
    shared.patch("skus", sku, _add_tags="summer,sale,unknown,summer")
    names = [each["attributes"]["name"] for each in shared.get(f"skus/{sku}/tags").json()["data"]]
    assert sorted(names) == ["sale", "summer"]
    assert shared.ids("skus", **{"filter[q][tags_name_eq]": "sale"}) == [sku]
    shared.patch("skus", sku, _remove_tags="sale")
    assert len(shared.ids(f"skus/{sku}/tags")) == 1


def test_a_record_has_ten_tags_at_most(shared: Shop) -> None:
    names = [shared.create("tags")["attributes"]["name"] for _ in range(11)]
    sku = shared.create("skus")["id"]
    assert shared.patch("skus", sku, _add_tags=",".join(names[:10])).is_success
    assert shared.patch("skus", sku, _add_tags=f"{names[0]},unknown").is_success
    refused = shared.patch("skus", sku, _add_tags=names[10], name="Not written")
    (error,) = refused.json()["errors"]
    assert error["source"] == {"pointer": "/data/attributes/_add_tags"}
    assert error["meta"] == {"error": "too_long", "value": 11, "count": 10}
    assert len(shared.ids(f"skus/{sku}/tags", **{"page[size]": 25})) == 10
    assert shared.get(f"skus/{sku}").json()["data"]["attributes"]["name"] != "Not written"


def test_a_customer_is_found_or_made_by_email(shared: Shop) -> None:
    for _ in range(2):
        shared.create("orders", customer_email="twice@example.com")
    customers = shared.ids("customers", **{"filter[q][email_eq]": "twice@example.com"})
    assert len(customers) == 1
    assert len(shared.ids(f"customers/{customers[0]}/orders")) == 2


def test_nothing_is_made_by_a_document_that_is_refused(shared: Shop) -> None:
    document = {"customer_email": "never@example.com", "expires_at": "never"}
    assert shared.post("orders", {"type": "orders", "attributes": document}).status_code == 422
    assert shared.ids("customers", **{"filter[q][email_eq]": "never@example.com"}) == []


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [
        (123_456, "EUR", "€1.234,56"),
        (123_456, "USD", "$1,234.56"),
        (-5, "GBP", "-£0.05"),
        (123_456, "JPY", "¥123,456"),
        (100, "CHF", "CHF1.00"),
        (1_234_567, "SEK", "12 345,67 kr"),
        (-1_500, "KWD", "-د.ك1.500"),
        (3, "MGA", "Ar0.6"),
        (100, "XYZ", "1.00 XYZ"),
    ],
)
def test_amounts_are_formatted_by_currency(cents: int, currency: str, text: str) -> None:
    assert money.formatted(cents, currency) == text


def test_the_seeded_shop_hangs_together(shared: Shop) -> None:
    store = shared.simulator.store
    now = store.clock.now()
    for order in store.all("orders")[:3]:
        items = store.related(order, "line_items")
        assert order.get("total_amount_cents") == sum(e.get("total_amount_cents") for e in items)
        assert store.one(order, "customer")
        assert store.related(order, "shipments")
        assert order.created_at <= order.updated_at < now
    for sku in store.all("skus")[:3]:
        assert store.related(sku, "prices")
        assert store.related(sku, "stock_items")


def test_a_shop_is_the_same_at_every_start() -> None:
    first, second = (World(Settings(seed=20)).store.records.values() for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert (one.type, one.id, one.links) == (other.type, other.id, other.links)
        timeless = {k: v for k, v in one.attributes.items() if not k.endswith("_at")}
        assert timeless.items() <= other.attributes.items()


def test_stamps_are_cut_not_rounded() -> None:
    assert printed(1_999_999) == "1970-01-01T00:00:01.999Z"


def test_several_simulators_do_not_know_each_other(shared: Shop) -> None:
    with Simulator() as other:
        stranger = Shop(other)
        assert stranger.get("skus").json()["meta"]["record_count"] == 0
        assert stranger.simulator.port != shared.simulator.port
        token = stranger.http.headers["Authorization"]
        answer = shared.http.get("skus", headers={"Authorization": token})
        assert answer.status_code == 401
        stranger.close()
