"""Amounts in their three forms: `amount_cents` is kept, `amount_float` and `formatted_amount`
follow from it when a record is printed.
"""

from functools import cache, lru_cache

from connector.commerce_layer import catalog
from local.simulator.store import Record, Store

DEFAULT_CURRENCY = "EUR"

# symbol, thousands, decimals, number of decimals; other currencies print as "10.00 CHF".
_FORMATS = {
    "EUR": ("€", ".", ",", 2),
    "USD": ("$", ",", ".", 2),
    "GBP": ("£", ",", ".", 2),
    "JPY": ("¥", ",", ".", 0),
}

# Where a record without a currency of its own takes it from, nearest first.
_OWNERS = ("order", "price_list", "market", "price", "shipping_method", "shipment", "line_item")


def currency(store: Store, record: Record, depth: int = 3) -> str:
    own = record.attributes.get("currency_code")
    if own:
        return str(own)
    for name in _OWNERS if depth else ():
        owner = store.one(record, name)
        if owner:
            return currency(store, owner, depth - 1)
    return DEFAULT_CURRENCY


@cache
def subunits(code: str) -> int:
    """How many cents there are to one: 100, or 1 for the yen."""
    return int(10 ** _FORMATS[code][3]) if code in _FORMATS else 100


@lru_cache(maxsize=100_000)
def formatted(cents: int, code: str) -> str:
    sign = "-" if cents < 0 else ""
    if code not in _FORMATS:
        return f"{cents / 100:,.2f} {code}"
    symbol, thousands, point, digits = _FORMATS[code]
    whole, rest = divmod(abs(cents), 10**digits)
    grouped = f"{whole:,}".replace(",", thousands)
    return (
        f"{sign}{symbol}{grouped}{point}{rest:0{digits}}" if digits else f"{sign}{symbol}{grouped}"
    )


@cache
def source(kind: str, name: str) -> str:
    """The attribute in cents that a derived one follows from.

    `formatted_subtotal_amount` -> `subtotal_amount_cents`. A price's original amount is what it was
    before any tier or external price: here always its amount.
    """
    stem = name.removesuffix("_float").removeprefix("formatted_")
    cents = "amount_cents" if stem == "original_amount" else f"{stem}_cents"
    if cents not in catalog.resource(kind).attributes:
        raise LookupError(f"{kind}.{name} has no {cents}")
    return cents
