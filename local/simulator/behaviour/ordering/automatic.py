"""The line items that an order gets by itself: the payment method, discounts, gift cards.

They are told apart by the item that they stand for, so a refresh that finds nothing new writes
nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.simulator.behaviour.ordering.line_items import MIRRORS
from local.simulator.store import Record, Store


@dataclass(frozen=True, slots=True)
class Wanted:
    item: Record
    amount: int
    name: str | None
    also: Mapping[str, Any] = field(default_factory=dict)


def sync(
    store: Store,
    order: Record,
    lines: list[Record],
    wanted: Sequence[Wanted],
    mine: Callable[[Record], bool],
) -> list[Record]:
    """Make those of the line items that are `mine` what is wanted; returns all of them."""
    by_item = {each.item.number: each for each in wanted}
    kept, had = [], set()
    for line in lines:
        if not mine(line):
            kept.append(line)
            continue
        item = line.links.get("item")
        if item in by_item and item not in had:
            had.add(item)
            kept.append(line)
            _change(store, line, by_item[item])
        else:
            store.delete(line.type, line.id)
    return kept + [_make(store, order, each) for each in wanted if each.item.number not in had]


def of(kinds: Collection[str]) -> Callable[[Record], bool]:
    return lambda line: line.get("item_type") in kinds


def _values(wanted: Wanted) -> dict[str, Any]:
    amounts = {"unit_amount_cents": wanted.amount, "total_amount_cents": wanted.amount}
    return amounts | {"name": wanted.name} | dict(wanted.also)


def _change(store: Store, line: Record, wanted: Wanted) -> None:
    values = _values(wanted)
    if any(line.get(name) != value for name, value in values.items()):
        store.change(line, values)


def _make(store: Store, order: Record, wanted: Wanted) -> Record:
    kind = wanted.item.type
    values = {
        "item_type": kind,
        "quantity": 1,
        "currency_code": order.get("currency_code"),
        **_values(wanted),
    }
    links = {"order": order, "item": wanted.item}
    if kind in MIRRORS:
        links[MIRRORS[kind]] = wanted.item
    return store.put("line_items", values, links)
