"""What Commerce Layer's import jobs take, and how a row of one means a record.

A row is flat: attributes by name, a to-one relationship as `<name>_id`. A row whose natural key is
there updates that record, any other creates one. Only the keys that Commerce Layer documents are
listed: of a type without one, a row that is sent twice may make two records.
"""

from collections.abc import Mapping
from typing import Any

from connector.commerce_layer import catalog

TYPES = frozenset(
    "addresses bundles coupons customer_addresses customer_payment_sources customer_subscriptions"
    " customers gift_cards line_item_options line_items orders price_lists price_tiers prices"
    " shipping_categories sku_list_items sku_lists sku_options skus stock_items stock_locations"
    " stock_transfers tags tax_categories".split()
)

# Most inputs of one job that the official clients send; the documentation of old said 2,000.
MAX_INPUTS = 10_000

# Type -> the parts of its natural key; each part lists the columns that may carry it.
KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "orders": (("number",),),
    "coupons": (("code",), ("promotion_rule_id",)),
    "skus": (("code",),),
    "prices": (("sku_code", "sku_id"), ("price_list_id",)),
    "stock_items": (("sku_code", "sku_id"), ("stock_location_id",)),
    "gift_cards": (("code",),),
    "customers": (("email",),),
    "customer_subscriptions": (("customer_id", "customer_email"), ("reference",)),
    "tax_categories": (("code",), ("tax_calculator_id",)),
}

# Type -> the column that `parent_resource_id` fills in the rows that do not have it.
PARENTS: Mapping[str, str] = {
    "orders": "market_id",
    "bundles": "market_id",
    "sku_options": "market_id",
    "gift_cards": "market_id",
    "prices": "price_list_id",
    "stock_items": "stock_location_id",
    "coupons": "promotion_rule_id",
    "sku_list_items": "sku_list_id",
    "tax_categories": "tax_calculator_id",
}

# Rows inside a row, which an import writes with it.
NESTED: Mapping[str, frozenset[str]] = {
    "orders": frozenset({"line_items"}),
    "prices": frozenset({"price_tiers"}),
    "sku_lists": frozenset({"sku_list_items"}),
}

Row = Mapping[str, Any]
Identity = tuple[str, ...]


def identity(kind: str, row: Row) -> Identity | None:
    """What tells the record of this row from others: its id, or else its natural key.

    None if the row has neither: it makes a new record, each time it is sent.
    """
    if row.get("id") not in (None, ""):
        return ("id", str(row["id"]))
    key = []
    for columns in KEYS.get(kind, ()):
        column = next((name for name in columns if row.get(name) not in (None, "")), None)
        if column is None:
            return None
        text = str(row[column])
        key += [column, text.lower() if column.endswith("email") else text]
    return tuple(key) or None


def as_row(
    kind: str,
    attributes: Mapping[str, Any],
    relationships: Mapping[str, Any],
    id: str | None = None,  # noqa: A002 - JSON:API's own name
) -> dict[str, Any] | None:
    """A write in flat form as the row of an import, or None if none can say it.

    `relationships` are ids or `{"type", "id"}`. None can clear a relationship, or set a to-many.
    """
    row = {**attributes} if id is None else {"id": id, **attributes}
    known = catalog.resource(kind).relationships
    for name, value in relationships.items():
        target = value.get("id") if isinstance(value, Mapping) else value
        if name not in known or known[name].many or not isinstance(target, str):
            return None
        row[f"{name}_id"] = target
    return row
