"""What a valid document needs besides the catalog: records that stand in the right state."""

from collections.abc import Callable
from typing import Any

from local.simulator.store import Store

Document = dict[str, Any]

# What jobs take instead of any text or array.
_JOBS: dict[str, Document] = {
    "imports": {"resource_type": "skus", "format": "json"},
    "exports": {
        "resource_type": "skus",
        "format": "json",
        "fields": ["code"],
        "includes": ["prices"],
        "filters": {"code_present": True},
    },
    "cleanups": {"resource_type": "skus", "filters": {"code_eq": "nothing"}},
}


def fit(store: Store, document: Document) -> None:
    """Put the records that it refers to into the state that its resource asks for."""
    if document["type"] in _RECIPES:
        _RECIPES[document["type"]](store, document)


def _id(document: Document, name: str) -> str:
    return str(document["relationships"][name]["data"]["id"])


def _shipment(store: Store, document: Document) -> None:
    """Made by hand only while the fulfilment of the order is in progress."""
    statuses = {"status": "approved", "payment_status": "paid", "fulfillment_status": "in_progress"}
    store.update("orders", _id(document, "order"), statuses)


def _one(_: Store, document: Document) -> None:
    """There is always as much as one."""
    document["attributes"]["quantity"] = 1


def _return_line_item(store: Store, document: Document) -> None:
    _one(store, document)
    owner = store.get("returns", _id(document, "return"))
    order = store.one(owner, "order") if owner else None
    store.update("line_items", _id(document, "line_item"), {}, {"order": order})


def _job(_: Store, document: Document) -> None:
    attributes = document["attributes"]
    fitting = _JOBS[document["type"]]
    attributes.update({name: fitting[name] for name in fitting if name in attributes})


def _webhook(_: Store, document: Document) -> None:
    """What stands around an order, if anything is asked for."""
    if "include_resources" in document["attributes"]:
        document["attributes"]["include_resources"] = ["customer"]


_RECIPES: dict[str, Callable[[Store, Document], None]] = {
    "shipments": _shipment,
    "parcel_line_items": _one,
    "return_line_items": _return_line_item,
    "stock_reservations": _one,
    "webhooks": _webhook,
    **dict.fromkeys(_JOBS, _job),
}
