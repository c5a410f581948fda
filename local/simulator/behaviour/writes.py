"""A checked change becomes a record, with what Commerce Layer fills in from the records around."""

from typing import Any

from connector.commerce_layer import catalog
from local.simulator.behaviour import followers, guards
from local.simulator.behaviour.goods import logistics
from local.simulator.behaviour.ordering import line_items
from local.simulator.behaviour.people import customers
from local.simulator.store import Record, Store
from local.simulator.validation import NATURAL_KEYS, Change


def create(store: Store, kind: str, change: Change) -> Record:
    guards.check(store, kind, None, change)
    logistics.check(store, kind, change)
    present = line_items.present(store, kind, change)
    if present:
        update(store, present, change)
        return present
    _find_or_make_customer(store, kind, change)
    record = store.put(kind, relationships=change.relationships)
    filled = _inherited(store, record) | line_items.filled(store, record, change.attributes)
    store.change(record, filled | change.attributes, updated_at=record.updated_at)
    store.announce(record, "create")
    logistics.follow_up(store, record, change)
    followers.created(store, record, change.attributes)
    return record


def update(store: Store, record: Record, change: Change) -> None:
    """Without attributes and relationships nothing is written: a trigger alone decides itself."""
    guards.check(store, record.type, record, change)
    if change.attributes or change.relationships:
        logistics.check(store, record.type, change, record)
        _find_or_make_customer(store, record.type, change)
        before = dict(record.attributes)
        store.change(record, change.attributes, change.relationships)
        logistics.follow_up(store, record, change, before)
        followers.updated(store, record, change.attributes)
        if record.get("metadata") != before.get("metadata"):
            store.announce(record, "metadata_update")


def _find_or_make_customer(store: Store, kind: str, change: Change) -> None:
    email = change.attributes.get("customer_email")
    if email and "customer" in catalog.resource(kind).relationships:
        link = NATURAL_KEYS["customer_email"][0]
        if change.relationships.get(link) is None:
            change.relationships[link] = customers.find_or_make(store, email)


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
