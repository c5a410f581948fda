"""The triggers of line items that concern stock."""

from functools import partial

from local.simulator.behaviour.goods import allocation, shipment_strategy, stock
from local.simulator.behaviour.goods.allocation import Part
from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store


def plan(store: Store, line: Record, trigger: str) -> Effect | None:
    """Raises ApiError 422 where there is not enough to reserve."""
    if trigger == "_reserve_stock":
        return _plan_reservation(store, line)
    if trigger == "_reset_restocked_quantity":
        return _plan_reset(store, line)
    return None


def _plan_reservation(store: Store, line: Record) -> Effect | None:
    """Until the order is placed; then the stock is its own."""
    order = store.one(line, "order")
    if order is None or order.get("status") not in shipment_strategy.OPEN:
        return None
    allocated = allocation.allocate(store, order)
    if line in allocated.lacking:
        message = "is more than there is in stock"
        raise ApiError(validation("/data/attributes/_reserve_stock", "out_of_stock", message))
    parts = [each for each in allocated.parts if each.need.line_item is line]
    return partial(_reserve, store, line, order, parts) if parts else None


def _reserve(store: Store, line: Record, order: Record, parts: list[Part]) -> None:
    """Anew: what is reserved already is reserved for longer."""
    for reservation in store.related(line, "stock_reservations"):
        stock.release(store, reservation)
    for part in parts:
        if part.item and stock.tracked(part.need.sku):
            stock.reserve(store, part.item, part.quantity, "draft", line_item=line, order=order)


def _plan_reset(store: Store, line: Record) -> Effect | None:
    """What came back counts as sold again, so that it can be returned once more."""
    order = store.one(line, "order")
    if order is None or order.get("status") in shipment_strategy.OPEN:
        return None
    back = [
        held
        for held in store.related(line, "stock_line_items")
        if held.get("taken") is not None and held.get("taken") < (held.get("quantity") or 0)
    ]
    return partial(_reset, store, back) if back else None


def _reset(store: Store, lines: list[Record]) -> None:
    for held in lines:
        store.change(held, {"taken": held.get("quantity")})
