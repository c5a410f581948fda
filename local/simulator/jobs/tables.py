"""How a row of an import finds its parent, and the record that it means."""

from typing import NamedTuple

IMPORTS, EXPORTS, CLEANUPS = "imports", "exports", "cleanups"
# Beside the attributes of the catalog: the gzip that an import read or an export wrote. It is
# served and never printed.
FILE = "file"

KINDS = (IMPORTS, EXPORTS, CLEANUPS)

# The relationship that `parent_resource_id` fills where a row does not.
PARENTS = {
    "orders": "market",
    "bundles": "market",
    "sku_options": "market",
    "gift_cards": "market",
    "prices": "price_list",
    "stock_items": "stock_location",
    "coupons": "promotion_rule",
    "sku_list_items": "sku_list",
    "tax_categories": "tax_calculator",
}

# Attributes and to-one relationships that together mean one record. A type without an entry is
# updated by id alone.
KEYS: dict[str, tuple[str, ...]] = {
    "orders": ("number",),
    "skus": ("code",),
    "prices": ("sku", "price_list"),
    "stock_items": ("sku", "stock_location"),
    "gift_cards": ("code",),
    "customers": ("email",),
    "customer_subscriptions": ("customer", "reference"),
    "coupons": ("code", "promotion_rule"),
    "tax_categories": ("code", "tax_calculator"),
    # Of these Commerce Layer does not say it.
    "bundles": ("code", "market"),
    "price_lists": ("code",),
    "shipping_categories": ("code",),
    "stock_locations": ("code",),
    "sku_list_items": ("sku_list", "sku"),
    "tags": ("name",),
}


class Nested(NamedTuple):
    """Rows inside a row: their type, the relationship back, and what means one of them."""

    kind: str
    back: str
    key: tuple[str, ...]


NESTED: dict[str, dict[str, Nested]] = {
    "orders": {"line_items": Nested("line_items", "order", ("order", "sku"))},
    "prices": {"price_tiers": Nested("price_tiers", "price", ("price", "up_to"))},
    "sku_lists": {"sku_list_items": Nested("sku_list_items", "sku_list", ("sku_list", "sku"))},
}

# An archived order of another system brings its past along.
HISTORY = frozenset(
    "status payment_status fulfillment_status placed_at approved_at cancelled_at"
    " payment_updated_at fulfillment_updated_at".split()
)
