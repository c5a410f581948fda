"""Parcels: what is in them, and what their carrier says of them."""

from collections.abc import Iterable, Mapping
from typing import Any

from local.simulator.errors import validation
from local.simulator.store import Record, Store


def check(
    store: Store, attributes: Mapping[str, Any], links: Mapping[str, Any], line: Record | None
) -> Iterable[dict[str, Any]]:
    """A parcel holds no more of a stock line item than is in its shipment, as 422 objects."""
    parcel = links.get("parcel") or (store.one(line, "parcel") if line else None)
    stock_line = links.get("stock_line_item")
    if stock_line is None and line:
        stock_line = store.one(line, "stock_line_item")
    if parcel is None or stock_line is None:
        return
    shipment = store.one(stock_line, "shipment")
    if shipment and shipment is not store.one(parcel, "shipment"):
        message = "belongs to another shipment"
        yield validation("/data/relationships/stock_line_item", "invalid", message)
    quantity = attributes.get("quantity")
    left = (stock_line.get("quantity") or 0) - sum(
        store.records[number].get("quantity") or 0
        for number in store.pointing("parcel_line_items", "stock_line_item", stock_line.number)
        if line is None or number != line.number
    )
    if quantity is not None and quantity > left:
        key, message = "less_than_or_equal_to", f"must be less than or equal to {left}"
        yield validation("/data/attributes/quantity", key, message, value=quantity, count=left)


def tracked(store: Store, parcel: Record, given: Mapping[str, Any]) -> None:
    """The carrier's status was written: it has the time that came with it, or now."""
    if not given.get("tracking_status_updated_at"):
        store.change(
            parcel, {"tracking_status_updated_at": store.clock.now()}, updated_at=parcel.updated_at
        )
    store.announce(parcel, str(parcel.get("tracking_status")))


def shipped(store: Store, shipment: Record) -> None:
    for parcel in store.related(shipment, "parcels"):
        store.announce(parcel, "shipped")
