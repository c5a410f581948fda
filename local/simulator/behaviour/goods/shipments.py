"""Shipments on their way, once the fulfilment of their order is in progress."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NoReturn

from local.simulator.behaviour import transitions
from local.simulator.behaviour.goods import (
    order_stock,
    shipment_strategy,
    shipping_costs,
    stock,
    stock_lines,
)
from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, locked, refused_transition, validation
from local.simulator.store import Record, Store

_GONE = {"shipped", "delivered"}

# What the strategy decides until the fulfilment is in progress.
_DECIDED = ("inventory_stock_location", "shipping_category", "shipping_address")


def cancel_all(store: Store, order: Record) -> None:
    """Of a cancelled order: what is not on its way stays, and its stock comes back."""
    order_stock.forget_drafts(store, order)
    for shipment in store.related(order, "shipments"):
        if shipment.get("status") not in _GONE | {"cancelled"}:
            transitions.go(store, shipment, "_cancel")
            call_off(store, shipment)
    for line in stock.lines(store, order):
        if not line.links.get("shipment"):
            stock_lines.give_back(store, line)


def call_off(store: Store, shipment: Record) -> None:
    """What goes with the cancellation of a shipment."""
    for line in store.related(shipment, "stock_line_items"):
        stock_lines.give_back(store, line)
    for transfer in store.related(shipment, "stock_transfers"):
        if transfer.get("status") in transitions.moves("stock_transfers")["_cancel"].sources:
            transitions.go(store, transfer, "_cancel")


def start(store: Store, order: Record) -> None:
    """The fulfilment of the order begins."""
    for shipment in store.related(order, "shipments"):
        if shipment.get("status") == "draft":
            place = store.one(shipment, "inventory_stock_location")
            on_hold = bool(place and place.get("on_hold"))
            transitions.go(store, shipment, "_on_hold" if on_hold else "_upcoming")
            _start_transfers(store, shipment, place, on_hold=on_hold)


def _start_transfers(
    store: Store, shipment: Record, place: Record | None, *, on_hold: bool
) -> None:
    model = store.one(place, "inventory_model") if place else None
    waits = on_hold and model is not None and model.get("put_stock_transfers_on_hold")
    for transfer in store.related(shipment, "stock_transfers"):
        if transfer.get("status") == "draft":
            transitions.go(store, transfer, "_on_hold" if waits else "_upcoming")


def all_gone(store: Store, order: Record) -> bool:
    states = {each.get("status") for each in store.related(order, "shipments")} - {"cancelled"}
    return bool(states) and states <= _GONE


def plan(store: Store, shipment: Record, trigger: str, _: Mapping[str, Any]) -> Effect | None:
    """The triggers that move no status. Raises ApiError 422."""
    if trigger == "_get_rates":
        return partial(_get_rates, store, shipment)
    if trigger == "_purchase":
        refuse_purchase()
    return stock_lines.plan(store, shipment, trigger)


def refuse_purchase() -> NoReturn:
    """Of a shipment or a pickup: without a carrier there are no rates to choose from."""
    message = "is not one of the available rates"
    raise ApiError(validation("/data/attributes/selected_rate_id", "inclusion", message))


def _get_rates(store: Store, shipment: Record) -> None:
    """There is no carrier to ask, and the answer says so."""
    now = store.clock.now()
    message = "The simulator has no carrier to ask for rates."
    values = {
        "rates": [],
        "get_rates_errors": [{"carrier": None, "message": message, "type": "rate_error"}],
        "get_rates_started_at": now,
        "get_rates_completed_at": now,
    }
    store.change(shipment, values)


def check_move(store: Store, shipment: Record, trigger: str) -> None:
    """A shipment leaves its draft when the fulfilment of its order begins, and not before."""
    if trigger == "_upcoming" and not in_progress(store, shipment):
        raise refused_transition(trigger, shipment.get("status"))


def in_progress(store: Store, shipment: Record) -> bool:
    order = store.one(shipment, "order")
    return order is not None and order.get("fulfillment_status") == "in_progress"


def check(
    store: Store, record: Record | None, links: Mapping[str, Any]
) -> Iterable[dict[str, Any]]:
    """What a client may not write by hand, as 422 objects."""
    if record is None:
        order = links.get("order")
        if order is None or order.get("fulfillment_status") != "in_progress":
            message = "must have its fulfillment in progress"
            yield validation("/data/relationships/order", "invalid", message)
        return
    for name in _DECIDED:
        if name in links and not in_progress(store, record):
            message = "is decided by the inventory model until the fulfillment is in progress"
            yield validation(f"/data/relationships/{name}", "invalid", message)
    if "shipping_method" in links:
        yield from _check_method(store, record, links["shipping_method"])


def _check_method(
    store: Store, shipment: Record, method: Record | None
) -> Iterable[dict[str, Any]]:
    """Chosen while the order is open; later only by who fulfils it."""
    pointer = "/data/relationships/shipping_method"
    order = store.one(shipment, "order")
    is_open = order is None or order.get("status") in shipment_strategy.OPEN
    if not is_open and not in_progress(store, shipment):
        yield validation(pointer, "invalid", "cannot be changed once the order is placed")
    elif method and method not in shipping_costs.available(store, shipment):
        yield validation(pointer, "inclusion", "is not available for the shipment")


def written(store: Store, shipment: Record) -> None:
    """A client wrote it: what follows from its place and its method follows again."""
    shipment_strategy.settle(store, shipment)
    order = store.one(shipment, "order")
    if order and order.get("status") in shipment_strategy.OPEN:
        shipment_strategy.price(store, order)


def check_deletion(store: Store, shipment: Record) -> None:
    if not in_progress(store, shipment) or shipment.get("status") in _GONE:
        raise locked()
