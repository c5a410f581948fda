"""What an item costs in the market of an order."""

from typing import Any

from local.simulator.behaviour.computed import value
from local.simulator.store import Record, Store

# Attributes of what can be sold that hold its price.
_AMOUNTS = {
    "bundles": "price_amount_cents",
    "gift_cards": "balance_cents",
    "adjustments": "amount_cents",
}


def of(store: Store, item: Record, order: Record | None, quantity: int) -> dict[str, Any]:
    """Unit and compare-at amounts; empty where the market has no price for it."""
    if item.type == "skus":
        price = _price(store, item, order)
        if price is None:
            return {}
        return {
            "unit_amount_cents": _for_quantity(store, price, quantity),
            "compare_at_amount_cents": price.get("compare_at_amount_cents"),
        }
    if item.type not in _AMOUNTS:
        return {}
    values = {"unit_amount_cents": item.get(_AMOUNTS[item.type])}
    if item.type == "bundles":
        values["compare_at_amount_cents"] = item.get("compare_at_amount_cents")
    return values


def _price(store: Store, sku: Record, order: Record | None) -> Record | None:
    """An order without a market takes any price."""
    market = store.one(order, "market") if order else None
    price_list = _price_list(store, market) if market else None
    for number in store.pointing("prices", "sku", sku.number):
        price = store.records[number]
        if price_list is None or price.links.get("price_list") == price_list:
            return price
    return None


def _price_list(store: Store, market: Record) -> Any:
    """That of the scheduler whose time it is, or else the market's own."""
    for number in store.pointing("price_list_schedulers", "market", market.number):
        scheduler = store.records[number]
        if value(store, scheduler, "active"):
            return scheduler.links.get("price_list")
    return market.links.get("price_list")


def _for_quantity(store: Store, price: Record, quantity: int) -> Any:
    """The volume tier with the lowest limit that is not below the quantity."""
    numbers = store.pointing("price_volume_tiers", "price", price.number)
    tiers = [store.records[number] for number in numbers]
    reaching = [
        each for each in tiers if each.get("up_to") is None or each.get("up_to") >= quantity
    ]
    if not reaching:
        return price.get("amount_cents")
    nearest = min(reaching, key=lambda tier: (tier.get("up_to") is None, tier.get("up_to") or 0))
    return nearest.get("price_amount_cents")
