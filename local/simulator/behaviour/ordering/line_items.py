"""Line items and their options: what they take from the item they sell, and their totals."""

from collections.abc import Mapping
from typing import Any

from local.simulator.behaviour.ordering import prices
from local.simulator.store import Record, Store
from local.simulator.validation import Change

# Relationships that repeat `item`, by the type of the item.
MIRRORS = {
    "skus": "sku",
    "bundles": "bundle",
    "gift_cards": "gift_card",
    "shipments": "shipment",
    "payment_methods": "payment_method",
    "adjustments": "adjustment",
}

# Not an attribute of the API: whether the client set the price, which is then left alone.
_FIXED_PRICE = "unit_amount_fixed"


def filled(store: Store, record: Record, given: Mapping[str, Any]) -> dict[str, Any]:
    """Name, image, type and price of the item, where the client did not give them."""
    if record.type == "line_item_options":
        return _option(store, record)
    if record.type != "line_items":
        return {}
    fixed = {_FIXED_PRICE: given.get("unit_amount_cents") is not None}
    item = item_of(store, record, given)
    if item is None:
        return fixed
    mirror = MIRRORS.get(item.type)
    links: dict[str, Any] = {"item": item} | ({mirror: item} if mirror else {})
    store.change(record, {}, links, updated_at=record.updated_at)
    values = {
        "item_type": item.type,
        "name": item.get("name") or item.get("code"),
        "image_url": item.get("image_url"),
    }
    if item.type in ("skus", "bundles"):
        values[f"{MIRRORS[item.type]}_code"] = item.get("code")
    order, quantity = store.one(record, "order"), given.get("quantity") or 1
    return fixed | values | prices.of(store, item, order, quantity)


def present(store: Store, kind: str, change: Change) -> Record | None:
    """With `_update_quantity` the order's line item of that SKU or bundle, if it has one."""
    if kind != "line_items" or "_update_quantity" not in change.triggers:
        return None
    order = change.relationships.get("order")
    names = ("item", "sku", "bundle")
    item = next((each for name in names if (each := change.relationships.get(name))), None)
    lines = store.related(order, "line_items") if order and item else []
    return next((each for each in lines if store.one(each, "item") is item), None)


def item_of(store: Store, record: Record, given: Mapping[str, Any]) -> Record | None:
    for kind, name in (("skus", "sku_code"), ("bundles", "bundle_code")):
        if given.get(name):
            return store.find(kind, "code", given[name])
    return store.one(record, "item")


def changed(store: Store, record: Record, given: Mapping[str, Any]) -> None:
    """After an update: another item has another name, another quantity another price."""
    values: dict[str, Any] = {}
    if given.get("unit_amount_cents") is not None:
        values[_FIXED_PRICE] = True
    elif given.get("sku_code") or given.get("bundle_code"):
        values = filled(store, record, {"quantity": record.get("quantity"), **given})
    if values:
        store.change(record, {**values, **given}, updated_at=record.updated_at)
    reprice(store, record)


def reprice(store: Store, record: Record) -> None:
    """From the prices of today, unless the client has set one."""
    item = store.one(record, "item")
    if item and item.type in ("skus", "bundles") and not record.get(_FIXED_PRICE):
        order, quantity = store.one(record, "order"), record.get("quantity") or 1
        values = prices.of(store, item, order, quantity)
        if any(record.get(name) != value for name, value in values.items()):
            store.change(record, values, updated_at=record.updated_at)


def total(store: Store, record: Record) -> None:
    values = {}
    options = store.related(record, "line_item_options")
    if options:
        values["options_amount_cents"] = sum(each.get("total_amount_cents") for each in options)
    amount = (record.get("quantity") or 0) * (record.get("unit_amount_cents") or 0)
    amount += values.get("options_amount_cents", record.get("options_amount_cents") or 0)
    values["total_amount_cents"] = amount
    if any(record.get(name) != value for name, value in values.items()):
        store.change(record, values, updated_at=record.updated_at)


def _option(store: Store, record: Record) -> dict[str, Any]:
    option = store.one(record, "sku_option")
    if option is None:
        return {}
    return {"name": option.get("name"), "unit_amount_cents": option.get("price_amount_cents")}
