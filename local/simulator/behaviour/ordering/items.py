"""What kinds of line items there are, and which of them are sold and shipped."""

from local.simulator.store import Record, Store

PROMOTIONS = frozenset(
    {
        "buy_x_pay_y_promotions",
        "discount_engine_items",
        "external_promotions",
        "fixed_amount_promotions",
        "fixed_price_promotions",
        "flex_promotions",
        "free_gift_promotions",
        "free_shipping_promotions",
        "percentage_discount_promotions",
    }
)

_SOLD = frozenset({"skus", "bundles", "gift_cards", None})


def is_sold(item: Record) -> bool:
    """A purchase, and no cost or discount. A gift card that pays has a negative amount."""
    kind = item.get("item_type")
    return kind in _SOLD and not (kind == "gift_cards" and (item.get("unit_amount_cents") or 0) < 0)


def sold(store: Store, order: Record) -> list[Record]:
    return [each for each in store.related(order, "line_items") if is_sold(each)]


def ships(store: Store, item: Record) -> bool:
    """Gift cards and items without a SKU need no parcel."""
    return any(not sku.get("do_not_ship") for sku in skus(store, item))


def skus(store: Store, item: Record) -> list[Record]:
    """The SKUs of a line item: its own, or those of its bundle."""
    sku = store.one(item, "sku")
    if sku:
        return [sku]
    bundle = store.one(item, "bundle")
    sku_list = store.one(bundle, "sku_list") if bundle else None
    entries = store.related(sku_list, "sku_list_items") if sku_list else []
    return [sku for entry in entries if (sku := store.one(entry, "sku"))]
