"""The three statuses of an order, and what a change of one of them brings along.

status              draft -> pending -> placing -> placed <-> editing
                    placed -> approved | cancelled
payment_status      unpaid -> authorized -> paid -> refunded, authorized -> voided; free
fulfillment_status  unfulfilled -> in_progress -> fulfilled; not_required
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.simulator.behaviour.goods import order_stock, shipments
from local.simulator.behaviour.ordering import gift_cards, subscriptions
from local.simulator.behaviour.people import customers
from local.simulator.store import Record, Store

# Orders in these states take new items and prices; from then on their totals stand.
OPEN = ("draft", "pending", "placing", "editing")

_STATUSES = ("status", "payment_status", "fulfillment_status")

_STAMPS = ("placed_at", "approved_at", "cancelled_at")

# What the world is told when a status becomes this. Refunds are told one by one.
_EVENTS = {
    ("status", "draft"): "draft",
    ("status", "pending"): "pending",
    ("status", "placing"): "placing",
    ("status", "placed"): "place",
    ("status", "editing"): "start_editing",
    ("status", "approved"): "approve",
    ("status", "cancelled"): "cancel",
    ("payment_status", "authorized"): "authorize",
    ("payment_status", "paid"): "pay",
    ("payment_status", "voided"): "void",
    ("fulfillment_status", "in_progress"): "start_fulfilling",
    ("fulfillment_status", "fulfilled"): "fulfill",
}


# Who else has something to do then.
_LISTENERS: Mapping[str, tuple[Callable[[Store, Record], None], ...]] = {
    "place": (order_stock.take, gift_cards.placed, customers.placed),
    "stop_editing": (order_stock.take, gift_cards.settle),
    "start_fulfilling": (shipments.start,),
    "cancel": (shipments.cancel_all, gift_cards.cancelled, subscriptions.cancelled),
}


def move(store: Store, order: Record, **values: Any) -> None:
    """Write the statuses with their stamps, and announce each that changed, once."""
    before = {name: order.get(name) for name in _STATUSES}
    changed = [name for name in _STATUSES if values.get(name, before[name]) != before[name]]
    if not changed:
        return
    now = store.clock.now()
    stamps: dict[str, Any] = {}
    reached = f"{values.get('status')}_at"
    if "status" in changed and reached in _STAMPS and order.get(reached) is None:
        stamps[reached] = now
    for name in ("payment", "fulfillment"):
        if f"{name}_status" in changed:
            stamps[f"{name}_updated_at"] = now
    store.change(order, values | stamps)
    for name in changed:
        event = _event(name, before[name], values[name])
        if event:
            store.announce(order, event)
            for listener in _LISTENERS.get(event, ()):
                listener(store, order)


def _event(name: str, before: Any, after: Any) -> str | None:
    if (before, after) == ("editing", "placed"):
        return "stop_editing"
    if (before, after) == ("in_progress", "unfulfilled"):
        return "cancel_fulfilling"
    return _EVENTS.get((name, after))


def start_fulfilling_if_ready(store: Store, order: Record) -> None:
    """An approved order is fulfilled once it is paid, or at once where payment can wait."""
    method = store.one(order, "payment_method")
    waits = method is None or method.get("require_capture") is not False
    paid = order.get("payment_status") in ("paid", "free")
    if (
        order.get("status") == "approved"
        and order.get("fulfillment_status") == "unfulfilled"
        and (paid or not waits)
    ):
        move(store, order, fulfillment_status="in_progress")
