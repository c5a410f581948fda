"""Stock: how much of a SKU lies where, what of it is promised, and what orders hold.

The quantity of a stock item is what lies there. Reservations promise some of it for a while;
their sum is kept in the item's reserved stock. What an order takes leaves the quantity and is
noted on its stock line items (`taken`, which is never printed): exactly that can come back.
"""

from typing import Any

from local.simulator.clock import SECOND
from local.simulator.store import Record, Store

_CUTOFF = 3600


def tracked(sku: Record | None) -> bool:
    return sku is not None and not sku.get("do_not_track")


def available(store: Store, item: Record, order: Record | None = None) -> int:
    """What is neither taken nor promised; to `order` what it holds itself is available too."""
    quantity = item.get("quantity") or 0
    for reservation in store.related(item, "stock_reservations"):
        if order is None or store.one(reservation, "order") is not order:
            quantity -= reservation.get("quantity") or 0
    for line in lines(store, order) if order else ():
        if store.one(line, "stock_item") is item:
            quantity += line.get("taken") or 0
    return int(quantity)


def lines(store: Store, order: Record) -> list[Record]:
    """The stock line items of an order, with a shipment or without."""
    return [
        line
        for item in store.related(order, "line_items")
        for line in store.related(item, "stock_line_items")
    ]


def item_at(store: Store, sku: Record, location: Record | None) -> Record | None:
    for item in store.related(sku, "stock_items"):
        if store.one(item, "stock_location") is location:
            return item
    return None


def move(store: Store, item: Record, by: int) -> None:
    store.change(item, {"quantity": (item.get("quantity") or 0) + by})
    if by > 0:
        notify(store, item)


def receive(store: Store, sku: Record, location: Record, quantity: int) -> None:
    """Into the stock of a location that may not have had any."""
    item = item_at(store, sku, location)
    if item is None:
        item = store.put(
            "stock_items",
            {"quantity": 0, "sku_code": sku.get("code")},
            {"sku": sku, "stock_location": location},
        )
    move(store, item, quantity)


def notify(store: Store, item: Record) -> None:
    """Tell the subscriptions that wait for as much of the SKU as their market has again."""
    sku = store.one(item, "sku")
    for number in list(store.pointing("in_stock_subscriptions", "sku", sku.number)) if sku else ():
        subscription = store.records[number]
        if subscription.get("status") != "active":
            continue
        there = in_market(store, store.one(subscription, "market"), sku)
        if there >= (subscription.get("stock_threshold") or 1):
            store.change(subscription, {"status": "notified"})
            store.announce(subscription, "notify")


def in_market(
    store: Store, market: Record | None, sku: Record | None, order: Record | None = None
) -> int:
    """What is available of it, to `order`, in all locations of the market."""
    model = store.one(market, "inventory_model") if market else None
    places = store.related(model, "inventory_stock_locations") if model else []
    locations = {place.links.get("stock_location") for place in places}
    items = store.related(sku, "stock_items") if sku else []
    return sum(
        available(store, item, order)
        for item in items
        if item.links.get("stock_location") in locations
    )


def reserve(store: Store, item: Record, quantity: int, status: str, **links: Any) -> Record:
    model = _model(store, links.get("order"))
    cutoff = (model.get("stock_reservation_cutoff") if model else None) or _CUTOFF
    values = {
        "status": status,
        "quantity": quantity,
        "expires_at": store.clock.now() + cutoff * SECOND,
    }
    reservation = store.put("stock_reservations", values, {"stock_item": item, **links})
    adopt(store, reservation)
    return reservation


def adopt(store: Store, reservation: Record) -> None:
    """Fill in what follows from the stock item, and count it."""
    item = store.one(reservation, "stock_item")
    if item is None:
        return
    reserved = store.one(item, "reserved_stock")
    if reserved is None:
        links = {"stock_item": item, "sku": store.one(item, "sku")}
        reserved = store.put("reserved_stocks", {"quantity": 0}, links)
        store.change(item, {}, {"reserved_stock": reserved}, updated_at=item.updated_at)
    expires = reservation.get("expires_at") or store.clock.now() + _CUTOFF * SECOND
    links = {"reserved_stock": reserved, "sku": store.one(item, "sku")}
    store.change(reservation, {"expires_at": expires}, links, updated_at=reservation.updated_at)
    _count(store, item)


def release(store: Store, reservation: Record) -> None:
    forget(store, reservation)
    store.delete(reservation.type, reservation.id)


def forget(store: Store, reservation: Record) -> None:
    """It is about to go, and counts no more."""
    item = store.one(reservation, "stock_item")
    store.change(reservation, {}, {"stock_item": None}, updated_at=reservation.updated_at)
    if item:
        _count(store, item)


def expire(store: Store) -> None:
    """Drafts go when their time is over; what placed orders wait for stays theirs."""
    now = store.clock.now()
    for each in store.having("stock_reservations", "status", "draft"):
        if (each.get("expires_at") or now) < now:
            release(store, each)


def _count(store: Store, item: Record) -> None:
    reserved = store.one(item, "reserved_stock")
    promised = sum(each.get("quantity") or 0 for each in store.related(item, "stock_reservations"))
    if reserved and reserved.get("quantity") != promised:
        store.change(reserved, {"quantity": promised})


def _model(store: Store, order: Record | None) -> Record | None:
    market = store.one(order, "market") if order else None
    return store.one(market, "inventory_model") if market else None


def decrements_by_hand(store: Store, order: Record) -> bool:
    model = _model(store, order)
    return bool(model and model.get("manual_stock_decrement"))
