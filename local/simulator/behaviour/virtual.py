"""Relationships that are found by a rule, each time that somebody asks."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from connector.commerce_layer import catalog
from local.simulator.behaviour.goods import shipping_costs

if TYPE_CHECKING:
    from local.simulator.store import Record, Store

_Find = Callable[["Store", "Record"], list["Record"]]


def _enabled(store: "Store", kind: str) -> list["Record"]:
    return [each for each in store.all(kind) if not each.get("disabled_at")]


def _through(*path: str) -> _Find:
    """What is at the end of a path of relationships, to-one or to-many."""

    def find(store: "Store", record: "Record") -> list["Record"]:
        found = [record]
        for name in path:
            found = [other for each in found for other in store.related(each, name)]
        return list(dict.fromkeys(found))

    return find


def _payment_methods(store: "Store", order: "Record") -> list["Record"]:
    """The enabled ones of its market, or of any market in its currency."""
    market, currency = order.links.get("market"), order.get("currency_code")
    return [
        each
        for each in _enabled(store, "payment_methods")
        if each.links.get("market") in (None, market)
        and currency in (None, each.get("currency_code"))
    ]


def _wallet(store: "Store", order: "Record") -> list["Record"]:
    """What its customer has saved for one of the available payment methods."""
    customer = store.one(order, "customer")
    methods = _payment_methods(store, order)
    saved = store.related(customer, "customer_payment_sources") if customer else []
    return [each for each in saved if store.one(each, "payment_method") in (None, *methods)]


def _coupons(store: "Store", promotion: "Record") -> list["Record"]:
    rules = store.pointing("coupon_codes_promotion_rules", "promotion", promotion.number)
    numbers = [n for rule in rules for n in store.pointing("coupons", "promotion_rule", rule)]
    return [store.records[number] for number in sorted(numbers)]


def _rule(kind: str) -> _Find:
    """A rule points at its promotion; the promotion shows the one of each kind."""

    def find(store: "Store", promotion: "Record") -> list["Record"]:
        numbers = store.pointing(f"{kind}s", "promotion", promotion.number)
        return [store.records[number] for number in numbers][:1]

    return find


_RULES = (
    "order_amount_promotion_rule",
    "sku_list_promotion_rule",
    "coupon_codes_promotion_rule",
    "custom_promotion_rule",
)
_PROMOTIONS = catalog.resource("promotions").variants

VIRTUAL: Mapping[tuple[str, str], _Find] = {
    ("orders", "available_payment_methods"): _payment_methods,
    ("orders", "available_customer_payment_sources"): _wallet,
    ("orders", "default_payment_method"): _through("market", "default_payment_method"),
    ("orders", "default_shipping_method"): _through("market", "default_shipping_method"),
    ("orders", "line_item_options"): _through("line_items", "line_item_options"),
    ("orders", "stock_line_items"): _through("line_items", "stock_line_items"),
    ("orders", "stock_transfers"): _through("shipments", "stock_transfers"),
    ("sku_list_promotion_rules", "skus"): _through("sku_list", "sku_list_items", "sku"),
    **{
        (kind, name): find
        for kind in _PROMOTIONS
        for name, find in (
            ("coupons", _coupons),
            ("skus", _through("sku_list", "sku_list_items", "sku")),
            *((rule, _rule(rule)) for rule in _RULES),
        )
        if name in catalog.resource(kind).relationships
    },
    ("shipments", "available_shipping_methods"): shipping_costs.available,
    ("shipments", "carrier_accounts"): lambda store, _: _enabled(store, "carrier_accounts"),
}
