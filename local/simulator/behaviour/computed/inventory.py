"""The stock of a SKU over all locations, with how long each takes to deliver."""

from typing import Any

from local.simulator.behaviour import money
from local.simulator.store import Record, Store


def of(store: Store, sku: Record) -> dict[str, Any]:
    levels = [level for item in store.related(sku, "stock_items") for level in _level(store, item)]
    quantity = sum(level["quantity"] for level in levels)
    unlimited = bool(sku.attributes.get("do_not_track"))
    return {"available": unlimited or quantity > 0, "quantity": quantity, "levels": levels}


def _level(store: Store, item: Record) -> list[dict[str, Any]]:
    """None for a location that has nothing left."""
    reserved = store.one(item, "reserved_stock")
    quantity = item.attributes.get("quantity") or 0
    quantity -= (reserved.attributes.get("quantity") or 0) if reserved else 0
    location = store.one(item, "stock_location")
    if quantity <= 0 or location is None:
        return []
    times = [
        store.records[number]
        for number in store.pointing("delivery_lead_times", "stock_location", location.number)
    ]
    return [{"quantity": quantity, "delivery_lead_times": [_lead(store, each) for each in times]}]


def _lead(store: Store, time: Record) -> dict[str, Any]:
    method = store.one(time, "shipping_method")
    return {
        "shipping_method": _method(store, method) if method else None,
        **{
            bound: {"hours": time.get(f"{bound}_hours"), "days": time.get(f"{bound}_days")}
            for bound in ("min", "max")
        },
    }


def _method(store: Store, method: Record) -> dict[str, Any]:
    code = money.currency(store, method)
    cents = {name: method.get(f"{name}_cents") for name in ("price_amount", "free_over_amount")}
    return {
        "name": method.get("name"),
        "reference": method.get("reference"),
        **{f"{name}_cents": value for name, value in cents.items()},
        **{
            f"formatted_{name}": None if value is None else money.formatted(value, code)
            for name, value in cents.items()
        },
    }
