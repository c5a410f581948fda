"""Promotions, coupons and gift cards: what they take off, and when they do not."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulator import Simulator
from tests.conformance.checkout import Checkout
from tests.conformance.shop import Shop
from tests.conformance.test_payments import told


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    """Promotions concern every order, so each test has a simulator of its own."""
    with Simulator() as simulator:
        shop = Shop(simulator)
        yield Checkout(shop)
        shop.close()


def promotion(checkout: Checkout, kind: str, **attributes: Any) -> dict[str, Any]:
    times = {"starts_at": "2020-01-01T00:00:00Z", "expires_at": "2090-01-01T00:00:00Z"}
    return checkout.shop.create(kind, **{"currency_code": "EUR"} | times | attributes)


def cart(checkout: Checkout, *cents: int, **attributes: Any) -> str:
    order = checkout.order(**attributes)
    for each in cents:
        checkout.add(order, checkout.sku(each))
    return str(order["id"])


def discount(checkout: Checkout, order: str) -> int:
    read = checkout.fire("orders", order, "_refresh")
    assert read["total_amount_cents"] == read["subtotal_amount_cents"] + (
        read["discount_amount_cents"] + read["gift_card_amount_cents"]
    )
    return int(read["discount_amount_cents"])


def test_a_percentage_is_spread_over_the_items_to_the_cent(checkout: Checkout) -> None:
    made = promotion(checkout, "percentage_discount_promotions", percentage=10)
    order = cart(checkout, 333, 333, 334)
    assert discount(checkout, order) == -100
    lines = checkout.shop.get(f"orders/{order}/line_items").json()["data"]
    shares = [each["attributes"]["discount_cents"] for each in lines]
    assert sorted(shares) == [-34, -33, -33, 0]
    (line,) = [each for each in lines if each["attributes"]["item_type"] == made["type"]]
    assert line["attributes"]["name"] == made["attributes"]["name"]
    checkout.fire(made["type"], made["id"], "_disable")
    assert discount(checkout, order) == 0


def test_a_fixed_amount_takes_no_more_than_there_is(checkout: Checkout) -> None:
    promotion(checkout, "fixed_amount_promotions", fixed_amount_cents=700)
    assert discount(checkout, cart(checkout, 1000)) == -700
    assert discount(checkout, cart(checkout, 500)) == -500


def test_a_fixed_price_is_for_the_skus_of_its_list(checkout: Checkout) -> None:
    listed, other = checkout.sku(1000), checkout.sku(1000)
    sku_list = checkout.shop.create("sku_lists", manual=True)
    checkout.make("sku_list_items", ("sku_list", sku_list), ("sku", listed), quantity=1)
    checkout.make(
        "fixed_price_promotions",
        ("sku_list", sku_list),
        fixed_amount_cents=600,
        currency_code="EUR",
        starts_at="2020-01-01T00:00:00Z",
        expires_at="2090-01-01T00:00:00Z",
    )
    order = checkout.order()
    checkout.add(order, listed, 2)
    checkout.add(order, other, 1)
    assert discount(checkout, order["id"]) == -800


def test_shipping_can_be_free(checkout: Checkout) -> None:
    order = cart(checkout, 1000)
    (shipment,) = checkout.shop.ids(f"orders/{order}/shipments")
    method = checkout.shop.create("shipping_methods", price_amount_cents=700, scheme="flat")
    checkout.link("shipments", shipment, shipping_method=method)
    assert checkout.read("orders", order)["shipping_amount_cents"] == 700
    promotion(checkout, "free_shipping_promotions")
    read = checkout.fire("orders", order, "_refresh")
    assert (read["discount_amount_cents"], read["total_amount_cents"]) == (-700, 1000)


def test_exclusive_promotions_and_priorities(checkout: Checkout) -> None:
    promotion(checkout, "percentage_discount_promotions", percentage=10, priority=1)
    promotion(checkout, "fixed_amount_promotions", fixed_amount_cents=100, priority=2)
    order = cart(checkout, 1000)
    assert discount(checkout, order) == -200
    promotion(
        checkout, "fixed_amount_promotions", fixed_amount_cents=50, exclusive=True, priority=3
    )
    assert discount(checkout, order) == -50


@pytest.mark.parametrize(
    "attributes",
    [
        {"starts_at": "2089-01-01T00:00:00Z"},
        {"expires_at": "2021-01-01T00:00:00Z"},
        {"currency_code": "USD"},
        {"_disable": True},
    ],
)
def test_promotions_that_do_not_apply(checkout: Checkout, attributes: dict[str, Any]) -> None:
    promotion(checkout, "percentage_discount_promotions", percentage=10, **attributes)
    assert discount(checkout, cart(checkout, 1000)) == 0


def test_an_order_has_to_be_large_enough(checkout: Checkout) -> None:
    made = promotion(checkout, "percentage_discount_promotions", percentage=10)
    checkout.make(
        "order_amount_promotion_rules",
        ("promotion", made),
        order_amount_cents=1500,
        use_subtotal=True,
    )
    assert discount(checkout, cart(checkout, 1500)) == 0
    assert discount(checkout, cart(checkout, 1501)) == -150


def test_an_order_has_to_have_the_skus(checkout: Checkout) -> None:
    sku = checkout.sku(1000)
    sku_list = checkout.shop.create("sku_lists", manual=True)
    checkout.make("sku_list_items", ("sku_list", sku_list), ("sku", sku), quantity=1)
    made = promotion(checkout, "percentage_discount_promotions", percentage=10)
    rule = checkout.make(
        "sku_list_promotion_rules", ("promotion", made), ("sku_list", sku_list), min_quantity=2
    )
    order = checkout.order()
    item = checkout.add(order, sku, 1)
    assert discount(checkout, order["id"]) == 0
    checkout.shop.patch("line_items", item["id"], quantity=2)
    assert discount(checkout, order["id"]) == -200
    shown = checkout.shop.get(f"{made['type']}/{made['id']}/sku_list_promotion_rule").json()
    assert shown["data"]["id"] == rule["id"]


def coupon(checkout: Checkout, **attributes: Any) -> dict[str, Any]:
    made = promotion(checkout, "percentage_discount_promotions", percentage=10)
    rule = checkout.make("coupon_codes_promotion_rules", ("promotion", made))
    values = {"code": "SUMMER-26", "usage_limit": 2, "customer_single_use": False} | attributes
    values = {"expires_at": "2090-01-01T00:00:00Z"} | values
    return checkout.make("coupons", ("promotion_rule", rule), **values)


def refused(checkout: Checkout, order: str, **attributes: Any) -> bool:
    answer = checkout.shop.patch("orders", order, **attributes)
    if answer.status_code == 422:
        pointers = [each["source"]["pointer"] for each in answer.json()["errors"]]
        assert pointers == [f"/data/attributes/{name}" for name in attributes]
    return answer.status_code == 422


def test_a_coupon_brings_its_promotion(checkout: Checkout) -> None:
    coupon(checkout)
    order = cart(checkout, 1000)
    assert discount(checkout, order) == 0
    assert refused(checkout, order, coupon_code="NO-SUCH-CODE")
    assert not refused(checkout, order, gift_card_or_coupon_code="SUMMER-26")
    read = checkout.read("orders", order)
    assert (read["coupon_code"], read["discount_amount_cents"]) == ("SUMMER-26", -100)
    assert not refused(checkout, order, coupon_code=None)
    assert discount(checkout, order) == 0


def test_a_coupon_is_used_up(checkout: Checkout) -> None:
    made = coupon(checkout, usage_limit=1)
    first, second = checkout.ready(), checkout.ready()
    for order in (first, second):
        assert not refused(checkout, order, coupon_code="SUMMER-26")
    checkout.fire("orders", first, "_place")
    assert checkout.read("coupons", made["id"])["usage_count"] == 1
    assert discount(checkout, second) == 0
    assert refused(checkout, cart(checkout, 1000), coupon_code="SUMMER-26")


def gift_card(checkout: Checkout, cents: int, **attributes: Any) -> dict[str, Any]:
    values = {"code": "GIFT-0000-1111", "currency_code": "EUR", "balance_cents": cents}
    card = checkout.shop.create("gift_cards", **values | attributes)
    checkout.fire("gift_cards", card["id"], "_purchase")
    checkout.fire("gift_cards", card["id"], "_activate")
    return card


def test_a_gift_card_pays_what_it_can(checkout: Checkout) -> None:
    card = gift_card(checkout, 1500)
    order = checkout.ready()
    checkout.fire("orders", order, gift_card_code="GIFT-000")
    read = checkout.read("orders", order)
    assert (read["gift_card_amount_cents"], read["total_amount_cents"]) == (-1500, 500)
    topics = told(checkout)
    checkout.fire("orders", order, "_place")
    assert [each for each in topics if each.startswith("gift_cards.")] == [
        "gift_cards.use",
        "gift_cards.redeem",
    ]
    assert checkout.transactions(order)[0]["attributes"]["amount_cents"] == 500
    after = checkout.read("gift_cards", card["id"])
    assert (after["balance_cents"], after["initial_balance_cents"]) == (0, 1500)
    assert after["status"] == "redeemed"
    assert [each["balance_change_cents"] for each in after["balance_log"]] == [-1500]
    checkout.fire("orders", order, "_cancel")
    restored = checkout.read("gift_cards", card["id"])
    assert (restored["balance_cents"], restored["status"]) == (1500, "active")


def test_a_gift_card_pays_all_of_a_small_order(checkout: Checkout) -> None:
    card = gift_card(checkout, 5000)
    order = checkout.ready()
    checkout.fire("orders", order, gift_card_code="GIFT-0000-1111")
    assert checkout.statuses(order)[1] == "free"
    checkout.fire("orders", order, "_place")
    assert checkout.read("gift_cards", card["id"])["balance_cents"] == 3000


def test_gift_cards_that_cannot_pay(checkout: Checkout) -> None:
    card = gift_card(checkout, 100)
    order = cart(checkout, 1000)
    assert refused(checkout, order, gift_card_code="GIFT-")
    checkout.fire("gift_cards", card["id"], "_deactivate")
    assert refused(checkout, order, gift_card_code="GIFT-0000-1111")
    assert refused(checkout, order, gift_card_or_coupon_code="GIFT-0000-1111")


def test_a_gift_card_is_charged_by_hand_within_its_limits(checkout: Checkout) -> None:
    card = gift_card(checkout, 1000, balance_max_cents=1200, rechargeable=True)
    charged = checkout.fire("gift_cards", card["id"], _balance_change_cents=-300)
    assert charged["balance_cents"] == 700
    for change in (-701, 501):
        answer = checkout.shop.patch("gift_cards", card["id"], _balance_change_cents=change)
        assert answer.status_code == 422
    assert checkout.read("gift_cards", card["id"])["balance_cents"] == 700


def test_a_gift_card_that_is_bought_is_purchased(checkout: Checkout) -> None:
    card = checkout.shop.create("gift_cards", currency_code="EUR", balance_cents=2500)
    order = checkout.order()
    item = checkout.add(order, card, 1)
    assert item["attributes"]["unit_amount_cents"] == 2500
    assert checkout.read("orders", order["id"])["subtotal_amount_cents"] == 2500
    checkout.pay(order)
    checkout.fire("orders", order["id"], "_place")
    assert checkout.read("gift_cards", card["id"])["status"] == "inactive"
    assert checkout.statuses(order["id"])[2] == "not_required"
