"""Line items: what they take from the item they sell, and their totals."""

from collections.abc import Mapping
from typing import Any

from local.simulator.store import Record, Store

# Relationships that repeat `item`, by the type of the item.
_MIRRORS = {
    "skus": "sku",
    "bundles": "bundle",
    "gift_cards": "gift_card",
    "shipments": "shipment",
    "payment_methods": "payment_method",
    "adjustments": "adjustment",
}


def filled(store: Store, record: Record, given: Mapping[str, Any]) -> dict[str, Any]:
    """Name, image, type and price of the item, where the client did not give them."""
    if record.type != "line_items":
        return {}
    item = _item(store, record, given)
    if item is None:
        return {}
    mirror = _MIRRORS.get(item.type)
    links: dict[str, Any] = {"item": item} | ({mirror: item} if mirror else {})
    store.change(record, {}, links, updated_at=record.updated_at)
    values = {
        "item_type": item.type,
        "name": item.attributes.get("name"),
        "image_url": item.attributes.get("image_url"),
    }
    if item.type in ("skus", "bundles"):
        values[f"{_MIRRORS[item.type]}_code"] = item.attributes.get("code")
    return values | _price(store, record, item)


def _item(store: Store, record: Record, given: Mapping[str, Any]) -> Record | None:
    for kind, name in (("skus", "sku_code"), ("bundles", "bundle_code")):
        if given.get(name):
            return store.find(kind, "code", given[name])
    return store.one(record, "item")


def _price(store: Store, record: Record, item: Record) -> dict[str, Any]:
    order = store.one(record, "order")
    market = store.one(order, "market") if order else None
    price_list = store.one(market, "price_list") if market else None
    for price in store.related(item, "prices") if item.type == "skus" else ():
        if price_list is None or store.one(price, "price_list") is price_list:
            return {
                "unit_amount_cents": price.attributes.get("amount_cents"),
                "compare_at_amount_cents": price.attributes.get("compare_at_amount_cents"),
            }
    return {}


def total(store: Store, record: Record) -> None:
    quantity = record.attributes.get("quantity") or 0
    amount = quantity * (record.attributes.get("unit_amount_cents") or 0)
    amount += record.attributes.get("options_amount_cents") or 0
    store.change(record, {"total_amount_cents": amount}, updated_at=record.updated_at)
