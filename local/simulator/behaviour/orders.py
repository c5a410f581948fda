"""The life of an order: totals, and the triggers that move its three statuses.

status              draft -> pending -> placed <-> editing, placed -> approved | cancelled
payment_status      unpaid -> authorized -> paid -> refunded, authorized -> voided; free
fulfillment_status  unfulfilled -> in_progress -> fulfilled; not_required
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from local.simulator.behaviour import order_stock, shipment_strategy, shipments
from local.simulator.errors import refused_transition
from local.simulator.store import Record, Store

Effect = Callable[[], None]

# Line items of these types count apart from the subtotal.
_ELSEWHERE = {
    "shipments": "shipping_amount_cents",
    "payment_methods": "payment_method_amount_cents",
    "adjustments": "adjustment_amount_cents",
    "gift_cards": "gift_card_amount_cents",
}


def refresh(store: Store, order: Record) -> None:
    """Totals from the line items; a draft that became complete is pending."""
    shipment_strategy.rebuild(store, order)
    sums = dict.fromkeys(("subtotal_amount_cents", *_ELSEWHERE.values()), 0)
    items = store.related(order, "line_items")
    for item in items:
        where = _ELSEWHERE.get(str(item.get("item_type")), "subtotal_amount_cents")
        sums[where] += item.get("total_amount_cents") or 0
    total = sum(sums.values()) + (order.get("discount_amount_cents") or 0)
    values: dict[str, Any] = sums | {
        "total_amount_cents": total,
        "total_taxable_amount_cents": total,
        "subtotal_taxable_amount_cents": sums["subtotal_amount_cents"],
        "total_amount_with_taxes_cents": total + (order.get("total_tax_amount_cents") or 0),
    }
    if order.get("status") == "draft" and items and order.links.get("customer"):
        values["status"] = "pending"
    if any(order.get(name) != value for name, value in values.items()):
        store.change(order, values)


def _move(store: Store, order: Record, **values: Any) -> None:
    """Write the statuses, with the stamp that belongs to each change."""
    now = store.clock.now()
    status = values.get("status")
    if status in ("placed", "approved", "cancelled") and status != order.get("status"):
        values.setdefault(f"{status}_at", now)
    for name in ("payment", "fulfillment"):
        if values.get(f"{name}_status", order.get(f"{name}_status")) != order.get(f"{name}_status"):
            values[f"{name}_updated_at"] = now
    store.change(order, values)


def _transact(store: Store, order: Record, kind: str, **links: Record) -> Record:
    """A transaction over the whole order. It always succeeds: there is no gateway to refuse it."""
    amount = order.get("total_amount_with_taxes_cents")
    values = {
        "amount_cents": amount,
        "currency_code": order.get("currency_code"),
        "succeeded": True,
    }
    if kind == "authorizations":
        values |= {"capture_amount_cents": amount, "capture_balance_cents": amount}
    if kind == "captures":
        values |= {"refund_amount_cents": amount, "refund_balance_cents": amount}
    return store.put(kind, values, {"order": order, **links})


def _place(store: Store, order: Record) -> None:
    order_stock.take(store, order)
    free = not order.get("total_amount_with_taxes_cents")
    if not free:
        _transact(store, order, "authorizations")
    _move(store, order, status="placed", payment_status="free" if free else "authorized")


def _cancel(store: Store, order: Record) -> None:
    shipments.cancel_all(store, order)
    authorizations = store.related(order, "authorizations")
    if order.get("payment_status") == "authorized" and authorizations:
        _transact(store, order, "voids", reference_authorization=authorizations[-1])
        _move(store, order, status="cancelled", payment_status="voided")
    else:
        _move(store, order, status="cancelled")


def _capture(store: Store, order: Record, **also: Any) -> None:
    authorizations = store.related(order, "authorizations")
    if authorizations:
        _transact(store, order, "captures", reference_authorization=authorizations[-1])
    _move(store, order, payment_status="paid", fulfillment_status="in_progress", **also)
    shipments.start(store, order)


def _refund(store: Store, order: Record) -> None:
    captures = store.related(order, "captures")
    if captures:
        _transact(store, order, "refunds", reference_capture=captures[-1])
    started = order.get("fulfillment_status") == "in_progress"
    fulfillment = "unfulfilled" if started else order.get("fulfillment_status")
    _move(
        store,
        order,
        status="cancelled",
        payment_status="refunded",
        fulfillment_status=fulfillment,
    )
    shipments.cancel_all(store, order)


def _stop_editing(store: Store, order: Record) -> None:
    order_stock.take(store, order)
    _move(store, order, status="placed")


def _to(**values: Any) -> Callable[[Store, Record], None]:
    return lambda store, order: _move(store, order, **values)


# trigger -> (the status it moves, the states it starts from, the state it ends in, what it does)
_TRANSITIONS: dict[str, tuple[str, set[str], str, Callable[[Store, Record], None]]] = {
    "_pending": ("status", {"draft", "placing"}, "pending", _to(status="pending")),
    "_place": ("status", {"pending", "placing"}, "placed", _place),
    "_approve": ("status", {"placed"}, "approved", _to(status="approved")),
    "_cancel": ("status", {"draft", "pending", "placing", "placed"}, "cancelled", _cancel),
    "_start_editing": ("status", {"placed"}, "editing", _to(status="editing")),
    "_stop_editing": ("status", {"editing"}, "placed", _stop_editing),
    "_capture": ("payment_status", {"authorized"}, "paid", _capture),
    "_refund": ("payment_status", {"paid", "partially_refunded"}, "refunded", _refund),
    "_fulfill": (
        "fulfillment_status",
        {"in_progress"},
        "fulfilled",
        _to(fulfillment_status="fulfilled"),
    ),
}


def plan(store: Store, order: Record, trigger: str, _: Any) -> Effect | None:
    """What the trigger would do; None where the order is already there, or nothing changes.

    Raises ApiError 422 when the order is in no state for it.
    """
    if trigger == "_approve_and_capture":
        if order.get("status") == "approved" and order.get("payment_status") == "paid":
            return None
        if order.get("status") != "placed" or order.get("payment_status") != "authorized":
            raise refused_transition(trigger, order.get("status"))
        return partial(_capture, store, order, status="approved")
    if trigger in ("_refresh", "_refresh_prices"):
        return partial(store.change, order, {"refreshed_at": store.clock.now()})
    if trigger not in _TRANSITIONS:
        return None
    name, sources, target, effect = _TRANSITIONS[trigger]
    state = order.get(name)
    if state == target:
        return None
    if state not in sources or (trigger == "_capture" and order.get("status") != "approved"):
        raise refused_transition(trigger, state)
    if trigger in ("_place", "_stop_editing"):
        order_stock.check(store, order, trigger)
    return partial(effect, store, order)
