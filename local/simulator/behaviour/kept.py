"""Attributes that follow from others and are stored, so that filters, sorts and indexes see them.

The store computes them whenever it writes the record they belong to. So what is copied from
another record (an order's country from its address) is as it was then, as in Commerce Layer.
The rest is computed when it is asked for: see computed/.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from local.simulator.behaviour import money, numbers

if TYPE_CHECKING:
    from local.simulator.store import Record, Store

_Compute = Callable[["Store", "Record"], Any]

_TRANSACTIONS = ("authorizations", "captures", "refunds", "voids")


def keep(store: "Store", record: "Record") -> None:
    """Later ones may follow from earlier ones."""
    for name, compute in KEPT.get(record.type, {}).items():
        record.attributes[name] = compute(store, record)


def names(kind: str) -> Collection[str]:
    """What may change with every write."""
    return KEPT.get(kind, {})


def days(hours: int | None) -> int | None:
    """Rounded, half a day up."""
    return None if hours is None else (hours + 12) // 24


def _days(name: str) -> _Compute:
    return lambda _, record: days(record.attributes.get(name))


def _copied(name: str, *paths: tuple[str, ...], source: str | None = None) -> _Compute:
    """From the first record at the end of a path that has it. Where none has, it stays."""

    def compute(store: "Store", record: "Record") -> Any:
        for path in paths:
            found: Record | None = record
            for step in path:
                found = store.one(found, step) if found else None
            value = found.attributes.get(source or name) if found else None
            if value is not None:
                return value
        return record.attributes.get(name)

    return compute


def _currency(store: "Store", record: "Record") -> str | None:
    return money.inherited(store, record) or record.attributes.get("currency_code")


def _product(_: "Store", record: "Record") -> int:
    values = record.attributes.get
    return (values("quantity") or 0) * (values("unit_amount_cents") or 0)


def _returned(store: "Store", record: "Record") -> int:
    """The share of the line item that comes back, its discount taken off."""
    line = store.one(record, "line_item")
    bought = line.attributes.get("quantity") if line else 0
    if not line or not bought:
        return 0
    paid = (line.get("total_amount_cents") or 0) + (line.get("discount_cents") or 0)
    return int((2 * paid * (record.get("quantity") or 0) + bought) // (2 * bought))


def _slug(_: "Store", record: "Record") -> str:
    """The number makes it unique."""
    words = re.findall(r"[a-z0-9]+", str(record.attributes.get("name") or "").lower())
    return "-".join([*words, str(record.number)])


def _initial_balance(_: "Store", record: "Record") -> int | None:
    """What the card has until it is purchased."""
    draft = record.attributes.get("status") == "draft"
    return record.attributes.get("balance_cents" if draft else "initial_balance_cents")


def _payment_source(store: "Store", record: "Record") -> Any:
    source = store.one(record, "payment_source")
    if source is None:
        return record.attributes.get("payment_source_details")
    instrument = source.attributes.get("payment_instrument") or {}
    return {"type": source.type.removesuffix("s"), **instrument}


KEPT: Mapping[str, Mapping[str, _Compute]] = {
    "delivery_lead_times": {"min_days": _days("min_hours"), "max_days": _days("max_hours")},
    "gift_cards": {"initial_balance_cents": _initial_balance},
    "line_item_options": {
        "currency_code": _currency,
        "total_amount_cents": _product,
        "delay_hours": _copied("delay_hours", ("sku_option",)),
        "delay_days": _days("delay_hours"),
    },
    "line_items": {"currency_code": _currency},
    "order_subscription_items": {"total_amount_cents": _product},
    "order_subscriptions": {
        "customer_email": _copied(
            "customer_email", ("customer",), ("source_order", "customer"), source="email"
        )
    },
    "orders": {
        "currency_code": _currency,
        "tax_included": _copied("tax_included", ("market", "price_list")),
        "country_code": _copied("country_code", ("shipping_address",), ("billing_address",)),
        "payment_source_details": _payment_source,
    },
    "parcels": {"number": numbers.parcel},
    "return_line_items": {"total_amount_cents": _returned},
    "returns": {"number": numbers.of_return},
    "shipments": {"number": numbers.shipment},
    "sku_lists": {"slug": _slug},
    "sku_options": {"delay_days": _days("delay_hours")},
    **{kind: {"number": numbers.transaction, "currency_code": _currency} for kind in _TRANSACTIONS},
}
