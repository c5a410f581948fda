"""Stock transfers: goods on their way from one stock location to another.

What waits to leave is reserved at the origin, what is under way lies nowhere, what has arrived
lies at the destination. A transfer that the inventory model made for a line item moves no stock of
its own: the order took it when it was placed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from local.simulator.behaviour.goods import stock
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store

# States in which the origin has promised the goods.
_WAITING = {"upcoming", "on_hold", "picking"}


def _moves_stock(store: Store, transfer: Record) -> bool:
    return stock.tracked(store.one(transfer, "sku")) and not transfer.links.get("line_item")


def _origin(store: Store, transfer: Record) -> Record | None:
    sku = store.one(transfer, "sku")
    return stock.item_at(store, sku, store.one(transfer, "origin_stock_location")) if sku else None


def _quantity(transfer: Record) -> int:
    return int(transfer.get("quantity") or 0)


def check_move(store: Store, transfer: Record, trigger: str) -> None:
    """Raises ApiError 422 where the origin has too little to begin with."""
    if transfer.get("status") != "draft" or trigger != "_upcoming":
        return
    if _moves_stock(store, transfer) and _spare(store, transfer) < _quantity(transfer):
        message = "is more than the origin has in stock"
        pointer = "/data/attributes/quantity"
        raise ApiError(validation(pointer, "less_than_or_equal_to", message))


def _spare(store: Store, transfer: Record) -> int:
    """At the origin, with what the transfer itself has reserved there."""
    item = _origin(store, transfer)
    reservation = store.one(transfer, "stock_reservation")
    own = reservation.get("quantity") if reservation else 0
    return stock.available(store, item) + own if item else 0


def moved(store: Store, transfer: Record, trigger: str) -> None:
    """What follows from the new status."""
    if not _moves_stock(store, transfer):
        return
    item, status = _origin(store, transfer), transfer.get("status")
    if status in _WAITING and item and not store.one(transfer, "stock_reservation"):
        _reserve(store, transfer, item)
    elif trigger in ("_in_transit", "_cancel"):
        release(store, transfer)
    if trigger == "_in_transit" and item:
        stock.move(store, item, -_quantity(transfer))
    if trigger == "_complete":
        _arrive(store, transfer)


def _reserve(store: Store, transfer: Record, item: Record) -> None:
    reservation = stock.reserve(
        store, item, _quantity(transfer), "pending", stock_transfer=transfer
    )
    store.change(transfer, {}, {"stock_reservation": reservation})


def release(store: Store, transfer: Record) -> None:
    reservation = store.one(transfer, "stock_reservation")
    if reservation:
        stock.release(store, reservation)


def _arrive(store: Store, transfer: Record) -> None:
    sku, location = store.one(transfer, "sku"), store.one(transfer, "destination_stock_location")
    if sku and location:
        stock.receive(store, sku, location, _quantity(transfer))


def check(
    store: Store, transfer: Record | None, attributes: Mapping[str, Any], links: Mapping[str, Any]
) -> Iterable[dict[str, Any]]:
    """What a client may not write, as 422 objects."""
    ends = [
        links.get(name) or (store.one(transfer, name) if transfer else None)
        for name in ("origin_stock_location", "destination_stock_location")
    ]
    if ends[0] is not None and ends[0] is ends[1]:
        message = "must be another stock location than the origin"
        yield validation("/data/relationships/destination_stock_location", "invalid", message)
    if transfer is None or transfer.get("status") == "draft":
        return
    fixed = {"sku", "origin_stock_location", "destination_stock_location"} & links.keys()
    for name in sorted(fixed):
        yield validation(f"/data/relationships/{name}", "invalid", "cannot be changed any more")
    if attributes.get("quantity") not in (None, transfer.get("quantity")):
        yield from _check_quantity(store, transfer, attributes["quantity"])


def _check_quantity(store: Store, transfer: Record, quantity: int) -> Iterable[dict[str, Any]]:
    pointer, key = "/data/attributes/quantity", "less_than_or_equal_to"
    if transfer.get("status") not in _WAITING:
        yield validation(pointer, "invalid", "cannot be changed any more", value=quantity)
    elif _moves_stock(store, transfer) and quantity > (spare := _spare(store, transfer)):
        message = f"must be less than or equal to {spare}"
        yield validation(pointer, key, message, value=quantity, count=spare)


def written(store: Store, transfer: Record) -> None:
    """The reservation is of the quantity that the transfer has now."""
    reservation = store.one(transfer, "stock_reservation")
    item = _origin(store, transfer)
    if reservation and item and reservation.get("quantity") != _quantity(transfer):
        release(store, transfer)
        _reserve(store, transfer, item)
