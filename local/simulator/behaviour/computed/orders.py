"""Counts and conditions of orders, and of what surrounds them."""

from collections.abc import Mapping

from local.simulator.behaviour import money
from local.simulator.behaviour.computed.common import Compute, count, first_of, quantity
from local.simulator.store import Record, Store

_EDITABLE = ("draft", "pending", "editing")
# Where an invoice needs more than the address: the tax code of an Italian buyer.
_BILLING_INFO = ("IT",)


def _options_count(store: Store, order: Record) -> int:
    items = store.related(order, "line_items")
    return sum(len(store.related_numbers(item, "line_item_options")) for item in items)


def _customer_type(store: Store, order: Record) -> str | None:
    """Returning is who placed another order before."""
    customer = store.one(order, "customer")
    if customer is None:
        return None
    placed = order.attributes.get("placed_at") or float("inf")
    others = (
        each.attributes.get("placed_at")
        for each in store.related(customer, "orders")
        if each is not order
    )
    return "returning" if any(at and at < placed for at in others) else "new"


def _requires_billing_info(store: Store, order: Record) -> bool:
    address = store.one(order, "billing_address")
    return address is not None and address.attributes.get("country_code") in _BILLING_INFO


def _checkout_url(store: Store, order: Record) -> str | None:
    """Only where the market has a checkout of its own; nothing hosts one here."""
    market = store.one(order, "market")
    pattern = market.attributes.get("checkout_url") if market else None
    if not pattern:
        return None
    token = str(order.attributes.get("token"))
    return str(pattern).replace(":order_id", order.id).replace(":token", token)


def _placed_orders(store: Store, customer: Record) -> int:
    orders = store.related(customer, "orders")
    return sum(1 for order in orders if order.attributes.get("placed_at"))


def _estimated_refund(store: Store, record: Record) -> int:
    lines = store.related(record, "return_line_items")
    return sum(line.attributes.get("total_amount_cents") or 0 for line in lines)


COMPUTED: Mapping[str, Mapping[str, Compute]] = {
    "customers": {
        "has_password": lambda _, record: bool(record.attributes.get("password")),
        "total_orders_count": _placed_orders,
    },
    "orders": {
        "editable": lambda _, record: record.attributes.get("status") in _EDITABLE,
        "customer_type": _customer_type,
        "requires_billing_info": _requires_billing_info,
        "skus_count": quantity("line_items", item_type="skus"),
        "line_item_options_count": _options_count,
        "shipments_count": count("shipments"),
        "errors_count": count("resource_errors"),
        "checkout_url": _checkout_url,
    },
    "returns": {
        "customer_email": first_of("email", ("customer",), ("order", "customer")),
        "skus_count": quantity("return_line_items"),
        "estimated_refund_amount_cents": _estimated_refund,
    },
    "shipments": {
        "currency_code": money.currency,
        "skus_count": quantity("stock_line_items"),
    },
}
