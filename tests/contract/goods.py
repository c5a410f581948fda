"""A small catalogue that belongs together: what is sold, for how much, from where."""

from dataclasses import dataclass

from tests.contract.shop import Record, Shop


@dataclass(frozen=True)
class Goods:
    """`spare_category` is for whoever needs another SKU: the rest is counted."""

    category: Record
    spare_category: Record
    sku: Record
    other_sku: Record
    price_list: Record
    price: Record
    location: Record
    stock_item: Record
    sku_list: Record
    list_items: tuple[Record, Record]


def make(shop: Shop) -> Goods:
    category, spare_category = (shop.create("shipping_categories") for _ in range(2))
    sku, other_sku = (shop.create("skus", {"shipping_category": category}) for _ in range(2))
    price_list = shop.create("price_lists", currency_code="EUR", code=shop.new())
    price = shop.create("prices", {"sku": sku, "price_list": price_list}, amount_cents=1990)
    location = shop.create("stock_locations", {"address": shop.create("addresses")})
    stock_item = shop.create("stock_items", {"sku": sku, "stock_location": location}, quantity=7)
    sku_list = shop.create("sku_lists", manual=True)
    first, second = (
        shop.create("sku_list_items", {"sku": each, "sku_list": sku_list}, quantity=quantity)
        for each, quantity in ((sku, 1), (other_sku, 10))
    )
    return Goods(
        category,
        spare_category,
        sku,
        other_sku,
        price_list,
        price,
        location,
        stock_item,
        sku_list,
        (first, second),
    )
