"""What a deletion takes along, and what stands in its way."""

from connector.commerce_layer import catalog
from local.simulator import relations
from local.simulator.behaviour import logistics, orders
from local.simulator.errors import locked
from local.simulator.store import Record, Store

# Records that cannot live without the deleted one, and go with it.
_OWNED = {
    "skus": {"prices", "stock_items", "sku_list_items", "in_stock_subscriptions", "tax_categories"},
    "prices": {"price_volume_tiers", "price_frequency_tiers"},
    "sku_lists": {"sku_list_items", "bundles"},
    "price_lists": {"prices", "price_list_schedulers"},
    "orders": {"line_items", "shipments", "returns"},
    "line_items": {"line_item_options"},
    "customers": {"customer_addresses", "customer_payment_sources", "in_stock_subscriptions"},
    "stock_items": {"stock_reservations"},
    "shipments": {"parcels"},
    "parcels": {"parcel_line_items"},
    "returns": {"return_line_items"},
    "shipping_methods": {"shipping_weight_tiers"},
    "promotions": {"promotion_rules"},
    "promotion_rules": {"coupons"},
}

_DELETABLE_ORDERS = {"draft", "pending"}


def delete(store: Store, record: Record) -> None:
    """Raises ApiError 423 before anything is deleted."""
    logistics.check_deletion(store, record)
    doomed = _with_dependents(store, record)
    order = store.one(record, "order") if record.type == "line_items" else None
    for each in reversed(doomed):
        logistics.deleting(store, each)
        store.announce(each, "destroy")
        store.delete(each.type, each.id)
    if order:
        orders.refresh(store, order)


def _with_dependents(store: Store, record: Record) -> list[Record]:
    if record.type == "orders" and record.get("status") not in _DELETABLE_ORDERS:
        raise locked()
    doomed = [record]
    owned = _OWNED.get(relations.base_of(record.type), ()) or _OWNED.get(record.type, ())
    for pointer, name in store.pointers_at(record):
        if pointer.type not in owned and relations.base_of(pointer.type) not in owned:
            if catalog.resource(pointer.type).relationships[name].required:
                raise locked()
            continue
        doomed += [each for each in _with_dependents(store, pointer) if each not in doomed]
    return doomed
