"""Copies of orders and subscriptions: what they take along, and when they run next."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from local.simulator import Simulator
from local.simulator.behaviour.ordering import frequencies
from local.simulator.clock import parse, printed
from tests.conformance.checkout import Checkout, pair
from tests.conformance.shop import Shop
from tests.conformance.test_payments import told


@pytest.fixture(scope="module")
def checkout() -> Iterator[Checkout]:
    with Simulator() as simulator:
        shop = Shop(simulator)
        yield Checkout(shop)
        shop.close()


def copied(checkout: Checkout, order: str, **attributes: bool) -> tuple[str, str]:
    """The ids of the copy and of the new order."""
    document = {
        "type": "order_copies",
        "attributes": attributes,
        "relationships": {"source_order": {"data": {"type": "orders", "id": order}}},
    }
    copy = checkout.made("order_copies", document)
    assert copy["attributes"]["status"] == "pending"
    target = checkout.shop.get(f"order_copies/{copy['id']}/target_order").json()["data"]
    return copy["id"], target["id"]


def test_a_copy_is_a_new_order_with_the_same_items(checkout: Checkout) -> None:
    order = checkout.placed()
    topics = told(checkout)
    copy, target = copied(checkout, order)
    read = checkout.read("order_copies", copy)
    assert (read["status"], bool(read["completed_at"])) == ("completed", True)
    assert [topic for topic in topics if topic.startswith("order_copies.")] == [
        "order_copies.create",
        "order_copies.start",
        "order_copies.complete",
    ]
    assert checkout.statuses(target) == ("pending", "unpaid", "unfulfilled")
    before, after = checkout.read("orders", order), checkout.read("orders", target)
    for name in ("subtotal_amount_cents", "customer_email", "country_code", "currency_code"):
        assert after[name] == before[name]
    assert after["number"] != before["number"]
    assert checkout.shop.ids(f"orders/{order}/order_copies") == [copy]


def test_a_copy_that_cannot_be_placed_has_failed(checkout: Checkout) -> None:
    topics = told(checkout)
    copy, target = copied(checkout, checkout.placed(), place_target_order=True)
    read = checkout.read("order_copies", copy)
    assert read["status"] == "failed"
    assert read["errors_count"] == len(read["errors_log"]) > 0
    assert "order_copies.fail" in topics
    assert checkout.statuses(target)[0] == "pending"


def test_a_copy_pays_from_the_wallet_and_may_replace_its_source(checkout: Checkout) -> None:
    order = checkout.order()
    checkout.add(order, checkout.sku(do_not_ship=True))
    checkout.pay(order)
    checkout.fire("orders", order["id"], "_place", "_save_payment_source_to_customer_wallet")
    copy, target = copied(checkout, order["id"], place_target_order=True, cancel_source_order=True)
    assert checkout.read("order_copies", copy)["status"] == "completed"
    assert checkout.statuses(target) == ("placed", "authorized", "not_required")
    assert checkout.statuses(order["id"])[:2] == ("cancelled", "voided")


def test_recurring_items_make_subscriptions(checkout: Checkout) -> None:
    order = checkout.order()
    for frequency in ("monthly", "monthly", "weekly", None):
        checkout.add(order, checkout.sku(do_not_ship=True), 1, frequency=frequency)
    checkout.pay(order)
    topics = told(checkout)
    checkout.fire("orders", order["id"], "_place", "_create_subscriptions")
    found = checkout.shop.get(f"orders/{order['id']}/order_subscriptions").json()["data"]
    assert [each["attributes"]["frequency"] for each in found] == ["monthly", "weekly"]
    for each, count in zip(found, (2, 1), strict=True):
        assert each["attributes"]["status"] == "active"
        assert each["attributes"]["next_run_at"] > each["attributes"]["starts_at"]
        items = checkout.shop.ids(f"order_subscriptions/{each['id']}/order_subscription_items")
        assert len(items) == count
    assert "orders.create_subscriptions" in topics
    assert topics.count("order_subscriptions.activate") == 2
    topics.clear()
    checkout.fire("orders", order["id"], "_create_subscriptions")
    assert topics == []


def test_a_subscription_runs_next_while_it_is_active(checkout: Checkout) -> None:
    order = checkout.ready()
    made = checkout.made(
        "order_subscriptions",
        {
            "type": "order_subscriptions",
            "attributes": {
                "frequency": "daily",
                "activate_by_source_order": False,
                "starts_at": "2090-01-01T00:00:00.000Z",
            },
            "relationships": {"source_order": {"data": {"type": "orders", "id": order}}},
        },
    )
    assert made["attributes"]["status"] == "draft"
    assert made["attributes"]["next_run_at"] is None
    active = checkout.fire("order_subscriptions", made["id"], "_activate")
    assert (active["status"], active["next_run_at"]) == ("active", "2090-01-01T00:00:00.000Z")
    ended = checkout.fire("order_subscriptions", made["id"], "_deactivate")
    assert (ended["status"], ended["next_run_at"]) == ("inactive", None)


def test_a_subscription_is_converted_to_the_model_of_its_market(checkout: Checkout) -> None:
    order = checkout.ready()
    made = checkout.make("order_subscriptions", ("source_order", {"type": "orders", "id": order}))
    answer = checkout.shop.patch("order_subscriptions", made["id"], _convert=True)
    assert answer.status_code == 422
    model = checkout.shop.create("subscription_models", auto_cancel=True)
    checkout.link("markets", checkout.market["id"], subscription_model=model)
    checkout.fire("order_subscriptions", made["id"], "_convert")
    shown = checkout.shop.get(f"order_subscriptions/{made['id']}/subscription_model").json()
    assert pair(shown["data"]) == pair(model)
    checkout.fire("orders", order, "_cancel")
    assert checkout.read("order_subscriptions", made["id"])["status"] == "cancelled"
    checkout.link("markets", checkout.market["id"], subscription_model=None)


def later(checkout: Checkout, subscription: str, seconds: float) -> dict[str, Any]:
    """The subscription after that time, read with a token that is valid then."""
    simulator = checkout.shop.simulator
    simulator.clock.advance(seconds)
    shop = Shop(simulator)
    read: dict[str, Any] = shop.get(f"order_subscriptions/{subscription}").json()["data"]
    shop.close()
    return dict(read["attributes"])


def test_a_subscription_runs_by_the_clock(simulator: Simulator) -> None:
    shop = Shop(simulator)
    checkout = Checkout(shop)
    order = checkout.order()
    checkout.add(order, checkout.sku(700, do_not_ship=True), 2, frequency="daily")
    checkout.add(order, checkout.sku(do_not_ship=True))
    checkout.pay(order)
    checkout.fire("orders", order["id"], "_place", "_save_payment_source_to_customer_wallet")
    checkout.fire("orders", order["id"], "_create_subscriptions")
    (subscription,) = checkout.shop.ids(f"orders/{order['id']}/order_subscriptions")
    first = checkout.read("order_subscriptions", subscription)
    topics = told(checkout)
    later(checkout, subscription, 23 * 3600 + 60)
    assert topics == ["order_subscriptions.renewal"]
    run = later(checkout, subscription, 3600)
    assert topics.count("order_subscriptions.renewal") == 1
    assert "order_subscriptions.last_run_succeeded" in topics
    assert (run["occurrencies"], run["succeeded_on_last_run"]) == (2, True)
    assert run["next_run_at"] > first["next_run_at"]
    made = simulator.store.all("orders")[-1]
    assert (made.get("status"), made.get("total_amount_cents")) == ("placed", 1400)
    shop.close()


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        ("hourly", "2024-01-31T11:30:00.000Z"),
        ("daily", "2024-02-01T10:30:00.000Z"),
        ("monthly", "2024-02-29T10:30:00.000Z"),
        ("three-month", "2024-04-30T10:30:00.000Z"),
        ("yearly", "2025-01-31T10:30:00.000Z"),
        ("0 */6 * * *", "2024-01-31T12:00:00.000Z"),
        ("45 9-10 * * *", "2024-01-31T10:45:00.000Z"),
        ("0 8 1,15 * *", "2024-02-01T08:00:00.000Z"),
        ("0 8 * * 1", "2024-02-05T08:00:00.000Z"),
    ],
)
def test_frequencies(frequency: str, expected: str) -> None:
    at = parse(datetime(2024, 1, 31, 10, 30, tzinfo=UTC).isoformat())
    run = frequencies.after(frequency, at)
    assert run is not None
    assert printed(run) == expected


@pytest.mark.parametrize("frequency", ["often", "x 8 * * *", "0 8 31 2 *", "0 a * * *"])
def test_frequencies_that_never_come(frequency: str) -> None:
    assert frequencies.after(frequency, 0) is None
