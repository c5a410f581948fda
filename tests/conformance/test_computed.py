"""What follows from other data: names, counts, statuses, days, numbers."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulator import Simulator
from local.simulator.clock import SECOND
from local.simulator.store import Record, Store
from tests.conformance.shop import Shop

DAY = 24 * 3600 * SECOND


@pytest.fixture(scope="module")
def shared() -> Iterator[Shop]:
    with Simulator(seed=5) as simulator:
        shop = Shop(simulator)
        yield shop
        shop.close()


@pytest.fixture
def store(shared: Shop) -> Store:
    return shared.simulator.store


def read(shop: Shop, record: Record, **query: Any) -> dict[str, Any]:
    answer = shop.get(f"{record.type}/{record.id}", **query)
    assert answer.status_code == 200, answer.text
    attributes: dict[str, Any] = answer.json()["data"]["attributes"]
    return attributes


def test_only_what_is_asked_for_is_answered(shared: Shop, store: Store) -> None:
    price_list = store.put("price_lists", {"currency_code": "JPY"})
    price = store.put("prices", {"amount_cents": 1000}, {"price_list": price_list})
    fields = {"fields[prices]": "formatted_original_amount,amount_float,currency_code"}
    assert read(shared, price, **fields) == {
        "formatted_original_amount": "¥1,000",
        "amount_float": 1000.0,
        "currency_code": "JPY",
    }


# --- addresses


def test_an_address_says_where_it_is(shared: Shop, store: Store) -> None:
    address = store.put(
        "addresses",
        {
            "first_name": "Ada",
            "last_name": "Rossi",
            "line_1": "Via Roma 1",
            "line_2": "Interno 2",
            "zip_code": "20121",
            "city": "Milano",
            "state_code": "MI",
            "country_code": "IT",
            "phone": "+39 02 1",
        },
    )
    place = "Via Roma 1 Interno 2, 20121 Milano MI (IT) +39 02 1"
    attributes = read(shared, address)
    assert attributes["full_name"] == "Ada Rossi"
    assert attributes["full_address"] == place
    assert attributes["name"] == f"Ada Rossi, {place}"
    assert (attributes["is_localized"], attributes["is_geocoded"]) == (False, False)
    assert attributes["map_url"] is None

    listed = store.put("customer_addresses", {}, {"address": address})
    assert read(shared, listed)["name"] == attributes["name"]

    store.change(address, {"business": True, "company": "Rossi SpA", "lat": 45.5, "lng": 9.2})
    attributes = read(shared, address)
    assert attributes["full_name"] == "Rossi SpA"
    assert (attributes["is_localized"], attributes["is_geocoded"]) == (True, False)

    store.change(address, {}, {"geocoder": store.put("google_geocoders", {"name": "Maps"})})
    attributes = read(shared, address)
    assert (attributes["is_geocoded"], attributes["provider_name"]) == (True, "google")
    assert attributes["map_url"].endswith("query=45.5,9.2")
    assert "center=45.5,9.2" in attributes["static_map_url"]


# --- what begins and ends


@pytest.mark.parametrize(
    ("kind", "given", "status"),
    [
        ("percentage_discount_promotions", {}, "active"),
        ("percentage_discount_promotions", {"starts_at": DAY}, "pending"),
        ("percentage_discount_promotions", {"expires_at": -DAY}, "expired"),
        ("percentage_discount_promotions", {"expires_at": -DAY, "disabled_at": -DAY}, "disabled"),
        ("flex_promotions", {"total_usage_limit": 0}, "inactive"),
        ("links", {"starts_at": DAY}, "pending"),
        ("links", {"expires_at": -1}, "expired"),
        ("price_list_schedulers", {"disabled_at": -DAY}, "disabled"),
        ("price_list_schedulers", {"starts_at": -DAY, "expires_at": DAY}, "active"),
    ],
)
def test_a_status_follows_from_the_clock(
    shared: Shop, store: Store, kind: str, given: dict[str, int], status: str
) -> None:
    now = store.clock.now()
    values = {k: v + now if k.endswith("_at") else v for k, v in given.items()}
    attributes = read(shared, store.put(kind, values))
    assert (attributes["status"], attributes["active"]) == (status, status == "active")


def test_a_promotion_knows_its_coupons_and_its_limit(shared: Shop, store: Store) -> None:
    promotion = store.put("fixed_amount_promotions", {"name": "Ten off", "total_usage_limit": 3})
    rule = store.put("coupon_codes_promotion_rules", {}, {"promotion": promotion})
    first, second = (
        store.put("coupons", {"code": code}, {"promotion_rule": rule})
        for code in ("SUMMER-1", "SUMMER-2")
    )
    assert read(shared, promotion)["coupons_count"] == 2

    reached = {"filter[q][total_usage_reached_true]": "true"}
    assert promotion.id not in shared.ids("promotions", **reached)
    now = store.clock.now()
    store.put("orders", {"coupon_code": "SUMMER-1"})
    both = store.put("orders", {"coupon_code": "SUMMER-1", "placed_at": now})
    store.put("orders", {"coupon_code": "SUMMER-2", "placed_at": now})
    for order in (both, store.put("orders", {"placed_at": now})):
        store.put("line_items", {"item_type": promotion.type}, {"order": order, "item": promotion})
    assert [read(shared, coupon)["usage_count"] for coupon in (first, second)] == [1, 1]
    assert shared.ids("coupons", **{"filter[q][usage_count_eq]": "1"}) == [first.id, second.id]
    assert read(shared, promotion)["total_usage_count"] == 3
    assert promotion.id in shared.ids("promotions", **reached)
    assert read(shared, promotion)["status"] == "inactive"


def test_heavier_promotions_come_first(shared: Shop, store: Store) -> None:
    def weight(kind: str, **values: Any) -> int:
        return int(read(shared, store.put(kind, values))["weight"])

    exclusive = weight("free_shipping_promotions", exclusive=True)
    first = weight("percentage_discount_promotions", priority=1)
    second = weight("percentage_discount_promotions", priority=2)
    none = weight("percentage_discount_promotions")
    other = weight("free_shipping_promotions")
    assert exclusive > first > second > none > other


# --- the catalogue


def test_a_bundle_is_what_its_skus_are(shared: Shop, store: Store) -> None:
    sku_list = store.put("sku_lists", {"name": "Summer Things!"})
    assert read(shared, sku_list)["slug"] == f"summer-things-{sku_list.number}"
    skus = [store.put("skus", {"do_not_ship": True, "do_not_track": index}) for index in (0, 1)]
    for quantity, sku in enumerate(skus, 1):
        store.put("sku_list_items", {"quantity": quantity}, {"sku_list": sku_list, "sku": sku})
    bundle = store.put("bundles", {"code": "SUMMER"}, {"sku_list": sku_list})
    attributes = read(shared, bundle)
    assert attributes["skus_count"] == 3
    assert (attributes["do_not_ship"], attributes["do_not_track"]) == (True, False)

    shipless = {"filter[q][do_not_ship_true]": "true"}
    assert shared.ids("bundles", **shipless) == [bundle.id]
    assert shared.ids("bundles", **{"filter[q][do_not_ship_eq]": "true"}) == [bundle.id]
    store.change(skus[0], {"do_not_ship": False})
    assert shared.ids("bundles", **shipless) == []


def test_the_inventory_is_told_of_a_single_sku(shared: Shop, store: Store) -> None:
    market = store.all("markets")[0]
    sku = store.put("skus", {"code": "STOCKED", "name": "Stocked"})
    method = store.put(
        "shipping_methods",
        {"name": "Express", "price_amount_cents": 1200, "currency_code": "EUR"},
        {"market": market},
    )
    for quantity in (4, 6, 0):
        location = store.put("stock_locations", {"name": f"Place {quantity}"})
        store.put("stock_items", {"quantity": quantity}, {"sku": sku, "stock_location": location})
        links = {"stock_location": location, "shipping_method": method}
        store.put("delivery_lead_times", {"min_hours": 36, "max_hours": 59}, links)
    inventory = read(shared, sku)["inventory"]
    assert (inventory["available"], inventory["quantity"]) == (True, 10)
    assert [level["quantity"] for level in inventory["levels"]] == [4, 6]
    (lead,) = inventory["levels"][0]["delivery_lead_times"]
    assert (lead["min"], lead["max"]) == ({"hours": 36, "days": 2}, {"hours": 59, "days": 2})
    assert lead["shipping_method"] == {
        "name": "Express",
        "reference": None,
        "price_amount_cents": 1200,
        "free_over_amount_cents": None,
        "formatted_price_amount": "€12,00",
        "formatted_free_over_amount": None,
    }
    (listed,) = shared.get("skus", **{"filter[q][code_eq]": "STOCKED"}).json()["data"]
    assert "inventory" not in listed["attributes"]
    assert read(shared, store.put("skus"))["inventory"]["available"] is False


def test_days_follow_from_hours_and_can_be_filtered(shared: Shop, store: Store) -> None:
    option = store.put("sku_options", {"name": "Engraving", "delay_hours": 37})
    assert shared.ids("sku_options", **{"filter[q][delay_days_eq]": "2"}) == [option.id]
    created = store.put(
        "line_item_options",
        {"quantity": 2, "unit_amount_cents": 150},
        {"sku_option": option, "line_item": store.all("line_items")[0]},
    )
    attributes = read(shared, created)
    assert (attributes["delay_hours"], attributes["delay_days"]) == (37, 2)
    assert attributes["formatted_total_amount"] == "€3,00"

    store.change(option, {"delay_hours": 100})
    assert shared.ids("sku_options", **{"filter[q][delay_days_eq]": "2"}) == []
    assert shared.ids("sku_options", **{"filter[q][delay_days_gt]": "3"}) == [option.id]


# --- orders and what surrounds them


def test_an_order_takes_its_country_and_currency_from_where_it_is_sold(
    shared: Shop, store: Store
) -> None:
    price_list = store.put("price_lists", {"currency_code": "SEK", "tax_included": True})
    market = store.put(
        "markets",
        {"name": "Sverige", "checkout_url": "https://shop.example/:order_id?t=:token"},
        {"price_list": price_list},
    )
    order = store.put("orders", {}, {"market": market})
    attributes = read(shared, order)
    assert (attributes["currency_code"], attributes["tax_included"]) == ("SEK", True)
    assert attributes["country_code"] is None
    token = attributes["token"]
    assert attributes["checkout_url"] == f"https://shop.example/{order.id}?t={token}"
    assert attributes["formatted_total_amount"] == "0,00 kr"
    assert attributes["customer_type"] is None

    in_italy = {"filter[q][country_code_eq]": "IT", "filter[q][id_eq]": order.id}
    assert shared.ids("orders", **in_italy) == []
    home = store.put("addresses", {"country_code": "IT"})
    store.change(order, {}, {"billing_address": home})
    assert shared.ids("orders", **in_italy) == [order.id]
    assert read(shared, order)["requires_billing_info"] is True

    store.change(order, {}, {"shipping_address": store.put("addresses", {"country_code": "SE"})})
    assert shared.ids("orders", **in_italy) == []
    sorted_ids = shared.ids("orders", sort="-country_code", **{"filter[q][country_code_gt]": "S"})
    assert sorted_ids == [order.id]


def test_who_ordered_before_is_returning(shared: Shop, store: Store) -> None:
    customer = store.put("customers", {"email": "again@example.com"})
    now = store.clock.now()
    first, second, cart = (
        store.put("orders", {"placed_at": at}, {"customer": customer})
        for at in (now, now + 1, None)
    )
    types = [read(shared, order)["customer_type"] for order in (first, second, cart)]
    assert types == ["new", "returning", "returning"]
    assert read(shared, customer)["total_orders_count"] == 2
    assert shared.ids("customers", **{"filter[q][total_orders_count_eq]": "2"}) == [customer.id]
    listed = shared.get("customers", sort="-total_orders_count", **{"page[size]": "25"}).json()
    counts = [each["attributes"]["total_orders_count"] for each in listed["data"]]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    (most,) = shared.ids("customers", sort="-total_orders_count", **{"page[size]": "1"})
    assert most == listed["data"][0]["id"]


def test_numbers_count_within_their_order(shared: Shop, store: Store) -> None:
    order = store.put("orders")
    number = order.get("number")
    shipments = [store.put("shipments", {}, {"order": order}) for _ in range(2)]
    parcel = store.put("parcels", {}, {"shipment": shipments[1]})
    back = store.put("returns", {}, {"order": order})
    paid = [store.put(kind, {}, {"order": order}) for kind in ("authorizations", "captures")]
    assert [read(shared, each)["number"] for each in shipments] == [
        f"#{number}/S/001",
        f"#{number}/S/002",
    ]
    assert read(shared, parcel)["number"] == f"#{number}/S/002/P/001"
    assert read(shared, back)["number"] == f"#{number}/R/001"
    assert [read(shared, each)["number"] for each in paid] == [
        f"{number}/T/001",
        f"{number}/T/002",
    ]
    by_number = {"filter[q][number_eq]": f"{number}/T/002"}
    assert shared.ids("captures", **by_number) == [paid[1].id]
    store.delete("shipments", shipments[0].id)
    assert store.put("shipments", {}, {"order": order}).get("number") == f"#{number}/S/003"


def test_a_return_counts_what_comes_back(shared: Shop, store: Store) -> None:
    customer = store.put("customers", {"email": "back@example.com"})
    order = store.put("orders", {"currency_code": "EUR"}, {"customer": customer})
    item = store.put(
        "line_items",
        {
            "name": "Mug",
            "sku_code": "MUG",
            "image_url": "https://img.example/mug.png",
            "quantity": 3,
            "total_amount_cents": 3000,
            "discount_cents": -301,
        },
        {"order": order},
    )
    back = store.put("returns", {}, {"order": order})
    line = store.put("return_line_items", {"quantity": 2}, {"return": back, "line_item": item})
    attributes = read(shared, line)
    assert (attributes["name"], attributes["sku_code"]) == ("Mug", "MUG")
    assert attributes["total_amount_cents"] == 1799
    attributes = read(shared, back)
    assert attributes["customer_email"] == "back@example.com"
    assert attributes["formatted_estimated_refund_amount"] == "€17,99"
    assert shared.ids("returns", **{"filter[q][skus_count_eq]": "2"}) == [back.id]

    shipped = store.put("stock_line_items", {"quantity": 1}, {"line_item": item})
    packed = store.put("parcel_line_items", {"quantity": 1}, {"stock_line_item": shipped})
    names = ("name", "sku_code", "image_url")
    assert [read(shared, packed)[name] for name in names] == [item.get(name) for name in names]


def test_a_subscription_names_its_customer(shared: Shop, store: Store) -> None:
    customer = store.put("customers", {"email": "monthly@example.com"})
    order = store.put("orders", {}, {"customer": customer})
    subscription = store.put("order_subscriptions", {}, {"source_order": order})
    wanted = {"filter[q][customer_email_eq]": "monthly@example.com"}
    assert shared.ids("order_subscriptions", **wanted) == [subscription.id]


def test_a_gift_card_remembers_what_it_was_worth(shared: Shop, store: Store) -> None:
    card = store.put("gift_cards", {"balance_cents": 5000, "currency_code": "EUR"})
    assert read(shared, card)["formatted_initial_balance"] == "€50,00"
    store.change(card, {"status": "active"})
    store.change(card, {"balance_cents": 1000})
    attributes = read(shared, card)
    assert (attributes["formatted_initial_balance"], attributes["formatted_balance"]) == (
        "€50,00",
        "€10,00",
    )


# --- payments


def test_a_payment_repeats_the_public_key_of_its_gateway(shared: Shop, store: Store) -> None:
    gateway = store.put("adyen_gateways", {"public_key": "pk-1"})
    method = store.put("payment_methods", {}, {"payment_gateway": gateway})
    order = store.put("orders", {}, {"payment_method": method})
    payment = store.put("adyen_payments", {}, {"order": order})
    assert read(shared, payment)["public_key"] == "pk-1"
    assert read(shared, gateway)["webhook_endpoint_url"].endswith(f"adyen_gateways/{gateway.id}")
    store.change(order, {}, {"payment_source": payment})
    assert read(shared, order)["payment_source_details"] == {"type": "adyen_payment"}


def test_an_account_knows_whom_to_call(shared: Shop, store: Store) -> None:
    talon = store.put("talon_one_accounts", {"baseurl": "my_shop"})
    assert read(shared, talon)["api_endpoint"] == "https://my_shop.talon.one/v2"
    vertex = store.put("vertex_accounts", {"kind": "on_demand", "baseurl": "my_shop"})
    assert read(shared, vertex)["api_endpoint"] == "https://my_shop.ondemand.vertexinc.com"
