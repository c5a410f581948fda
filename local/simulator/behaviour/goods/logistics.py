"""What a client's writes mean for stock, shipments, parcels, transfers and returns, by type."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.simulator.behaviour.goods import (
    parcels,
    returns,
    shipments,
    stock,
    stock_lines,
    stock_transfers,
)
from local.simulator.errors import ApiError, locked, validation
from local.simulator.store import Record, Store
from local.simulator.validation import Change

Failures = Iterable[dict[str, Any]]


def check(store: Store, kind: str, change: Change, record: Record | None = None) -> None:
    """Raises ApiError 422, before anything is written."""
    if kind in _CHECKS:
        failures = list(_CHECKS[kind](store, record, change))
        if failures:
            raise ApiError(*failures)


def follow_up(
    store: Store, record: Record, change: Change, before: Mapping[str, Any] | None = None
) -> None:
    """`before` are the attributes that an updated record had."""
    if record.type in _FOLLOW_UPS:
        _FOLLOW_UPS[record.type](store, record, change, before)


def check_deletion(store: Store, record: Record) -> None:
    """Raises ApiError 423."""
    if record.type == "shipments":
        shipments.check_deletion(store, record)
    if record.type == "stock_transfers" and record.get("status") == "in_transit":
        raise locked()


def deleting(store: Store, record: Record) -> None:
    """What a record held is free again."""
    if record.type == "stock_line_items":
        stock_lines.give_back(store, record)
    if record.type == "stock_reservations":
        stock.forget(store, record)
    if record.type == "stock_transfers":
        stock_transfers.release(store, record)


def _check_stock_item(store: Store, record: Record | None, change: Change) -> Failures:
    """Only if asked to: the quantity covers what is reserved."""
    quantity = change.attributes.get("quantity")
    if record is None or quantity is None or "_validate" not in change.triggers:
        return
    reserved = (record.get("quantity") or 0) - stock.available(store, record)
    if quantity < reserved:
        key, message = "greater_than_or_equal_to", f"must be greater than or equal to {reserved}"
        pointer = "/data/attributes/quantity"
        yield validation(pointer, key, message, value=quantity, count=reserved)


def _check_reservation(store: Store, record: Record | None, change: Change) -> Failures:
    quantity = change.attributes.get("quantity")
    item = change.relationships.get("stock_item")
    own = 0
    if record:
        item, own = store.one(record, "stock_item"), record.get("quantity") or 0
    if item is None or quantity is None:
        return
    spare = stock.available(store, item) + own
    if quantity > spare:
        key, message = "less_than_or_equal_to", f"must be less than or equal to {spare}"
        yield validation("/data/attributes/quantity", key, message, value=quantity, count=spare)


_CHECKS: Mapping[str, Callable[[Store, Record | None, Change], Failures]] = {
    "shipments": lambda store, record, change: shipments.check(store, record, change.relationships),
    "stock_items": _check_stock_item,
    "stock_reservations": _check_reservation,
    "stock_transfers": lambda store, record, change: stock_transfers.check(
        store, record, change.attributes, change.relationships
    ),
    "parcel_line_items": lambda store, record, change: parcels.check(
        store, change.attributes, change.relationships, record
    ),
    "return_line_items": lambda store, record, change: returns.check_line(
        store, change.attributes, change.relationships, record
    ),
}


_Before = Mapping[str, Any] | None


def _stock_item(store: Store, record: Record, change: Change, _: _Before) -> None:
    if "quantity" in change.attributes:
        stock.notify(store, record)


def _parcel(store: Store, record: Record, change: Change, before: _Before) -> None:
    status = change.attributes.get("tracking_status")
    if status and status != (before or {}).get("tracking_status"):
        parcels.tracked(store, record, change.attributes)


def _return(store: Store, record: Record, change: Change, before: _Before) -> None:
    if before is None or "stock_location" in change.relationships:
        returns.settle(store, record)


def _transfer(store: Store, record: Record, _: Change, before: _Before) -> None:
    if before is not None:
        stock_transfers.written(store, record)


_FOLLOW_UPS: Mapping[str, Callable[[Store, Record, Change, _Before], None]] = {
    "shipments": lambda store, record, *_: shipments.written(store, record),
    "stock_items": _stock_item,
    "stock_line_items": lambda store, record, *_: stock_lines.fill(store, record),
    "stock_reservations": lambda store, record, *_: stock.adopt(store, record),
    "stock_transfers": _transfer,
    "parcels": _parcel,
    "returns": _return,
}
