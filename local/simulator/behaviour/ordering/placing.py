"""Placing an order: what it takes, and what happens around it."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from local.simulator.behaviour.goods import order_stock
from local.simulator.behaviour.ordering import items, lifecycle
from local.simulator.behaviour.paying import payments
from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store

# Triggers that give the order in the same request what placing asks for.
_BROUGHT = {
    "_billing_address_clone_id": "billing_address",
    "_shipping_address_clone_id": "shipping_address",
    "_billing_address_same_as_shipping": "billing_address",
    "_shipping_address_same_as_billing": "shipping_address",
    "_customer_payment_source_id": "payment_source",
}


def plan(
    store: Store, order: Record, triggers: Mapping[str, Any], links: Mapping[str, Any]
) -> Effect:
    """`links` are the relationships that the same request sets. Raises ApiError 422."""
    brought = {link for trigger, link in _BROUGHT.items() if trigger in triggers}
    if "_customer_payment_source_id" in triggers:
        brought.add("payment_method")
    held = {name for name in order.links if name not in links}
    held |= {name for name, value in links.items() if value} | brought
    missing = [
        validation(f"/data/relationships/{name}", "blank", message)
        for name, message in _missing(store, order, held)
    ]
    if missing:
        raise ApiError(*missing)
    order_stock.check(store, order, "_place")
    return partial(_place, store, order)


def _missing(store: Store, order: Record, held: set[str]) -> Iterator[tuple[str, str]]:
    blank = "can't be blank"
    sold = items.sold(store, order)
    names = ["customer", "billing_address"]
    if any(items.ships(store, each) for each in sold):
        names.append("shipping_address")
    if order.get("total_amount_with_taxes_cents"):
        names += ["payment_method", "payment_source"]
    yield from ((name, blank) for name in names if name not in held)
    if not sold:
        yield "line_items", blank
    for shipment in store.related(order, "shipments"):
        if shipment.get("status") != "cancelled" and not shipment.links.get("shipping_method"):
            yield "shipments", f"shipment {shipment.get('number')} has no shipping method"


def _place(store: Store, order: Record) -> None:
    """At once, or later if it may take its time."""
    if order.get("place_async") and order.get("status") != "placing":
        lifecycle.move(store, order, status="placing")
        return
    _authorized(store, order, "_place")
    finish(store, order)


def _authorized(store: Store, order: Record, trigger: str) -> None:
    left = payments.outstanding(store, order)
    if left:
        payments.insist(trigger, payments.authorize(store, order, left))


def place_later(store: Store, order: Record) -> None:
    """The second half of an asynchronous placing. What stands in its way is kept as an error."""
    if order.get("status") != "placing":
        return
    try:
        order_stock.check(store, order, "_place")  # others may have taken it meanwhile
        _authorized(store, order, "_place")
    except ApiError as refusal:
        for each in refusal.errors:
            code = each["meta"]["error"]
            name = "line_items" if code == "out_of_stock" else "payment_source"
            values = {"name": name, "code": code, "message": each["title"]}
            store.put("resource_errors", values, {"resource": order})
        return
    finish(store, order)


def finish(store: Store, order: Record) -> None:
    """Of an order that is paid for, or free."""
    store.change(order, {"place_total_amount_cents": order.get("total_amount_with_taxes_cents")})
    lifecycle.move(store, order, status="placed", payment_status=payments.status(store, order))


def cancel(store: Store, order: Record) -> None:
    """What was authorized is voided, what was captured is refunded. Raises as `insist` does."""
    payments.insist("_cancel", *payments.void_order(store, order))
    payments.insist("_cancel", *payments.refund_order(store, order))
    lifecycle.move(store, order, status="cancelled")
    if store.related(order, "authorizations"):
        lifecycle.move(store, order, payment_status=payments.status(store, order))
