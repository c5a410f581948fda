"""Which shipping methods a shipment may take, and what they cost.

The price of a method becomes a line item of the order. A shipment's own cost is what a carrier
asks for it, and there is no carrier here.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.simulator.store import Record, Store

_GRAMS = {"gr": 1.0, "oz": 28.349523125, "lb": 453.59237}
_ZONED = ("country_code", "state_code", "zip_code")


def available(store: "Store", shipment: "Record") -> list["Record"]:
    """The enabled ones of its market, category, stock location, zone and weight, or of any."""
    return [each for each in store.all("shipping_methods") if _fits(store, shipment, each)]


def _fits(store: "Store", shipment: "Record", method: "Record") -> bool:
    order = store.one(shipment, "order")
    owners = {
        "market": order.links.get("market") if order else None,
        "shipping_category": shipment.links.get("shipping_category"),
        "stock_location": shipment.links.get("stock_location"),
    }
    return (
        not method.get("disabled_at")
        and all(method.links.get(name) in (None, owner) for name, owner in owners.items())
        and _in_zone(store, shipment, store.one(method, "shipping_zone"))
        and _bears(store, shipment, method)
    )


def _in_zone(store: "Store", shipment: "Record", zone: "Record | None") -> bool:
    address = store.one(shipment, "shipping_address")
    if zone is None or address is None:
        return True
    for name in _ZONED:
        value = str(address.get(name) or "")
        wanted, unwanted = zone.get(f"{name}_regex"), zone.get(f"not_{name}_regex")
        if (wanted and not _matches(wanted, value)) or (unwanted and _matches(unwanted, value)):
            return False
    return True


def _matches(pattern: str, value: str) -> bool:
    """A pattern that is none matches nothing."""
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return False


def _bears(store: "Store", shipment: "Record", method: "Record") -> bool:
    lightest, heaviest = method.get("min_weight"), method.get("max_weight")
    if lightest is None and heaviest is None:
        return True
    weight = _weight(store, shipment, method)
    return (lightest is None or weight >= lightest) and (heaviest is None or weight <= heaviest)


def _weight(store: "Store", shipment: "Record", method: "Record") -> float:
    """In the method's unit. SKUs without a weight weigh nothing."""
    grams = 0.0
    for line in store.related(shipment, "stock_line_items"):
        sku = store.one(line, "sku")
        weight = (sku.get("weight") or 0) if sku else 0
        unit = _GRAMS.get(sku.get("unit_of_weight") if sku else "gr", 1.0)
        grams += weight * unit * (line.get("quantity") or 0)
    return grams / _GRAMS.get(str(method.get("unit_of_weight")), 1.0)


def price(store: "Store", shipment: "Record", method: "Record") -> int:
    """In cents. An external price is not asked for: the method's own stands in for it."""
    over = method.get("free_over_amount_cents")
    if over is not None and _worth(store, shipment, method) > over:
        return 0
    if method.get("scheme") == "weight_tiered":
        return _tiered(store, shipment, method)
    return int(method.get("price_amount_cents") or 0)


def _worth(store: "Store", shipment: "Record", method: "Record") -> int:
    """What the order's goods cost, with the discount or without."""
    order = store.one(shipment, "order")
    if order is None:
        return 0
    goods = [
        line.get("total_amount_cents") or 0
        for line in store.related(order, "line_items")
        if line.get("item_type") in ("skus", "bundles")
    ]
    discount = 0 if method.get("use_subtotal") else order.get("discount_amount_cents") or 0
    return int(sum(goods) + discount)


def _tiered(store: "Store", shipment: "Record", method: "Record") -> int:
    """The lowest tier that the weight fits into; the method's own price above all of them."""
    weight = _weight(store, shipment, method)
    tiers = [
        store.records[number]
        for number in store.pointing("shipping_weight_tiers", "shipping_method", method.number)
    ]
    limits = [(_limit(tier), tier) for tier in tiers if weight <= _limit(tier)]
    if not limits:
        return int(method.get("price_amount_cents") or 0)
    return int(min(limits, key=lambda each: each[0])[1].get("price_amount_cents") or 0)


def _limit(tier: "Record") -> float:
    up_to = tier.get("up_to")
    return float("inf") if up_to is None else float(up_to)
