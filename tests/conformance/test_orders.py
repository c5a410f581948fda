"""The life of an order: what it takes to be placed, what it costs, and who hears of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulator import Simulator
from tests.conformance.checkout import Checkout
from tests.conformance.shop import Shop
from tests.conformance.test_payments import told


@pytest.fixture(scope="module")
def checkout() -> Iterator[Checkout]:
    with Simulator() as simulator:
        shop = Shop(simulator)
        yield Checkout(shop)
        shop.close()


def refused(checkout: Checkout, order: str, **triggers: Any) -> list[str]:
    """The pointers of what is missing."""
    answer = checkout.shop.patch("orders", order, **triggers)
    assert answer.status_code == 422, answer.text
    return sorted(each["source"]["pointer"].rpartition("/")[2] for each in answer.json()["errors"])


def of_orders(topics: list[str]) -> list[str]:
    return [topic.removeprefix("orders.") for topic in topics if topic.startswith("orders.")]


def test_placing_names_everything_that_is_missing(checkout: Checkout) -> None:
    order = checkout.order()["id"]
    pair = {"type": "orders", "id": order}
    assert refused(checkout, order, _place=True) == ["_place"]
    checkout.add(pair, checkout.sku())
    checkout.link("orders", order, billing_address=None)
    assert refused(checkout, order, _place=True) == [
        "billing_address",
        "payment_method",
        "payment_source",
        "shipments",
    ]
    checkout.link("orders", order, shipping_address=None)
    assert "shipping_address" in refused(checkout, order, _place=True)
    assert checkout.statuses(order) == ("pending", "unpaid", "unfulfilled")


def test_what_is_missing_may_come_with_the_trigger(checkout: Checkout) -> None:
    order = checkout.ready()
    address = checkout.shop.create("addresses", country_code="FR")
    checkout.link("orders", order, billing_address=None)
    placed = checkout.fire("orders", order, "_place", _billing_address_clone_id=address["id"])
    assert placed["status"] == "placed"
    copy = checkout.shop.get(f"orders/{order}/billing_address").json()["data"]
    assert copy["attributes"]["country_code"] == "FR"
    assert copy["id"] != address["id"]


def test_the_announcements_of_a_life(checkout: Checkout) -> None:
    topics = told(checkout)
    order = checkout.order()
    checkout.add(order, checkout.sku())
    assert of_orders(topics) == ["create", "pending"]
    checkout.pay(order)
    checkout.ship(order["id"])
    for trigger, expected in (
        ("_place", ["authorize", "place"]),
        ("_start_editing", ["start_editing"]),
        ("_stop_editing", ["stop_editing"]),
        ("_approve", ["approve"]),
        ("_capture", ["pay", "start_fulfilling"]),
        ("_fulfill", ["fulfill"]),
        ("_refund", ["cancel", "refund"]),
    ):
        for news in (expected, []):  # once more is no news
            topics.clear()
            answer = checkout.shop.patch("orders", order["id"], **{trigger: True})
            assert answer.status_code == 200
            assert of_orders(topics) == news, trigger


def test_stamps_tell_when(checkout: Checkout) -> None:
    order = checkout.placed()
    placed = checkout.read("orders", order)
    assert placed["placed_at"]
    assert placed["payment_updated_at"]
    assert placed["approved_at"] is None
    assert placed["fulfillment_updated_at"] is None
    checkout.fire("orders", order, "_approve_and_capture")
    approved = checkout.read("orders", order)
    assert approved["approved_at"]
    assert approved["fulfillment_updated_at"]
    assert approved["placed_at"] == placed["placed_at"]
    checkout.fire("orders", order, "_refund")
    assert checkout.read("orders", order)["cancelled_at"]


def test_a_free_order_needs_no_payment(checkout: Checkout) -> None:
    order = checkout.order()
    checkout.add(order, checkout.sku(), 1, unit_amount_cents=0)
    checkout.ship(order["id"])
    assert checkout.statuses(order["id"]) == ("pending", "free", "unfulfilled")
    checkout.fire("orders", order["id"], "_place")
    assert checkout.statuses(order["id"]) == ("placed", "free", "unfulfilled")
    checkout.fire("orders", order["id"], "_approve")
    assert checkout.statuses(order["id"]) == ("approved", "free", "in_progress")
    assert checkout.transactions(order["id"]) == []


def test_what_is_not_shipped_needs_no_fulfilment(checkout: Checkout) -> None:
    order = checkout.order()
    checkout.add(order, checkout.sku(do_not_ship=True))
    checkout.pay(order)
    checkout.link("orders", order["id"], shipping_address=None)
    checkout.fire("orders", order["id"], "_place")
    checkout.fire("orders", order["id"], "_approve_and_capture")
    assert checkout.statuses(order["id"]) == ("approved", "paid", "not_required")


def test_an_order_that_loses_its_items_is_a_draft_again(checkout: Checkout) -> None:
    order = checkout.order()
    item = checkout.add(order, checkout.sku())
    topics = told(checkout)
    checkout.shop.http.delete(f"line_items/{item['id']}")
    assert checkout.statuses(order["id"]) == ("draft", "unpaid", "unfulfilled")
    assert of_orders(topics)[-1] == "draft"


def test_the_items_of_a_placed_order_stand(checkout: Checkout) -> None:
    order = checkout.placed()
    query = {"filter[q][item_type_eq]": "skus"}
    (item,) = checkout.shop.ids(f"orders/{order}/line_items", **query)
    assert checkout.shop.patch("line_items", item, quantity=5).status_code == 422
    assert checkout.shop.patch("line_items", item, reference="erp-1").status_code == 200
    assert checkout.shop.http.delete(f"line_items/{item}").status_code == 422
    document = checkout.shop.document("line_items", unit_amount_cents=5)
    document["relationships"]["order"]["data"]["id"] = order
    assert checkout.shop.post("line_items", document).status_code == 422
    checkout.fire("orders", order, "_start_editing")
    assert checkout.shop.patch("line_items", item, quantity=1).status_code == 200


def test_editing_may_not_make_an_order_dearer(checkout: Checkout) -> None:
    order = checkout.placed()
    query = {"filter[q][item_type_eq]": "skus"}
    (item,) = checkout.shop.ids(f"orders/{order}/line_items", **query)
    checkout.fire("orders", order, "_start_editing")
    checkout.shop.patch("line_items", item, quantity=3)
    assert refused(checkout, order, _stop_editing=True) == ["total_amount_with_taxes_cents"]
    checkout.shop.patch("line_items", item, quantity=1)
    edited = checkout.fire("orders", order, "_stop_editing")
    assert (edited["status"], edited["place_total_amount_cents"]) == ("placed", 2000)
    checkout.fire("orders", order, "_approve_and_capture")
    (capture,) = checkout.transactions(order, "captures")
    assert capture["attributes"]["amount_cents"] == 1000
    assert checkout.statuses(order) == ("approved", "paid", "in_progress")


def test_placing_may_take_its_time(checkout: Checkout) -> None:
    order = checkout.ready()
    checkout.shop.patch("orders", order, place_async=True)
    topics = told(checkout)
    assert checkout.fire("orders", order, "_place")["status"] == "placing"
    assert checkout.statuses(order) == ("placed", "authorized", "unfulfilled")
    assert of_orders(topics) == ["placing", "authorize", "place"]


def test_errors_of_asynchronous_placing_are_kept(checkout: Checkout) -> None:
    order = checkout.ready(simulate_failure="authorizations")
    checkout.shop.patch("orders", order, place_async=True)
    checkout.fire("orders", order, "_place")
    assert checkout.statuses(order) == ("placing", "unpaid", "unfulfilled")
    (error,) = checkout.shop.get(f"orders/{order}/resource_errors").json()["data"]
    assert error["attributes"]["name"] == "payment_source"
    (failed,) = checkout.transactions(order, "authorizations")
    checkout.fire("authorizations", failed["id"], "_forward")
    assert checkout.statuses(order) == ("placed", "authorized", "unfulfilled")


def test_without_autorefresh_the_totals_wait(checkout: Checkout) -> None:
    order = checkout.order(autorefresh=False)
    checkout.add(order, checkout.sku())
    assert checkout.read("orders", order["id"])["total_amount_cents"] == 0
    refreshed = checkout.fire("orders", order["id"], "_refresh")
    assert refreshed["total_amount_cents"] == 1000
    assert refreshed["refreshed_at"]


def test_prices_are_taken_again_when_asked(checkout: Checkout) -> None:
    order, sku = checkout.order(), checkout.sku(1000)
    checkout.add(order, sku)
    (price,) = checkout.shop.ids(f"skus/{sku['id']}/prices")
    checkout.shop.patch("prices", price, amount_cents=1200)
    assert checkout.fire("orders", order["id"], "_refresh")["subtotal_amount_cents"] == 1000
    assert checkout.fire("orders", order["id"], "_refresh_prices")["subtotal_amount_cents"] == 1200


def test_quantities_have_prices_of_their_own(checkout: Checkout) -> None:
    order, sku = checkout.order(), checkout.sku(1000)
    (price,) = checkout.shop.ids(f"skus/{sku['id']}/prices")
    for up_to, cents in ((2, 900), (5, 800)):
        link = ("price", {"type": "prices", "id": price})
        checkout.make("price_volume_tiers", link, up_to=up_to, price_amount_cents=cents)
    item = checkout.add(order, sku, 2)
    assert item["attributes"]["unit_amount_cents"] == 900
    for quantity, cents in ((3, 800), (5, 800), (6, 1000)):
        changed = checkout.shop.patch("line_items", item["id"], quantity=quantity).json()["data"]
        assert changed["attributes"]["unit_amount_cents"] == cents


def test_a_scheduler_lends_the_market_another_price_list(checkout: Checkout) -> None:
    order, sku = checkout.order(), checkout.sku(1000)
    sale = checkout.shop.create("price_lists", currency_code="EUR")
    checkout.make("prices", ("sku", sku), ("price_list", sale), amount_cents=600)
    market = checkout.market
    times = {"starts_at": "2020-01-01T00:00:00Z", "expires_at": "2090-01-01T00:00:00Z"}
    links = (("market", market), ("price_list", sale))
    scheduler = checkout.make("price_list_schedulers", *links, **times)
    item = checkout.add(order, sku)
    assert item["attributes"]["unit_amount_cents"] == 600
    checkout.fire("price_list_schedulers", scheduler["id"], "_disable")
    checkout.fire("orders", order["id"], "_refresh_prices")
    assert checkout.read("line_items", item["id"])["unit_amount_cents"] == 1000


def test_a_price_that_is_given_stays(checkout: Checkout) -> None:
    order = checkout.order()
    item = checkout.add(order, checkout.sku(1000), 1, unit_amount_cents=5)
    changed = checkout.shop.patch("line_items", item["id"], quantity=3).json()["data"]
    assert changed["attributes"]["total_amount_cents"] == 15


def test_what_has_no_price_in_the_market_is_not_sold(checkout: Checkout) -> None:
    order, sku = checkout.order(), checkout.shop.create("skus")
    document = {
        "type": "line_items",
        "attributes": {"quantity": 1, "sku_code": sku["attributes"]["code"]},
        "relationships": {"order": {"data": {"type": "orders", "id": order["id"]}}},
    }
    answer = checkout.shop.post("line_items", document)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["meta"]["error"]) == (422, "blank")


def test_the_same_sku_can_be_added_to_its_line_item(checkout: Checkout) -> None:
    order, sku = checkout.order(), checkout.sku()
    first = checkout.add(order, sku, 1)
    again = checkout.add(order, sku, 4, _update_quantity=True)
    assert again["id"] == first["id"]
    assert again["attributes"]["quantity"] == 4


def test_options_cost_extra(checkout: Checkout) -> None:
    order = checkout.order()
    item = checkout.add(order, checkout.sku(1000), 2)
    option = checkout.shop.create("sku_options", price_amount_cents=50, currency_code="EUR")
    links = (("line_item", item), ("sku_option", option))
    document = {
        "type": "line_item_options",
        "attributes": {"quantity": 3, "options": {"text": "ABC"}},
        "relationships": {
            name: {"data": {"type": other["type"], "id": other["id"]}} for name, other in links
        },
    }
    made = checkout.made("line_item_options", document)
    assert made["attributes"]["total_amount_cents"] == 150
    assert checkout.read("line_items", item["id"])["total_amount_cents"] == 2150
    assert checkout.read("orders", order["id"])["total_amount_cents"] == 2150
    assert checkout.shop.ids(f"orders/{order['id']}/line_item_options") == [made["id"]]


def test_adjustments_and_the_payment_method_count_apart(checkout: Checkout) -> None:
    order = checkout.order()
    checkout.add(order, checkout.sku(1000))
    checkout.add(order, checkout.shop.create("adjustments", amount_cents=-150), 1)
    checkout.pay(order, checkout.method(price_amount_cents=30))
    read = checkout.read("orders", order["id"])
    assert read["subtotal_amount_cents"] == 1000
    assert read["adjustment_amount_cents"] == -150
    assert read["payment_method_amount_cents"] == 30
    assert read["total_amount_cents"] == 880


@pytest.mark.parametrize(("included", "tax", "total"), [(True, 180, 1000), (False, 220, 1220)])
def test_a_manual_calculator_taxes_by_the_address(
    checkout: Checkout, included: bool, tax: int, total: int
) -> None:
    taxed = Checkout(checkout.shop, tax_included=included)
    calculator = taxed.shop.create("manual_tax_calculators")
    for country, rate in (("FR", 0.2), ("IT|DE", 0.22)):
        taxed.make(
            "tax_rules",
            ("manual_tax_calculator", calculator),
            tax_rate=rate,
            country_code_regex=country,
        )
    taxed.link("markets", taxed.market["id"], tax_calculator=calculator)
    order = taxed.order()
    item = taxed.add(order, taxed.sku(1000))
    read = taxed.read("orders", order["id"])
    assert (read["tax_included"], read["tax_rate"]) == (included, 0.22)
    assert read["total_tax_amount_cents"] == tax
    assert read["subtotal_tax_amount_cents"] == tax
    assert read["total_taxable_amount_cents"] == total - tax
    assert read["total_amount_with_taxes_cents"] == total
    assert taxed.read("line_items", item["id"])["tax_amount_cents"] == tax


def test_customers_become_acquired_and_then_repeating(checkout: Checkout) -> None:
    topics = told(checkout)
    customer = ""
    for status in ("acquired", "repeat"):
        order = checkout.ready()
        if customer:
            checkout.link("orders", order, customer={"type": "customers", "id": customer})
        customer = checkout.shop.get(f"orders/{order}/customer").json()["data"]["id"]
        topics.clear()
        checkout.fire("orders", order, "_place")
        assert f"customers.{status}" in topics
        assert checkout.read("customers", customer)["status"] == status
    assert checkout.read("customers", customer)["total_orders_count"] == 2


def test_a_customer_signs_up_with_the_order(checkout: Checkout) -> None:
    topics = told(checkout)
    order = checkout.order()
    assert "customers.create" in topics
    assert checkout.read("orders", order["id"])["guest"] is True
    signed_up = checkout.order(customer_password="secret-secret")
    assert "customers.create_password" in topics
    assert checkout.read("orders", signed_up["id"])["guest"] is False


def test_addresses_and_payments_are_saved_once(checkout: Checkout) -> None:
    order = checkout.ready()
    customer = checkout.shop.get(f"orders/{order}/customer").json()["data"]["id"]
    for _ in range(2):
        checkout.fire(
            "orders",
            order,
            "_save_shipping_address_to_customer_address_book",
            "_save_payment_source_to_customer_wallet",
        )
    assert len(checkout.shop.ids(f"customers/{customer}/customer_addresses")) == 1
    (saved,) = checkout.shop.ids(f"customers/{customer}/customer_payment_sources")
    assert checkout.shop.ids(f"orders/{order}/available_customer_payment_sources") == [saved]
    checkout.fire("orders", order, "_nullify_payment_source")
    checkout.fire("orders", order, _customer_payment_source_id=saved)
    assert checkout.shop.get(f"orders/{order}/payment_source").json()["data"]
    other = checkout.ready()
    assert refused(checkout, other, _customer_payment_source_id=saved) == [
        "_customer_payment_source_id"
    ]


def test_the_other_address_can_be_the_same(checkout: Checkout) -> None:
    order = checkout.order()["id"]
    address = checkout.shop.create("addresses", country_code="FR")
    checkout.fire("orders", order, _shipping_address_clone_id=address["id"])
    checkout.fire("orders", order, "_billing_address_same_as_shipping")
    sides = [
        checkout.shop.get(f"orders/{order}/{side}_address").json()["data"]
        for side in ("billing", "shipping")
    ]
    assert [each["attributes"]["country_code"] for each in sides] == ["FR", "FR"]
    assert len({each["id"] for each in sides} | {address["id"]}) == 3
    assert checkout.read("orders", order)["country_code"] == "FR"
    assert refused(checkout, order, _shipping_address_clone_id="nosuchone_") == [
        "_shipping_address_clone_id"
    ]


def test_payment_methods_of_the_market_are_available(checkout: Checkout) -> None:
    order = checkout.order()["id"]
    method, off = checkout.method(), checkout.method()
    checkout.fire("payment_methods", off["id"], "_disable")
    available = checkout.shop.ids(f"orders/{order}/available_payment_methods", **{"page[size]": 25})
    assert method["id"] in available
    assert off["id"] not in available
    checkout.link("markets", checkout.market["id"], default_payment_method=method)
    read = checkout.shop.get(f"orders/{order}", include="default_payment_method").json()
    assert [each["id"] for each in read["included"]] == [method["id"]]
    checkout.link("markets", checkout.market["id"], default_payment_method=None)
