"""What a record has before its client says anything: defaults, first states, generated codes."""

from copy import deepcopy
from functools import cache
from hashlib import sha256
from typing import Any

from connector.commerce_layer import catalog
from local.simulator import ids

# First states that are not plain defaults of the catalog.
_STATES: dict[str, dict[str, Any]] = {
    "orders": {"status": "draft", "payment_status": "unpaid", "fulfillment_status": "unfulfilled"},
    "customers": {"status": "prospect"},
    "shipments": {"status": "draft"},
    "returns": {"status": "draft"},
    "stock_transfers": {"status": "draft"},
    "stock_reservations": {"status": "draft"},
    "gift_cards": {"status": "draft"},
    "order_subscriptions": {"status": "draft"},
    "in_stock_subscriptions": {"status": "active"},
    "order_copies": {"status": "pending"},
    "recurring_order_copies": {"status": "pending"},
    "paypal_payments": {"status": "created"},
    "imports": {"status": "pending"},
    "exports": {"status": "pending"},
    "cleanups": {"status": "pending"},
}

# What starts with nothing in it.
_EMPTY: dict[str, dict[str, Any]] = {
    "cleanups": {"filters": {}},
    "exports": {"includes": [], "filters": {}},
    "gift_cards": {"balance_log": [], "usage_log": {}},
    "organizations": {"config": {}},
    "orders": {"tax_calculations_count": 0},
}

# The price of a shipping method for a shipment: one by itself is for none.
_UNKNOWN = {"price_amount_for_shipment_cents"}

# Resources that Commerce Layer numbers by themselves. Our number is the id's, unique in the shop.
# Those numbered within an order are in numbers.py.
_NUMBERED = {
    "orders",
    "stock_transfers",
    "order_subscriptions",
}

# Attributes that hold a code made up by Commerce Layer -> how long it is.
_GENERATED = {
    "shared_secret": 32,
    "token": 32,
    "shopper_reference": 16,
    "profile_id": 16,
    "reset_password_token": 20,
}
_GENERATED_FOR = {
    "token": {"orders", "authorizations", "captures", "voids", "refunds"},
    "shopper_reference": {"customers"},
    "profile_id": {"customers"},
}


@cache
def _plain(kind: str) -> dict[str, Any]:
    resource = catalog.resource(kind)
    values: dict[str, Any] = {
        name: attribute.default
        for name, attribute in resource.attributes.items()
        if attribute.default is not None
    }
    values["metadata"] = {}
    if "type" in resource.attributes:
        values["type"] = kind
    if "circuit_state" in resource.attributes:
        values |= {"circuit_state": "closed", "circuit_failure_count": 0}
    for name, attribute in resource.attributes.items():
        if name.endswith("_cents") and not attribute.creatable and name not in _UNKNOWN:
            values[name] = 0
        if name == "mismatched_amounts":
            values[name] = False
    return values | _STATES.get(kind, {})


@cache
def _codes(kind: str) -> dict[str, int]:
    names = catalog.resource(kind).attributes
    return {
        name: length
        for name, length in _GENERATED.items()
        if name in names and kind in _GENERATED_FOR.get(name, {kind})
    }


def attributes(kind: str, number: int) -> dict[str, Any]:
    """For the record with that number; the same number gives the same codes, always."""
    values = {**_plain(kind), "metadata": {}}
    if kind in _EMPTY:
        values |= deepcopy(_EMPTY[kind])
    if kind in _NUMBERED:
        values["number"] = str(number)
    for name, length in _codes(kind).items():
        values[name] = sha256(f"{name} {number}".encode()).hexdigest()[:length]
    if kind == "webhooks":
        values["name"] = f"Webhook {ids.encode(number)}"
    if kind == "gift_cards":
        values["code"] = sha256(f"gift card {number}".encode()).hexdigest()[:20].upper()
    return values
