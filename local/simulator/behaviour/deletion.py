"""What a deletion takes along, by the table in deletion.toml, and what stands in its way."""

import tomllib
from functools import cache
from pathlib import Path

from connector.commerce_layer import catalog
from local.simulator import relations
from local.simulator.behaviour import guards
from local.simulator.behaviour.goods import logistics
from local.simulator.behaviour.ordering import totals
from local.simulator.errors import locked
from local.simulator.store import Record, Store

_DELETABLE_ORDERS = {"draft", "pending"}


@cache
def owned(kind: str) -> frozenset[str]:
    """The types, or their base types, of what goes with a record of that type."""
    table = tomllib.loads((Path(__file__).parent / "deletion.toml").read_text(encoding="utf-8"))
    lists = [table["owned"].get(name, []) for name in {kind, relations.base_of(kind)}]
    return frozenset(table["every"]).union(*lists)


def delete(store: Store, record: Record) -> None:
    """Raises ApiError 423, or 422 for a part of a placed order, before anything is deleted."""
    guards.check_deletion(store, record)
    logistics.check_deletion(store, record)
    doomed = _with_dependents(store, record)
    order = store.one(record, "order") if record.type == "line_items" else None
    for each in reversed(doomed):
        # What one held may have gone with it.
        if each.number in store.records:
            logistics.deleting(store, each)
            store.announce(each, "destroy")
            store.delete(each.type, each.id)
    if order:
        totals.emptied(store, order)


def _with_dependents(store: Store, record: Record) -> list[Record]:
    """The record, then what goes with it, then what goes with that."""
    doomed = {record: None}
    pending = [record]
    while pending:
        each = pending.pop()
        if each.type == "orders" and each.get("status") not in _DELETABLE_ORDERS:
            raise locked()
        for pointer in _owned_by(store, each):
            if pointer not in doomed:
                doomed[pointer] = None
                pending.append(pointer)
    _check(store, doomed)
    return list(doomed)


def _owned_by(store: Store, record: Record) -> list[Record]:
    kinds = owned(record.type)
    return [
        pointer
        for pointer, _ in store.pointers_at(record)
        if pointer.type in kinds or relations.base_of(pointer.type) in kinds
    ]


def _check(store: Store, doomed: dict[Record, None]) -> None:
    """Nothing that stays may need what goes."""
    for record in doomed:
        for pointer, name in store.pointers_at(record):
            needed = catalog.resource(pointer.type).relationships[name].required
            if needed and pointer not in doomed:
                raise locked()
