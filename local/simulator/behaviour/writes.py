"""A checked change becomes a record, with what Commerce Layer fills in from the records around."""

from typing import Any

from connector.commerce_layer import catalog
from local.simulator.behaviour import line_items, logistics, orders
from local.simulator.store import Record, Store
from local.simulator.validation import NATURAL_KEYS, Change


def create(store: Store, kind: str, change: Change) -> Record:
    logistics.check(store, kind, change)
    _find_or_make_customer(store, kind, change)
    record = store.put(kind, relationships=change.relationships)
    filled = _inherited(store, record) | line_items.filled(store, record, change.attributes)
    store.change(record, filled | change.attributes, updated_at=record.updated_at)
    logistics.follow_up(store, record, change)
    _follow_up(store, record)
    store.announce(record, "create")
    return record


def update(store: Store, record: Record, change: Change) -> None:
    """Without attributes and relationships nothing is written: a trigger alone decides itself."""
    if change.attributes or change.relationships:
        logistics.check(store, record.type, change, record)
        _find_or_make_customer(store, record.type, change)
        before = dict(record.attributes)
        store.change(record, change.attributes, change.relationships)
        logistics.follow_up(store, record, change, before)
        _follow_up(store, record)
        if record.get("metadata") != before.get("metadata"):
            store.announce(record, "metadata_update")


def _find_or_make_customer(store: Store, kind: str, change: Change) -> None:
    email = change.attributes.get("customer_email")
    if email and "customer" in catalog.resource(kind).relationships:
        link, other_kind, key = NATURAL_KEYS["customer_email"]
        if change.relationships.get(link) is None:
            change.relationships[link] = store.put(other_kind, {key: email})


def _inherited(store: Store, record: Record) -> dict[str, Any]:
    """The currency comes from the order or the price list, unless the client gives one."""
    if "currency_code" not in catalog.resource(record.type).attributes:
        return {}
    for name in ("order", "price_list"):
        owner = store.one(record, name)
        if owner:
            return {"currency_code": owner.attributes.get("currency_code")}
    market = store.one(record, "market")
    price_list = store.one(market, "price_list") if market else None
    return {"currency_code": price_list.attributes.get("currency_code")} if price_list else {}


def _follow_up(store: Store, record: Record) -> None:
    if record.type == "line_items":
        line_items.total(store, record)
    order = record if record.type == "orders" else store.one(record, "order")
    if order is not None and record.type in ("orders", "line_items", "shipments"):
        orders.refresh(store, order)
