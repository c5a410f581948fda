"""Amounts in their three forms: `amount_cents` is kept, `amount_float` and `formatted_amount`
follow from it when a record is printed.

How a currency is written stands in currencies.json: its symbol, whether that comes first, what
parts the thousands and the decimals, and how many cents there are to one.
"""

import json
from functools import cache, lru_cache
from math import ceil, log10
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from connector.commerce_layer import catalog

if TYPE_CHECKING:  # the store keeps what follows from a record, and so knows this module
    from local.simulator.store import Record, Store

DEFAULT_CURRENCY = "EUR"

# Where a record without a currency of its own takes it from, nearest first.
_OWNERS = (
    "order",
    "price_list",
    "market",
    "price",
    "promotion",
    "shipping_method",
    "shipment",
    "line_item",
    "order_subscription",
    "source_order",
)
_DEPTH = 3


class Currency(NamedTuple):
    symbol: str
    symbol_first: bool
    thousands: str
    point: str
    subunits: int

    @property
    def digits(self) -> int:
        """Decimals that are printed: a fifth of an ariary is 0.2."""
        return ceil(log10(self.subunits))


@cache
def currencies() -> dict[str, Currency]:
    """By their ISO 4217 code."""
    text = (Path(__file__).parent / "currencies.json").read_text(encoding="utf-8")
    return {code: Currency(*row) for code, row in json.loads(text).items()}


def currency(store: "Store", record: "Record") -> str:
    return _currency(store, record, _DEPTH) or DEFAULT_CURRENCY


def inherited(store: "Store", record: "Record", depth: int = _DEPTH) -> str | None:
    """The currency of what the record belongs to."""
    for name in _OWNERS if depth else ():
        owner = store.one(record, name)
        found = _currency(store, owner, depth - 1) if owner else None
        if found:
            return found
    return None


def _currency(store: "Store", record: "Record", depth: int) -> str | None:
    own = record.attributes.get("currency_code")
    if own and record.type not in ("prices", "shipments"):
        return str(own)
    return inherited(store, record, depth) or own


def subunits(code: str) -> int:
    """How many cents there are to one: 100, 1 for the yen, 1000 for a dinar."""
    return _of(code).subunits


@lru_cache(maxsize=100_000)
def formatted(cents: int, code: str) -> str:
    style = _of(code)
    whole, rest = divmod(abs(cents), style.subunits)
    number = f"{whole:,}".replace(",", style.thousands)
    if style.digits:
        decimals = rest * 10**style.digits // style.subunits
        number += f"{style.point}{decimals:0{style.digits}}"
    sign = "-" if cents < 0 else ""
    if style.symbol_first:
        return f"{sign}{style.symbol}{number}"
    return f"{sign}{number} {style.symbol}"


@cache
def _of(code: str) -> Currency:
    """A code that nobody knows is its own symbol: "10.00 XYZ"."""
    return currencies().get(code) or Currency(code, False, ",", ".", 100)


@cache
def source(kind: str, name: str) -> str:
    """The attribute in cents that a derived one follows from.

    `formatted_subtotal_amount` -> `subtotal_amount_cents`.
    """
    cents = f"{name.removesuffix('_float').removeprefix('formatted_')}_cents"
    if cents not in catalog.resource(kind).attributes:
        raise LookupError(f"{kind}.{name} has no {cents}")
    return cents
