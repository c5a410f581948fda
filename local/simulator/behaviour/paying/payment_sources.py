"""A payment source that is made for an order is the payment source of that order."""

from connector.commerce_layer import catalog
from local.simulator.store import Record, Store

KINDS = frozenset(catalog.resource("orders").relationships["payment_source"].types)


def created(store: Store, source: Record) -> None:
    """While that can still change."""
    order = store.one(source, "order")
    if order and order.get("status") in ("draft", "pending", "editing"):
        store.change(order, {}, {"payment_source": source})
