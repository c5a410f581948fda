"""Attributes that follow from others when a record is printed, by type and name."""

from collections.abc import Callable, Mapping
from typing import Any

from local.simulator.store import Record, Store

_Compute = Callable[[Store, Record], Any]


def _full_name(_: Store, record: Record) -> str | None:
    if record.attributes.get("business"):
        return record.attributes.get("company")
    names = [record.attributes.get(each) for each in ("first_name", "last_name")]
    return " ".join(filter(None, names)) or None


def _full_address(_: Store, record: Record) -> str:
    street = [record.attributes.get(each) for each in ("line_1", "line_2")]
    town = [record.attributes.get(each) for each in ("zip_code", "city", "state_code")]
    country = record.attributes.get("country_code")
    lines = [" ".join(filter(None, street)), " ".join(filter(None, town)), country]
    return ", ".join(filter(None, lines))


def _address_name(store: Store, record: Record) -> str:
    name = _full_name(store, record)
    return ", ".join(filter(None, [name, _full_address(store, record)]))


def _count(relationship: str) -> _Compute:
    return lambda store, record: len(store.related_numbers(record, relationship))


def _quantity(relationship: str, **wanted: Any) -> _Compute:
    """The sum of the quantities over there."""

    def compute(store: Store, record: Record) -> int:
        return sum(
            each.attributes.get("quantity") or 0
            for each in store.related(record, relationship)
            if all(each.attributes.get(name) == value for name, value in wanted.items())
        )

    return compute


COMPUTED: Mapping[str, Mapping[str, _Compute]] = {
    "addresses": {
        "full_name": _full_name,
        "full_address": _full_address,
        "name": _address_name,
    },
    "orders": {
        "skus_count": _quantity("line_items", item_type="skus"),
        "shipments_count": _count("shipments"),
        "line_item_options_count": _count("line_item_options"),
        "editable": lambda _, record: record.get("status") in ("draft", "pending", "editing"),
    },
    "shipments": {"skus_count": _quantity("stock_line_items")},
    "returns": {"skus_count": _quantity("return_line_items")},
    "prices": {"original_amount_cents": lambda _, record: record.get("amount_cents")},
}
