"""Stock line items: which stock an order's line items take, and the triggers that take it.

They belong to the shipment that brings the goods; those of goods that are not shipped have none.
"""

from collections.abc import Callable
from functools import partial

from local.simulator.behaviour.goods import stock
from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, refused_transition, validation
from local.simulator.store import Record, Store


def outstanding(line: Record) -> int:
    """What the order still has to take for it."""
    return int((line.get("quantity") or 0) - (line.get("taken") or 0))


def is_tracked(store: Store, line: Record) -> bool:
    item = store.one(line, "stock_item")
    return item is not None and stock.tracked(store.one(item, "sku"))


def order_of(store: Store, line: Record) -> Record | None:
    owner = store.one(line, "shipment") or store.one(line, "line_item")
    return store.one(owner, "order") if owner else None


def take(store: Store, line: Record) -> None:
    item = store.one(line, "stock_item")
    if item and is_tracked(store, line):
        stock.move(store, item, -outstanding(line))
        store.change(line, {"taken": line.get("quantity") or 0})
    release(store, line)


def give_back(store: Store, line: Record) -> None:
    item, taken = store.one(line, "stock_item"), line.get("taken")
    if item and taken:
        stock.move(store, item, taken)
        store.change(line, {"taken": 0})
    release(store, line)


def reserve(store: Store, line: Record) -> None:
    item = store.one(line, "stock_item")
    if item is None or not is_tracked(store, line) or not outstanding(line):
        return
    links = {"line_item": store.one(line, "line_item"), "order": order_of(store, line)}
    reservation = stock.reserve(
        store, item, outstanding(line), "pending", stock_line_item=line, **links
    )
    store.change(line, {}, {"stock_reservation": reservation})


def release(store: Store, line: Record) -> None:
    reservation = store.one(line, "stock_reservation")
    if reservation:
        stock.release(store, reservation)


def fill(store: Store, line: Record) -> None:
    """A line made by hand has the SKU of its stock item, and the other way round."""
    item, sku, shipment = (store.one(line, name) for name in ("stock_item", "sku", "shipment"))
    if item and not sku:
        sku = store.one(item, "sku")
    elif sku and shipment and not item:
        item = stock.item_at(store, sku, store.one(shipment, "stock_location"))
    store.change(line, {}, {"sku": sku, "stock_item": item}, updated_at=line.updated_at)
    if sku:
        store.change(line, {"sku_code": sku.get("code")}, updated_at=line.updated_at)


# trigger -> (what it does to a line, whether there is anything to do, whether it needs stock)
_TRIGGERS: dict[
    str,
    tuple[Callable[[Store, Record], None], Callable[[Store, Record], bool], bool],
] = {
    "_reserve_stock": (
        reserve,
        lambda store, line: outstanding(line) > 0 and not store.one(line, "stock_reservation"),
        True,
    ),
    "_release_stock": (
        release,
        lambda store, line: store.one(line, "stock_reservation") is not None,
        False,
    ),
    "_decrement_stock": (take, lambda _, line: outstanding(line) > 0, True),
}


def plan(store: Store, record: Record, trigger: str) -> Effect | None:
    """Of a line, or of all lines of a shipment. Raises ApiError 422."""
    todo, applies, needs_stock = _TRIGGERS[trigger]
    shipment = record.type == "shipments"
    order = store.one(record, "order") if shipment else order_of(store, record)
    if order is None or order.get("fulfillment_status") != "in_progress":
        raise refused_transition(trigger, order and order.get("fulfillment_status"))
    held = store.related(record, "stock_line_items") if shipment else [record]
    chosen = [line for line in held if is_tracked(store, line) and applies(store, line)]
    if needs_stock:
        _check(store, order, chosen, trigger)
    return partial(_each, store, todo, chosen) if chosen else None


def _check(store: Store, order: Record, chosen: list[Record], trigger: str) -> None:
    needed: dict[Record, int] = {}
    for line in chosen:
        item = store.one(line, "stock_item")
        if item:
            needed[item] = needed.get(item, 0) + outstanding(line)
    for item, quantity in needed.items():
        held = sum(
            line.get("taken") or 0
            for line in stock.lines(store, order)
            if store.one(line, "stock_item") is item
        )
        if stock.available(store, item, order) - held < quantity:
            message = "is more than there is in stock"
            raise ApiError(
                validation(f"/data/attributes/{trigger}", "less_than_or_equal_to", message)
            )


def _each(store: Store, todo: Callable[[Store, Record], None], chosen: list[Record]) -> None:
    for line in chosen:
        todo(store, line)
