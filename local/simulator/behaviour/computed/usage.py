"""How often promotions and their coupons have been used: by the orders that were placed."""

from local.simulator.store import Record, Store


def coupons(store: Store, promotion: Record) -> list[Record]:
    rules = set(store.pointing("coupon_codes_promotion_rules", "promotion", promotion.number))
    linked = store.one(promotion, "coupon_codes_promotion_rule")
    if linked:
        rules.add(linked.number)
    numbers = [n for rule in rules for n in store.pointing("coupons", "promotion_rule", rule)]
    return [store.records[number] for number in sorted(numbers)]


def of_coupon(store: Store, coupon: Record) -> int:
    return len(_orders_with(store, coupon))


def of_promotion(store: Store, promotion: Record) -> int:
    """An order counts once, whether it has a coupon, a line item of the promotion, or both."""
    orders = {number for each in coupons(store, promotion) for number in _orders_with(store, each)}
    for number in store.pointing("line_items", "item", promotion.number):
        order = store.one(store.records[number], "order")
        if order and order.attributes.get("placed_at"):
            orders.add(order.number)
    return len(orders)


def reached(store: Store, promotion: Record) -> bool:
    limit = promotion.attributes.get("total_usage_limit")
    return limit is not None and of_promotion(store, promotion) >= limit


def _orders_with(store: Store, coupon: Record) -> list[int]:
    """Numbers of the placed orders that name its code."""
    code = coupon.attributes.get("code")
    if code is None:
        return []
    by_code = store.tables["orders"].by_value("coupon_code", store.records)
    numbers = by_code.get(code, ())
    return [n for n in numbers if store.records[n].attributes.get("placed_at")]
