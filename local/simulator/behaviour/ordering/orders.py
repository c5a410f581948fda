"""The triggers of an order, and what they ask of its three statuses."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from local.simulator.behaviour.goods import order_stock
from local.simulator.behaviour.ordering import (
    checkout,
    lifecycle,
    line_items,
    placing,
    subscriptions,
    totals,
)
from local.simulator.behaviour.paying import payments
from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, refused_transition, validation
from local.simulator.store import Record, Store

_Act = Callable[[Store, Record], None]


def _to(**values: Any) -> _Act:
    return lambda store, order: lifecycle.move(store, order, **values)


def _approve(store: Store, order: Record) -> None:
    lifecycle.move(store, order, status="approved")
    lifecycle.start_fulfilling_if_ready(store, order)


def _capture(store: Store, order: Record) -> None:
    payments.insist("_capture", *payments.capture_order(store, order))


def _approve_and_capture(store: Store, order: Record) -> None:
    _approve(store, order)
    payments.insist("_approve_and_capture", *payments.capture_order(store, order))


def _refund(store: Store, order: Record) -> None:
    payments.insist("_refund", *payments.refund_order(store, order))


# trigger -> (the status it moves, the states it starts from, the states it ends in, what it does)
_TRANSITIONS: dict[str, tuple[str, Collection[str], Collection[str], _Act]] = {
    "_approve": ("status", {"placed"}, {"approved"}, _approve),
    "_cancel": (
        "status",
        {"draft", "pending", "placing", "placed"},
        {"cancelled"},
        placing.cancel,
    ),
    "_start_editing": ("status", {"placed"}, {"editing"}, _to(status="editing")),
    "_stop_editing": ("status", {"editing"}, {"placed"}, _to(status="placed")),
    "_capture": ("payment_status", {"authorized", "partially_paid"}, {"paid"}, _capture),
    "_refund": (
        "payment_status",
        {"paid", "partially_paid", "partially_refunded"},
        {"refunded"},
        _refund,
    ),
    "_fulfill": (
        "fulfillment_status",
        {"in_progress"},
        {"fulfilled"},
        _to(fulfillment_status="fulfilled"),
    ),
}

# Triggers that need the order to be in a state which is not the one that they move.
_STATUS = {
    "_capture": {"approved"},
    "_refund": {"placed", "approved", "cancelled"},
    "_fulfill": {"approved"},
}


def plan(
    store: Store, order: Record, triggers: Mapping[str, Any], links: Mapping[str, Any]
) -> list[Effect]:
    """What they would do, those first that others may build on.

    `links` are the relationships that the same request sets. Raises ApiError 422 when the order is
    in no state for one of them; a trigger whose state is reached already does nothing.
    """
    effects = checkout.plan(store, order, triggers)
    for trigger in _ORDERED:
        if trigger not in triggers:
            continue
        if trigger in _TRANSITIONS:
            effect = _transition(store, order, trigger)
        else:
            effect = _OTHERS[trigger](store, order, triggers, links)
        if effect:
            effects.append(effect)
    return effects


def _transition(store: Store, order: Record, trigger: str) -> Effect | None:
    name, sources, targets, act = _TRANSITIONS[trigger]
    state = order.get(name)
    if state in targets:
        return None
    if state not in sources:
        raise refused_transition(trigger, state)
    if order.get("status") not in _STATUS.get(trigger, {order.get("status")}):
        raise refused_transition(trigger, order.get("status"))
    if trigger == "_stop_editing":
        _check_total(order)
        order_stock.check(store, order, trigger)
    return partial(act, store, order)


def _check_total(order: Record) -> None:
    total, limit = (
        order.get("total_amount_with_taxes_cents"),
        order.get("place_total_amount_cents"),
    )
    if total > limit:
        message = f"must be less than or equal to {limit}"
        pointer = "/data/attributes/total_amount_with_taxes_cents"
        raise ApiError(
            validation(pointer, "less_than_or_equal_to", message, value=total, count=limit)
        )


_Triggers = Mapping[str, Any]


def _plan_place(
    store: Store, order: Record, triggers: _Triggers, links: Mapping[str, Any]
) -> Effect | None:
    if order.get("status") in ("placed", "approved", "editing"):
        _insist(order, "_place", "placed")
        return None
    if order.get("status") not in ("pending", "placing"):
        raise refused_transition("_place", order.get("status"))
    return placing.plan(store, order, triggers, links)


def _insist(order: Record, trigger: str, state: str) -> None:
    if order.get("status") != state:
        raise refused_transition(trigger, order.get("status"))


def _plan_pending(
    store: Store, order: Record, _: _Triggers, __: Mapping[str, Any]
) -> Effect | None:
    if order.get("status") not in ("draft", "placing"):
        _insist(order, "_pending", "pending")
        return None
    return partial(lifecycle.move, store, order, status="pending")


def _plan_approve_and_capture(
    store: Store, order: Record, _: _Triggers, __: Mapping[str, Any]
) -> Effect | None:
    if order.get("status") == "approved" and order.get("payment_status") == "paid":
        return None
    if order.get("status") != "placed" or order.get("payment_status") not in ("authorized", "paid"):
        raise refused_transition("_approve_and_capture", order.get("status"))
    return partial(_approve_and_capture, store, order)


def _plan_authorize(
    store: Store, order: Record, triggers: _Triggers, links: Mapping[str, Any]
) -> Effect | None:
    """All that is outstanding, or the amount given."""
    left = payments.outstanding(store, order)
    given = int(triggers.get("_authorization_amount_cents") or 0)
    if not left and not given:
        return None
    if order.get("status") not in ("pending", "placed"):
        raise refused_transition("_authorize", order.get("status"))
    if not (links.get("payment_source") or store.one(order, "payment_source")):
        pointer = "/data/relationships/payment_source"
        raise ApiError(validation(pointer, "blank", "can't be blank"))
    if given < 0 or given > left:
        pointer = "/data/attributes/_authorization_amount_cents"
        message = f"must be less than or equal to {left}"
        raise ApiError(
            validation(pointer, "less_than_or_equal_to", message, value=given, count=left)
        )
    return partial(_authorize, store, order, given)


def _authorize(store: Store, order: Record, amount: int) -> None:
    wanted = amount or payments.outstanding(store, order)
    if wanted:
        payments.insist("_authorize", payments.authorize(store, order, wanted))
    method = store.one(order, "payment_method")
    places = order.get("status") == "pending" and method and method.get("auto_place")
    if places and not payments.outstanding(store, order):
        with suppress(ApiError):  # what is missing can still be added, and placed then
            placing.plan(store, order, {}, {})()


def _plan_refresh(store: Store, order: Record, _: _Triggers, __: Mapping[str, Any]) -> Effect:
    return partial(_refresh, store, order)


def _plan_prices(store: Store, order: Record, _: _Triggers, __: Mapping[str, Any]) -> Effect:
    return partial(_refresh_prices, store, order)


def _refresh_prices(store: Store, order: Record) -> None:
    if order.get("status") in lifecycle.OPEN:
        for each in store.related(order, "line_items"):
            line_items.reprice(store, each)
            line_items.total(store, each)
    _refresh(store, order)


def _refresh(store: Store, order: Record) -> None:
    totals.refresh(store, order)
    store.change(order, {"refreshed_at": store.clock.now()})


def _plan_taxes(store: Store, order: Record, _: _Triggers, __: Mapping[str, Any]) -> Effect:
    return partial(totals.refresh, store, order)


def _plan_fix(store: Store, order: Record, _: _Triggers, __: Mapping[str, Any]) -> Effect | None:
    """The payment source of the last authorization that succeeded is that of the order."""
    paid = [each for each in store.related(order, "authorizations") if each.get("succeeded")]
    source = store.one(paid[-1], "payment_source") if paid else None
    if source is None or order.get("status") not in ("pending", "placing", "placed"):
        return None
    unchanged = store.one(order, "payment_source") is source
    if unchanged and order.get("status") == "placed":
        return None
    return partial(_fix, store, order, source)


def _fix(store: Store, order: Record, source: Record) -> None:
    checkout.set_source(store, order, {"payment_source": source})
    if order.get("status") != "placed" and not payments.outstanding(store, order):
        placing.finish(store, order)


def _plan_subscriptions(
    store: Store, order: Record, triggers: _Triggers, _: Mapping[str, Any]
) -> Effect | None:
    """Upon or after placing, once."""
    if order.get("subscription_created_at"):
        return None
    if order.get("status") not in ("placed", "approved") and "_place" not in triggers:
        raise refused_transition("_create_subscriptions", order.get("status"))
    return partial(subscriptions.create_from, store, order)


_OTHERS: dict[str, Callable[[Store, Record, _Triggers, Mapping[str, Any]], Effect | None]] = {
    "_refresh_prices": _plan_prices,
    "_refresh": _plan_refresh,
    "_update_taxes": _plan_taxes,
    "_pending": _plan_pending,
    "_authorize": _plan_authorize,
    "_fix_payment_source": _plan_fix,
    "_place": _plan_place,
    "_create_subscriptions": _plan_subscriptions,
    "_approve_and_capture": _plan_approve_and_capture,
}

_ORDERED = (
    "_refresh_prices",
    "_refresh",
    "_update_taxes",
    "_start_editing",
    "_stop_editing",
    "_pending",
    "_authorize",
    "_fix_payment_source",
    "_place",
    "_create_subscriptions",
    "_approve",
    "_approve_and_capture",
    "_capture",
    "_refund",
    "_fulfill",
    "_cancel",
)
