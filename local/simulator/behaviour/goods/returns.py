"""Returns: goods that come back, restocked one by one, and the money for them."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from local.simulator.behaviour.goods import allocation, return_refunds, stock
from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import refused_transition, validation
from local.simulator.store import Record, Store

# The goods are there, and can be put back on the shelf.
_ARRIVED = {"received", "refunded"}
_VOID = {"cancelled", "rejected"}


def settle(store: Store, record: Record) -> None:
    """What a new return has from its order and from the market's inventory model."""
    order = store.one(record, "order")
    location = store.one(record, "stock_location") or _return_location(store, order)
    links = {
        "customer": store.one(order, "customer") if order else None,
        "stock_location": location,
        "origin_address": store.one(order, "shipping_address") if order else None,
        "destination_address": store.one(location, "address") if location else None,
    }
    store.change(record, {}, links, updated_at=record.updated_at)


def _return_location(store: Store, order: Record | None) -> Record | None:
    market = store.one(order, "market") if order else None
    model = store.one(market, "inventory_model") if market else None
    places = store.related(model, "inventory_return_locations") if model else []
    places.sort(key=lambda place: (place.get("priority") or 0, place.number))
    return store.one(places[0], "stock_location") if places else None


def check_line(
    store: Store, attributes: Mapping[str, Any], links: Mapping[str, Any], line: Record | None
) -> Iterable[dict[str, Any]]:
    """No more comes back than was sold, and to a return of the same order; as 422 objects."""
    owner = links.get("return") or (store.one(line, "return") if line else None)
    item = links.get("line_item") or (store.one(line, "line_item") if line else None)
    if owner is None or item is None:
        return
    if store.one(owner, "order") is not store.one(item, "order"):
        message = "belongs to another order"
        yield validation("/data/relationships/line_item", "invalid", message)
    quantity = attributes.get("quantity")
    left = (item.get("quantity") or 0) - _returned(store, item, line)
    if quantity is not None and quantity > left:
        key, message = "less_than_or_equal_to", f"must be less than or equal to {left}"
        yield validation("/data/attributes/quantity", key, message, value=quantity, count=left)


def _returned(store: Store, item: Record, besides: Record | None) -> int:
    """How much of a line item other returns take back already."""
    total = 0
    for line in store.related(item, "return_line_items"):
        owner = store.one(line, "return")
        if line is not besides and owner and owner.get("status") not in _VOID:
            total += line.get("quantity") or 0
    return total


def plan(store: Store, record: Record, trigger: str, given: Mapping[str, Any]) -> Effect | None:
    """`_restock` and `_refund`. Raises ApiError 422."""
    if trigger == "_restock":
        return _plan_restock(store, record)
    if trigger == "_refund":
        return return_refunds.plan(store, record, given)
    return None


def plan_line(store: Store, line: Record, trigger: str, _: Mapping[str, Any]) -> Effect | None:
    """Raises ApiError 422 unless the goods are there."""
    owner = store.one(line, "return")
    if line.get("restocked_at"):
        return None
    if owner is None or owner.get("status") not in _ARRIVED:
        raise refused_transition(trigger, owner and owner.get("status"))
    return partial(_restock, store, line)


def _plan_restock(store: Store, record: Record) -> Effect | None:
    if record.get("status") not in _ARRIVED:
        raise refused_transition("_restock", record.get("status"))
    lines = store.related(record, "return_line_items")
    pending = [line for line in lines if not line.get("restocked_at")]
    return partial(_restock_all, store, record, pending) if pending else None


def _restock_all(store: Store, record: Record, lines: list[Record]) -> None:
    for line in lines:
        _restock(store, line)
    store.change(record, {})
    store.announce(record, "restock")


def _restock(store: Store, line: Record) -> None:
    """As much as the order still holds of it goes to the return's location, else where it was."""
    owner, item = store.one(line, "return"), store.one(line, "line_item")
    location = store.one(owner, "stock_location") if owner else None
    for need in allocation.needs_of(store, item) if item else ():
        quantity = need.quantity * (line.get("quantity") or 0) // need.line_item.get("quantity")
        for held in store.related(need.line_item, "stock_line_items"):
            if store.one(held, "sku") is need.sku:
                quantity -= _put_back(store, held, min(quantity, held.get("taken") or 0), location)
    store.change(line, {"restocked_at": store.clock.now()})


def _put_back(store: Store, held: Record, quantity: int, location: Record | None) -> int:
    source, sku = store.one(held, "stock_item"), store.one(held, "sku")
    place = location or (store.one(source, "stock_location") if source else None)
    if not quantity or sku is None or place is None:
        return 0
    store.change(held, {"taken": held.get("taken") - quantity})
    stock.receive(store, sku, place, quantity)
    return quantity
