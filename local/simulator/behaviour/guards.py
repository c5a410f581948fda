"""What may not be written in the present state of an order, though every field of it is valid.

Imports may: they bring in orders that were placed elsewhere.
"""

from typing import Any

from local.simulator.behaviour.goods import stock
from local.simulator.behaviour.ordering import gift_cards, prices, promotions
from local.simulator.behaviour.ordering.lifecycle import OPEN
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store
from local.simulator.validation import Change

# Of a line item, what decides what the order costs.
_FROZEN = {
    "line_items": {
        "quantity",
        "unit_amount_cents",
        "compare_at_amount_cents",
        "options_amount_cents",
        "sku_code",
        "bundle_code",
        "frequency",
    },
    "line_item_options": {"quantity", "unit_amount_cents", "sku_option"},
    "orders": {"market", "coupon_code", "gift_card_code", "gift_card_or_coupon_code"},
}
# Not even while it is edited: the gift card has been charged.
_CHARGED = {"gift_card_code", "gift_card_or_coupon_code"}


def check(store: Store, kind: str, record: Record | None, change: Change) -> None:
    """Before anything of the change is written. Raises ApiError 422."""
    if store.muted:
        return
    given = {**change.attributes, **change.relationships}
    order = record if kind == "orders" else _order(store, record, change)
    if order is not None and order.get("status") not in OPEN:
        _check_frozen(store, kind, record, given, order)
    if kind == "orders" and order is not None and order.get("placed_at"):
        _check_frozen(store, kind, record, _only(given, _CHARGED), order)
    if kind == "orders":
        _check_codes(store, order, change.attributes)
    if kind == "line_items" and change.attributes.get("unit_amount_cents") is None:
        _check_price(store, order, change)
    if kind == "line_items" and "quantity" in change.attributes:
        _check_stock(store, record, order, change)


def _only(given: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name in names}


def _check_frozen(
    store: Store, kind: str, record: Record | None, given: dict[str, Any], order: Record
) -> None:
    frozen = _FROZEN.get(kind, set())
    if record is None:
        if frozen:
            raise _not_editable("/data/relationships/order", order)
        return
    for name in sorted(frozen & given.keys()):
        if given[name] == record.get(name) or given[name] is store.one(record, name):
            continue
        section = "relationships" if isinstance(given[name], Record) else "attributes"
        raise _not_editable(f"/data/{section}/{name}", order)


def check_deletion(store: Store, record: Record) -> None:
    """Raises ApiError 422: nothing is taken out of a placed order."""
    order = _order(store, record, Change()) if record.type in _FROZEN else None
    if order is not None and record.type != "orders" and order.get("status") not in OPEN:
        raise _not_editable("/data/relationships/order", order)


def _order(store: Store, record: Record | None, change: Change) -> Record | None:
    for link in ("line_item", "order"):
        found = change.relationships.get(link) or (store.one(record, link) if record else None)
        if isinstance(found, Record):
            return store.one(found, "order") if link == "line_item" else found
    return None


def _not_editable(pointer: str, order: Record) -> ApiError:
    message = f"cannot be changed while the order is {order.get('status')}"
    return ApiError(validation(pointer, "not_editable", message, value=order.get("status")))


def _check_price(store: Store, order: Record | None, change: Change) -> None:
    """What has no price in the market can only be sold at a price that is given."""
    names = ("item", "sku", "bundle")
    item = next((each for name in names if (each := change.relationships.get(name))), None)
    if isinstance(item, Record) and item.type in ("skus", "bundles"):
        values = prices.of(store, item, order, change.attributes.get("quantity") or 1)
        if values.get("unit_amount_cents") is None:
            pointer = "/data/attributes/unit_amount_cents"
            raise ApiError(validation(pointer, "blank", "can't be blank"))


def _check_stock(store: Store, record: Record | None, order: Record | None, change: Change) -> None:
    """Of a SKU that is counted no more can be ordered than there is in the order's market."""
    sku = change.relationships.get("sku") or change.relationships.get("item")
    if sku is None and record is not None:
        sku = store.one(record, "sku")
    market = store.one(order, "market") if order else None
    if market is None or not isinstance(sku, Record) or sku.type != "skus":
        return
    wanted, there = change.attributes["quantity"], stock.in_market(store, market, sku, order)
    if stock.tracked(sku) and wanted > there:
        message = f"must be less than or equal to {there}"
        key = "less_than_or_equal_to"
        pointer = "/data/attributes/quantity"
        raise ApiError(validation(pointer, key, message, value=wanted, count=there))


def _check_codes(store: Store, order: Record | None, given: dict[str, Any]) -> None:
    """Coupons and gift cards that nobody can use are refused, as is the default of the API."""
    failures = []
    for name in ("coupon_code", "gift_card_code", "gift_card_or_coupon_code"):
        code = given.get(name)
        if code and not any(usable(store, order, code) for usable in _USABLE[name]):
            pointer = f"/data/attributes/{name}"
            failures.append(validation(pointer, "invalid", "is invalid", value=code))
    if failures:
        raise ApiError(*failures)


def _coupon(store: Store, order: Record | None, code: str) -> bool:
    found = store.having("coupons", "code", code)
    return any(promotions.is_usable(store, each, order) for each in found)


def _gift_card(store: Store, order: Record | None, code: str) -> bool:
    card = gift_cards.by_code(store, code)
    currency = order.get("currency_code") if order else None
    return card is not None and gift_cards.is_usable(store, card, currency)


_USABLE = {
    "coupon_code": (_coupon,),
    "gift_card_code": (_gift_card,),
    "gift_card_or_coupon_code": (_gift_card, _coupon),
}
