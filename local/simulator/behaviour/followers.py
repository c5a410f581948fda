"""What a write of one record brings along in those around it."""

from collections.abc import Callable, Mapping
from typing import Any

from local.simulator.behaviour.ordering import gift_cards, line_items, subscriptions, totals
from local.simulator.behaviour.paying import payment_sources
from local.simulator.store import Record, Store

_Given = Mapping[str, Any]


def created(store: Store, record: Record, given: _Given) -> None:
    """`given` are the attributes that the client sent."""
    if record.type == "line_items":
        line_items.total(store, record)
    if record.type in payment_sources.KINDS:
        payment_sources.created(store, record)
    if record.type == "order_subscriptions":
        subscriptions.created(store, record)
    _both(store, record, given)


def updated(store: Store, record: Record, given: _Given) -> None:
    if record.type == "line_items":
        line_items.changed(store, record, given)
        line_items.total(store, record)
    _both(store, record, given)


def _both(store: Store, record: Record, given: _Given) -> None:
    follow = _FOLLOWERS.get(record.type)
    if follow:
        follow(store, record, given)


def _order(store: Store, order: Record, given: _Given) -> None:
    code = given.get("gift_card_or_coupon_code")
    if code:
        name = "gift_card_code" if gift_cards.by_code(store, code) else "coupon_code"
        store.change(order, {name: code}, updated_at=order.updated_at)
    password, customer = given.get("customer_password"), store.one(order, "customer")
    if password and customer and not customer.get("password"):
        store.change(customer, {"password": password})
        store.announce(customer, "create_password")
    if order.get("guest") is None and customer:
        store.change(order, {"guest": not customer.get("password")}, updated_at=order.updated_at)
    totals.changed(store, order)


def _order_of(store: Store, record: Record, _: _Given) -> None:
    order = store.one(record, "order")
    if order:
        totals.changed(store, order)


def _option(store: Store, record: Record, _: _Given) -> None:
    item = store.one(record, "line_item")
    if item:
        line_items.total(store, item)
        _order_of(store, item, {})


def _recipient(kind: str, link: str) -> Callable[[Store, Record, _Given], None]:
    """Found or made by the email."""

    def follow(store: Store, record: Record, given: _Given) -> None:
        email = given.get("recipient_email")
        if email:
            found = store.find(kind, "email", email) or store.put(kind, {"email": email})
            store.change(record, {}, {link: found}, updated_at=record.updated_at)

    return follow


_FOLLOWERS: Mapping[str, Callable[[Store, Record, _Given], None]] = {
    "orders": _order,
    "line_items": _order_of,
    "shipments": _order_of,
    "line_item_options": _option,
    "gift_cards": _recipient("gift_card_recipients", "gift_card_recipient"),
    "coupons": _recipient("coupon_recipients", "coupon_recipient"),
}
