"""Which promotions an order has earned: window, market, usage limits, rules and coupons.

Promotions with a custom rule, and those of external services, are never applied.
"""

from local.simulator.behaviour.computed import usage, value
from local.simulator.behaviour.ordering import items
from local.simulator.store import Record, Store

# The kinds that are applied.
KINDS = (
    "percentage_discount_promotions",
    "fixed_amount_promotions",
    "fixed_price_promotions",
    "free_shipping_promotions",
)

_RULES = ("coupon_codes", "order_amount", "sku_list", "custom")


def earned(store: Store, order: Record) -> list[Record]:
    """In the order of their application. The first exclusive one stands alone."""
    coupons = coupons_of(store, order)
    found = [
        each
        for kind in KINDS
        for each in store.all(kind)
        if value(store, each, "active") and _applies(store, order, each, coupons)
    ]
    found.sort(key=lambda each: (-value(store, each, "weight"), each.number))
    exclusive = [each for each in found if each.get("exclusive")]
    return exclusive[:1] or found


def _applies(store: Store, order: Record, promotion: Record, coupons: list[Record]) -> bool:
    market = promotion.links.get("market")
    if market is not None and market != order.links.get("market"):
        return False
    currency = promotion.get("currency_code")
    if currency and order.get("currency_code") and currency != order.get("currency_code"):
        return False
    return all(_holds(store, order, rule, coupons) for rule in rules(store, promotion))


def rules(store: Store, promotion: Record) -> list[Record]:
    return [
        store.records[number]
        for kind in _RULES
        for number in store.pointing(f"{kind}_promotion_rules", "promotion", promotion.number)
    ]


def by_coupon(store: Store, promotion: Record) -> bool:
    kinds = {rule.type for rule in rules(store, promotion)}
    return "coupon_codes_promotion_rules" in kinds


def _holds(store: Store, order: Record, rule: Record, coupons: list[Record]) -> bool:
    match rule.type:
        case "coupon_codes_promotion_rules":
            return any(store.one(each, "promotion_rule") is rule for each in coupons)
        case "order_amount_promotion_rules":
            return _amount(store, order, rule) > (rule.get("order_amount_cents") or 0)
        case "sku_list_promotion_rules":
            return _has_skus(store, order, rule)
    return False


def _amount(store: Store, order: Record, rule: Record) -> int:
    """Before discounts: the subtotal, or all that is to be paid for items, shipping and payment."""
    lines = store.related(order, "line_items")
    counted = [
        each
        for each in lines
        if items.is_sold(each)
        or (
            not rule.get("use_subtotal")
            and each.get("item_type") in ("shipments", "payment_methods")
        )
    ]
    return sum(each.get("total_amount_cents") or 0 for each in counted)


def _has_skus(store: Store, order: Record, rule: Record) -> bool:
    sku_list = store.one(rule, "sku_list")
    wanted = listed(store, sku_list) if sku_list else {}
    bought: dict[int, int] = {}
    for item in items.sold(store, order):
        for sku in items.skus(store, item):
            bought[sku.number] = bought.get(sku.number, 0) + (item.get("quantity") or 0)
    common = wanted.keys() & bought.keys()
    least = rule.get("min_quantity") or 0
    if least > 0:
        return sum(bought[number] for number in common) >= least
    if rule.get("all_skus"):
        return bool(wanted) and len(common) == len(wanted)
    return bool(common)


def listed(store: Store, sku_list: Record) -> dict[int, int]:
    """SKU -> quantity of a manual list."""
    return {
        sku: entry.get("quantity") or 1
        for entry in store.related(sku_list, "sku_list_items")
        if isinstance(sku := entry.links.get("sku"), int)
    }


def coupons_of(store: Store, order: Record) -> list[Record]:
    """Those of the order's code, one in each rule that has it, while they may be used."""
    code = order.get("coupon_code")
    found = store.having("coupons", "code", code) if code else []
    return [each for each in found if is_usable(store, each, order)]


def is_usable(store: Store, coupon: Record, order: Record | None) -> bool:
    rule = store.one(coupon, "promotion_rule")
    promotion = store.one(rule, "promotion") if rule else None
    limit, expires = coupon.get("usage_limit"), coupon.get("expires_at")
    return (
        promotion is not None
        and value(store, promotion, "active")
        and (limit is None or usage.of_coupon(store, coupon) < limit)
        and (expires is None or expires > store.clock.now())
        and not (coupon.get("customer_single_use") and _was_used(store, coupon, order))
    )


def _was_used(store: Store, coupon: Record, order: Record | None) -> bool:
    customer = store.one(order, "customer") if order else None
    return any(
        each is not order
        and each.get("placed_at")
        and each.get("coupon_code") == coupon.get("code")
        for each in (store.related(customer, "orders") if customer else ())
    )
