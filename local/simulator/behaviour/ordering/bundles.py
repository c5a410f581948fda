"""The amounts of a bundle, computed from the prices of what is in it."""

from functools import partial

from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store

_AMOUNTS = {
    "_compute_price_amount": ("price_amount_cents", "amount_cents"),
    "_compute_compare_at_amount": ("compare_at_amount_cents", "compare_at_amount_cents"),
}


def plan(store: Store, bundle: Record, trigger: str) -> Effect | None:
    """Raises ApiError 422 where a SKU has no price in the bundle's market and currency."""
    target, source = _AMOUNTS[trigger]
    amount = 0
    for item in contents(store, bundle):
        sku = store.one(item, "sku")
        price = _price(store, bundle, sku) if sku else None
        if price is None:
            message = "has SKUs without a price"
            raise ApiError(validation(f"/data/attributes/{trigger}", "invalid", message))
        cents = price.get(source)
        amount += (item.get("quantity") or 1) * (
            price.get("amount_cents") if cents is None else cents
        )
    if bundle.get(target) == amount:
        return None
    return partial(store.change, bundle, {target: amount})


def contents(store: Store, bundle: Record) -> list[Record]:
    """The SKU list's items, each with a SKU and a quantity."""
    listed = store.one(bundle, "sku_list")
    return store.related(listed, "sku_list_items") if listed else []


def _price(store: Store, bundle: Record, sku: Record) -> Record | None:
    market = store.one(bundle, "market")
    price_list = store.one(market, "price_list") if market else None
    for price in store.related(sku, "prices"):
        if price_list and store.one(price, "price_list") is not price_list:
            continue
        if price_list or price.get("currency_code") == bundle.get("currency_code"):
            return price
    return None
