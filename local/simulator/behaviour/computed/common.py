"""What the tables of computed attributes are made of."""

from collections.abc import Callable, Iterator
from typing import Any

from local.simulator.store import Record, Store

Compute = Callable[[Store, Record], Any]


def count(relationship: str) -> Compute:
    return lambda store, record: len(store.related_numbers(record, relationship))


def quantity(relationship: str, **wanted: Any) -> Compute:
    """The sum of the quantities over there."""

    def compute(store: Store, record: Record) -> int:
        return sum(
            each.attributes.get("quantity") or 0
            for each in store.related(record, relationship)
            if all(each.attributes.get(name) == value for name, value in wanted.items())
        )

    return compute


def first_of(name: str, *paths: tuple[str, ...]) -> Compute:
    """The attribute of the first record at the end of a path that has it."""

    def compute(store: Store, record: Record) -> Any:
        found = (each.attributes.get(name) for each in ends(store, record, paths))
        return next((value for value in found if value is not None), None)

    return compute


def ends(store: Store, record: Record, paths: tuple[tuple[str, ...], ...]) -> Iterator[Record]:
    """The records at the end of each path of to-one relationships."""
    for path in paths:
        found: Record | None = record
        for step in path:
            found = store.one(found, step) if found else None
        if found:
            yield found


def own_number(_: Store, record: Record) -> int:
    return record.number
