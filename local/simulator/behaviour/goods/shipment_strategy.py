"""Shipments as the inventory model wants them, for as long as an order is open.

One per shipping category and stock location, with a line item for what its shipping method costs.
"""

from local.simulator.behaviour.goods import allocation, shipping_costs, stock_lines
from local.simulator.behaviour.goods.allocation import Part
from local.simulator.store import Record, Store

# While an order is in one of these its shipments follow its line items.
OPEN = {"draft", "pending", "placing", "editing"}


def rebuild(store: Store, order: Record) -> None:
    """Make the shipments those of the line items and of the address, and no others.

    One per shipping category and stock location. Those that still fit stay as they are.
    """
    if order.get("status") not in OPEN:
        return
    wanted = _wanted(store, order)
    held = {_key(each): each for each in store.related(order, "shipments")}
    changed = [key for key in held if key not in wanted]
    for key in changed:
        discard(store, held[key])
    for key, parts in wanted.items():
        shipment = held.get(key) or _make(store, order, parts[0])
        _deliver_to(store, shipment, order)
        if _fill(store, shipment, parts):
            changed.append(key)
    price(store, order)
    if held and changed:
        store.announce(order, "rebuild_shipments")


_Key = tuple[int | None, int | None]


def _key(shipment: Record) -> _Key:
    links = shipment.links
    return links.get("inventory_stock_location"), links.get("shipping_category")


def _wanted(store: Store, order: Record) -> dict[_Key, list[Part]]:
    groups: dict[_Key, list[Part]] = {}
    if not order.links.get("shipping_address"):
        return groups
    for part in allocation.allocate(store, order).parts:
        sku = part.need.sku
        if not sku.get("do_not_ship"):
            key = part.place.number, sku.links.get("shipping_category")
            groups.setdefault(key, []).append(part)
    return groups


def _make(store: Store, order: Record, part: Part) -> Record:
    shipment = store.put(
        "shipments",
        {"currency_code": order.get("currency_code")},
        {
            "order": order,
            "inventory_stock_location": part.place,
            "shipping_category": store.one(part.need.sku, "shipping_category"),
        },
    )
    settle(store, shipment)
    return shipment


def settle(store: Store, shipment: Record) -> None:
    """What follows from where it is shipped from and whom for."""
    place, order = store.one(shipment, "inventory_stock_location"), store.one(shipment, "order")
    location = store.one(place, "stock_location") if place else None
    address = store.one(shipment, "shipping_address")
    if address is None and order:
        address = store.one(order, "shipping_address")
    links = {
        "stock_location": location,
        "origin_address": store.one(location, "address") if location else None,
        "shipping_address": address,
        "delivery_lead_time": _lead_time(store, location, store.one(shipment, "shipping_method")),
    }
    store.change(shipment, {}, links, updated_at=shipment.updated_at)


def _lead_time(store: Store, location: Record | None, method: Record | None) -> Record | None:
    if location is None or method is None:
        return None
    for number in store.pointing("delivery_lead_times", "stock_location", location.number):
        if store.records[number].links.get("shipping_method") == method.number:
            return store.records[number]
    return None


def _deliver_to(store: Store, shipment: Record, order: Record) -> None:
    if shipment.links.get("shipping_address") != order.links.get("shipping_address"):
        store.change(shipment, {}, {"shipping_address": store.one(order, "shipping_address")})


def _fill(store: Store, shipment: Record, parts: list[Part]) -> bool:
    """Whether its lines had to change."""
    wanted = sorted(_part_key(part) for part in parts)
    if wanted == sorted(map(_line_key, store.related(shipment, "stock_line_items"))):
        return False
    _empty(store, shipment)
    for part in parts:
        put_line(store, part, shipment)
        if part.source is not store.one(shipment, "stock_location"):
            _bring(store, part, shipment)
    return True


def _part_key(part: Part) -> tuple[int, ...]:
    item = part.item.number if part.item else 0
    return part.need.line_item.number, part.need.sku.number, item, part.quantity


def _line_key(line: Record) -> tuple[int, ...]:
    links = (line.links.get(name, 0) for name in ("line_item", "sku", "stock_item"))
    return *links, line.get("quantity") or 0


def put_line(store: Store, part: Part, shipment: Record | None = None) -> Record:
    return store.put(
        "stock_line_items",
        {"quantity": part.quantity, "sku_code": part.need.sku.get("code")},
        {
            "line_item": part.need.line_item,
            "sku": part.need.sku,
            "stock_item": part.item,
            "shipment": shipment,
        },
    )


def _bring(store: Store, part: Part, shipment: Record) -> None:
    """From another location to the one that ships. It moves no stock: the order takes it."""
    store.put(
        "stock_transfers",
        {"quantity": part.quantity, "sku_code": part.need.sku.get("code")},
        {
            "sku": part.need.sku,
            "origin_stock_location": part.source,
            "destination_stock_location": store.one(shipment, "stock_location"),
            "shipment": shipment,
            "line_item": part.need.line_item,
        },
    )


def _empty(store: Store, shipment: Record) -> None:
    for line in store.related(shipment, "stock_line_items"):
        stock_lines.give_back(store, line)
        store.delete(line.type, line.id)
    for transfer in store.related(shipment, "stock_transfers"):
        store.delete(transfer.type, transfer.id)


def discard(store: Store, shipment: Record) -> None:
    _empty(store, shipment)
    for item in _line_items(store, shipment):
        store.delete(item.type, item.id)
    store.delete(shipment.type, shipment.id)


def _line_items(store: Store, shipment: Record) -> list[Record]:
    numbers = store.pointing("line_items", "item", shipment.number)
    return [store.records[number] for number in numbers]


def price(store: Store, order: Record) -> None:
    """One line item for each shipment whose method is chosen.

    A market may say how many of them cost something at most.
    """
    market = store.one(order, "market")
    cutoff = market.get("shipping_cost_cutoff") if market else None
    for position, shipment in enumerate(store.related(order, "shipments")):
        method = store.one(shipment, "shipping_method")
        free = cutoff is not None and position >= cutoff
        cents = shipping_costs.price(store, shipment, method) if method and not free else 0
        _charge(store, shipment, method, cents)


def _charge(store: Store, shipment: Record, method: Record | None, cents: int) -> None:
    items = _line_items(store, shipment)
    if method is None or shipment.get("status") == "cancelled":
        for item in items if method is None else ():
            store.delete(item.type, item.id)
        return
    values = {"name": method.get("name"), "unit_amount_cents": cents, "total_amount_cents": cents}
    if not items:
        links = {"order": store.one(shipment, "order"), "item": shipment, "shipment": shipment}
        currency = {"currency_code": shipment.get("currency_code")}
        fixed = {"item_type": "shipments", "quantity": 1} | currency
        store.put("line_items", fixed | values, links)
    elif any(items[0].get(name) != value for name, value in values.items()):
        store.change(items[0], values)
