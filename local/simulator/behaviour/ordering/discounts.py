"""What promotions take off an order: one line item each, spread over the items that it is for."""

from local.simulator.behaviour.ordering import automatic, items, promotions
from local.simulator.behaviour.ordering.automatic import Wanted
from local.simulator.store import Record, Store


def apply(store: Store, order: Record, lines: list[Record]) -> list[Record]:
    """Returns the line items with the discounts of today among them."""
    bases = {each.number: each.get("total_amount_cents") for each in lines if items.is_sold(each)}
    left = dict(bases)
    shipping = _shipping(lines)
    wanted = []
    for promotion in promotions.earned(store, order):
        if promotion.type == "free_shipping_promotions":
            amount, shipping = shipping, 0
        else:
            eligible = _eligible(store, promotion, lines)
            amount = _spread(promotion, eligible, left)
        if amount:
            code = order.get("coupon_code") if promotions.by_coupon(store, promotion) else None
            wanted.append(Wanted(promotion, -amount, promotion.get("name"), {"coupon_code": code}))
    lines = automatic.sync(store, order, lines, wanted, automatic.of(items.PROMOTIONS))
    for each in lines:
        taken = left.get(each.number, 0) - bases.get(each.number, 0)
        if (each.get("discount_cents") or 0) != taken:
            store.change(each, {"discount_cents": taken}, updated_at=each.updated_at)
    return lines


def _shipping(lines: list[Record]) -> int:
    return sum(
        each.get("total_amount_cents") for each in lines if each.get("item_type") == "shipments"
    )


def _eligible(store: Store, promotion: Record, lines: list[Record]) -> list[Record]:
    """The items whose SKUs are in the list of the promotion, if it has one."""
    sold = [each for each in lines if items.is_sold(each) and each.get("item_type") != "gift_cards"]
    sku_list = store.one(promotion, "sku_list")
    if sku_list is None:
        return sold
    skus = promotions.listed(store, sku_list)
    return [each for each in sold if each.links.get("sku") in skus]


def _spread(promotion: Record, eligible: list[Record], left: dict[int, int]) -> int:
    """Take the discount from what is `left` of each item; returns the sum of it."""
    if promotion.type == "fixed_price_promotions":
        price = promotion.get("fixed_amount_cents")
        shares = [
            0 if price is None else left[each.number] - price * (each.get("quantity") or 0)
            for each in eligible
        ]
    else:
        rest = sum(left[each.number] for each in eligible)
        if promotion.type == "percentage_discount_promotions":
            amount = _rounded(rest * (promotion.get("percentage") or 0), 100)
        else:
            amount = promotion.get("fixed_amount_cents") or 0
        shares = _shares([left[each.number] for each in eligible], min(amount, rest))
    taken = 0
    for each, share in zip(eligible, shares, strict=True):
        off = min(max(share, 0), left[each.number])
        left[each.number] -= off
        taken += off
    return taken


def _shares(weights: list[int], amount: int) -> list[int]:
    """`amount` in proportion, to the cent: what rounding leaves over goes to the last ones."""
    rest, total, shares = amount, sum(weights), []
    for weight in weights:
        share = _rounded(rest * weight, total) if total else 0
        shares.append(share)
        rest, total = rest - share, total - weight
    return shares


def _rounded(amount: int, parts: int) -> int:
    """Half a cent up."""
    return (2 * amount + parts) // (2 * parts)
