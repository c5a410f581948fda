"""Triggers: attributes such as `_approve` that make something happen instead of being stored.

Most move a status along the table in states.toml; the rest is planned by the module of its
resource. Those that a record cannot take in its present state are refused before anything of the
request is written; those that change nothing are answered as done.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from connector.commerce_layer import catalog
from local.simulator.behaviour import circuits, tags, transitions
from local.simulator.behaviour.goods import (
    line_item_stock,
    parcels,
    returns,
    shipments,
    stock_lines,
    stock_transfers,
)
from local.simulator.behaviour.ordering import bundles, gift_cards, orders, subscriptions
from local.simulator.behaviour.paying import transactions
from local.simulator.behaviour.people import anonymization, passwords
from local.simulator.behaviour.transitions import Effect
from local.simulator.store import Record, Store

# Triggers of many resources that set or clear one stamp.
_STAMPS = {
    "_disable": ("disabled_at", True),
    "_enable": ("disabled_at", False),
    "_archive": ("archived_at", True),
    "_unarchive": ("archived_at", False),
}

# What a trigger does, given all that came with it: `_refund` looks at `_refund_amount_cents`.
Planner = Callable[[Store, Record, str, Mapping[str, Any]], Effect | None]


def plan(
    store: Store,
    record: Record,
    triggers: Mapping[str, Any],
    links: Mapping[str, Any] | None = None,
) -> list[Effect]:
    """What they would do, in order. Raises ApiError 422 if the record's state forbids one.

    `links` are the relationships that the same request sets.
    """
    effects = [_plan_one(store, record, name, triggers) for name in triggers]
    together = _TOGETHER.get(record.type)
    if together:
        effects += together(store, record, triggers, links or {})
    return [effect for effect in effects if effect]


def _plan_one(
    store: Store, record: Record, name: str, triggers: Mapping[str, Any]
) -> Effect | None:
    if name in _STAMPS and _STAMPS[name][0] in catalog.resource(record.type).attributes:
        return _stamp(store, record, *_STAMPS[name])
    if name in _ANYWHERE:
        return _ANYWHERE[name](store, record, name, triggers)
    if record.type in _PLANNERS and name not in transitions.moves(record.type):
        return _PLANNERS[record.type](store, record, name, triggers)
    if name in transitions.moves(record.type):
        return _status(store, record, name)
    return None


def _status(store: Store, record: Record, name: str) -> Effect | None:
    effect = transitions.plan(store, record, name)
    if effect is None or record.type not in _CONSEQUENCES:
        return effect
    check, follow_up = _CONSEQUENCES[record.type]
    check(store, record, name)
    return partial(_move, store, record, name, follow_up)


def _move(
    store: Store, record: Record, name: str, follow_up: Callable[[Store, Record, str], None]
) -> None:
    transitions.go(store, record, name)
    follow_up(store, record, name)


def _shipment_moved(store: Store, shipment: Record, name: str) -> None:
    """When the last one of an order has left, the order is fulfilled."""
    if name == "_cancel":
        shipments.call_off(store, shipment)
    if name != "_ship":
        return
    parcels.shipped(store, shipment)
    order = store.one(shipment, "order")
    if order and shipments.all_gone(store, order) and shipments.in_progress(store, shipment):
        for effect in plan(store, order, {"_fulfill": True}):
            effect()


# What may stand in the way of a move, and what comes of it.
_CONSEQUENCES: Mapping[
    str, tuple[Callable[[Store, Record, str], None], Callable[[Store, Record, str], None]]
] = {
    "shipments": (shipments.check_move, _shipment_moved),
    "stock_transfers": (stock_transfers.check_move, stock_transfers.moved),
}


def _stamp(store: Store, record: Record, name: str, wanted: bool) -> Effect | None:
    if bool(record.get(name)) == wanted:
        return None
    return partial(store.change, record, {name: store.clock.now() if wanted else None})


_ANYWHERE: Mapping[str, Planner] = {
    **dict.fromkeys(
        ("_add_tags", "_remove_tags"),
        lambda store, record, name, given: tags.plan(store, record, name, given[name]),
    ),
    "_reset_circuit": lambda store, record, *_: circuits.reset(store, record),
    "_regenerate_shared_secret": lambda store, record, *_: circuits.regenerate_secret(
        store, record
    ),
}

_PLANNERS: Mapping[str, Planner] = {
    "events": lambda store, event, *_: partial(store.retrigger, event),
    "customers": lambda store, customer, name, _: anonymization.plan(store, customer, name),
    "customer_password_resets": passwords.plan,
    "easypost_pickups": lambda *_: shipments.refuse_purchase(),
    "line_items": lambda store, line, name, _: line_item_stock.plan(store, line, name),
    "return_line_items": returns.plan_line,
    "returns": returns.plan,
    "shipment_line_items": lambda store, line, name, _: stock_lines.plan(store, line, name),
    "shipments": shipments.plan,
    "stock_line_items": lambda store, line, name, _: stock_lines.plan(store, line, name),
    "bundles": lambda store, bundle, name, _: bundles.plan(store, bundle, name),
}

# Resources whose triggers are planned all at once: one of them may build on another.
_TOGETHER: Mapping[
    str, Callable[[Store, Record, Mapping[str, Any], Mapping[str, Any]], list[Effect]]
] = {
    "orders": orders.plan,
    "gift_cards": lambda store, card, triggers, _: gift_cards.plan(store, card, triggers),
    "order_subscriptions": lambda store, each, triggers, _: subscriptions.plan(
        store, each, triggers
    ),
    **dict.fromkeys(
        ("authorizations", "captures", "refunds", "voids"),
        lambda store, each, triggers, _: transactions.plan(store, each, triggers),
    ),
}
