"""Gateways, payments and accounts: keys that a payment repeats, addresses to call, names."""

from collections.abc import Mapping
from typing import Any

from local.simulator.behaviour.computed.common import Compute
from local.simulator.store import Record, Store

_CALLBACKS = "https://core.commercelayer.io/webhook_callbacks"
_CALLED = ("adyen", "axerve", "braintree", "checkout_com", "satispay", "stripe")
_VERTEX = {
    "cloud": "https://restconnect.vertexsmb.com",
    "on_demand": "https://{}.ondemand.vertexinc.com",
    "on_premise": "{}",
}


def _callback(_: Store, gateway: Record) -> str:
    return f"{_CALLBACKS}/{gateway.type}/{gateway.id}"


def _of_gateway(name: str) -> Compute:
    """Of the payment's own gateway, or of that of the order's payment method."""

    def compute(store: Store, payment: Record) -> Any:
        order = store.one(payment, "order")
        method = store.one(order, "payment_method") if order else None
        gateway = store.one(payment, "payment_gateway") or (
            store.one(method, "payment_gateway") if method else None
        )
        return gateway.attributes.get(name) if gateway else None

    return compute


def _source_name(store: Store, record: Record) -> str | None:
    """A card by its last digits, anything else by its own name."""
    source = store.one(record, "payment_source")
    if source is None:
        return None
    instrument = source.attributes.get("payment_instrument") or {}
    digits = instrument.get("card_last_digits")
    return f"XXXX-XXXX-XXXX-{digits}" if digits else source.attributes.get("name")


def _vertex(_: Store, account: Record) -> str | None:
    kind, base = account.attributes.get("kind"), account.attributes.get("baseurl")
    if kind != "cloud" and not base:
        return None
    return _VERTEX[str(kind)].format(base if kind == "on_premise" else _host(base))


def _talon(_: Store, account: Record) -> str | None:
    base = account.attributes.get("baseurl")
    return f"https://{_host(base)}.talon.one/v2" if base else None


def _host(base: Any) -> str:
    """`my_baseurl`, however the client wrote it."""
    return str(base or "").removeprefix("https://").partition("/")[0].partition(".")[0]


COMPUTED: Mapping[str, Mapping[str, Compute]] = {
    **{f"{name}_gateways": {"webhook_endpoint_url": _callback} for name in _CALLED},
    "adyen_payments": {"public_key": _of_gateway("public_key")},
    "axerve_payments": {"login": _of_gateway("login")},
    "checkout_com_payments": {"public_key": _of_gateway("public_key")},
    "stripe_payments": {
        "publishable_key": _of_gateway("publishable_key"),
        "connected_account": _of_gateway("connected_account"),
    },
    "customer_payment_sources": {"name": _source_name},
    "talon_one_accounts": {"api_endpoint": _talon},
    "vertex_accounts": {"api_endpoint": _vertex},
}
