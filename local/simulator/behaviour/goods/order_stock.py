"""What orders do to stock: take it when they are placed, give it back when they are cancelled."""

from local.simulator.behaviour.goods import allocation, shipment_strategy, stock, stock_lines
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store


def check(store: Store, order: Record, trigger: str) -> None:
    """Raises ApiError 422 if the stock does not suffice for placing the order."""
    lacking = dict.fromkeys(allocation.allocate(store, order).lacking)
    if lacking:
        codes = ", ".join(str(line.get("sku_code") or line.get("bundle_code")) for line in lacking)
        message = f"the requested quantity is not available: {codes}"
        raise ApiError(validation(f"/data/attributes/{trigger}", "out_of_stock", message))


def take(store: Store, order: Record) -> None:
    """What a placed order does with stock: take it, or reserve it until it is taken by hand."""
    forget_drafts(store, order)
    _line_up_the_rest(store, order)
    by_hand = stock.decrements_by_hand(store, order)
    for line in stock.lines(store, order):
        if by_hand and not store.one(line, "stock_reservation"):
            stock_lines.reserve(store, line)
        elif not by_hand:
            stock_lines.take(store, line)


def _line_up_the_rest(store: Store, order: Record) -> None:
    """Stock line items for what no shipment brings."""
    shipped = {
        (line.links.get("line_item"), line.links.get("sku")): line
        for line in stock.lines(store, order)
        if line.links.get("shipment")
    }
    for line in stock.lines(store, order):
        if not line.links.get("shipment"):
            stock_lines.give_back(store, line)
            store.delete(line.type, line.id)
    for part in allocation.allocate(store, order).parts:
        if (part.need.line_item.number, part.need.sku.number) not in shipped:
            shipment_strategy.put_line(store, part)


def forget_drafts(store: Store, order: Record) -> None:
    for item in store.related(order, "line_items"):
        for reservation in store.related(item, "stock_reservations"):
            if reservation.get("status") == "draft":
                stock.release(store, reservation)
