"""Triggers: attributes such as `_approve` that make something happen instead of being stored.

Most move a status along the table below. Those that a record cannot take in its present state are
refused before anything of the request is written; those that change nothing are answered as done.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from connector.commerce_layer import catalog
from local.simulator.behaviour import orders, tags
from local.simulator.errors import refused_transition
from local.simulator.store import Record, Store

Effect = Callable[[], None]

# type -> trigger -> (the states it starts from, the state it ends in)
_STATES: dict[str, dict[str, tuple[set[str], str]]] = {
    "shipments": {
        "_upcoming": ({"draft", "on_hold"}, "upcoming"),
        "_on_hold": ({"upcoming", "picking", "packing", "ready_to_ship"}, "on_hold"),
        "_picking": ({"upcoming", "on_hold", "packing"}, "picking"),
        "_packing": ({"picking", "on_hold", "ready_to_ship"}, "packing"),
        "_ready_to_ship": ({"packing", "on_hold"}, "ready_to_ship"),
        "_ship": ({"ready_to_ship"}, "shipped"),
        "_deliver": ({"shipped"}, "delivered"),
        "_cancel": (
            {"draft", "upcoming", "on_hold", "picking", "packing", "ready_to_ship"},
            "cancelled",
        ),
    },
    "returns": {
        "_request": ({"draft"}, "requested"),
        "_approve": ({"requested"}, "approved"),
        "_reject": ({"requested", "approved"}, "rejected"),
        "_cancel": ({"draft", "requested", "approved"}, "cancelled"),
        "_ship": ({"approved"}, "shipped"),
        "_receive": ({"shipped"}, "received"),
        "_refund": ({"received"}, "refunded"),
    },
    "stock_transfers": {
        "_upcoming": ({"draft"}, "upcoming"),
        "_on_hold": ({"upcoming", "picking"}, "on_hold"),
        "_picking": ({"upcoming", "on_hold"}, "picking"),
        "_in_transit": ({"picking"}, "in_transit"),
        "_complete": ({"in_transit"}, "completed"),
        "_cancel": ({"draft", "upcoming", "on_hold", "picking"}, "cancelled"),
    },
    "gift_cards": {
        "_purchase": ({"draft"}, "inactive"),
        "_activate": ({"draft", "inactive"}, "active"),
        "_deactivate": ({"active"}, "inactive"),
    },
    "order_subscriptions": {
        "_activate": ({"draft", "inactive"}, "active"),
        "_deactivate": ({"active"}, "inactive"),
        "_cancel": ({"draft", "inactive", "active"}, "cancelled"),
    },
    "in_stock_subscriptions": {
        "_activate": ({"inactive"}, "active"),
        "_deactivate": ({"active"}, "inactive"),
    },
    "imports": {"_interrupt": ({"pending", "in_progress"}, "interrupted")},
    "exports": {
        "_start": ({"interrupted", "pending"}, "in_progress"),
        "_interrupt": ({"pending", "in_progress"}, "interrupted"),
    },
    "cleanups": {"_interrupt": ({"pending", "in_progress"}, "interrupted")},
}

# Triggers of many resources that set or clear one stamp.
_STAMPS = {
    "_disable": ("disabled_at", True),
    "_enable": ("disabled_at", False),
    "_archive": ("archived_at", True),
    "_unarchive": ("archived_at", False),
}


def plan(store: Store, record: Record, triggers: Mapping[str, Any]) -> list[Effect]:
    """What they would do, in order. Raises ApiError 422 if the record's state forbids one."""
    effects = [_plan_one(store, record, name, value) for name, value in triggers.items()]
    return [effect for effect in effects if effect]


def _plan_one(store: Store, record: Record, name: str, value: Any) -> Effect | None:
    if name in _STAMPS and _STAMPS[name][0] in catalog.resource(record.type).attributes:
        return _stamp(store, record, *_STAMPS[name])
    if name in ("_add_tags", "_remove_tags"):
        return partial(tags.change, store, record, str(value), adding=name == "_add_tags")
    if name == "_reset_circuit":
        closed = {"circuit_state": "closed", "circuit_failure_count": 0}
        return partial(store.change, record, closed)
    if record.type == "orders":
        return orders.plan(store, record, name, value)
    if name in _STATES.get(record.type, {}):
        return _status(store, record, name, *_STATES[record.type][name])
    return None


def _stamp(store: Store, record: Record, name: str, wanted: bool) -> Effect | None:
    if bool(record.get(name)) == wanted:
        return None
    return partial(store.change, record, {name: store.clock.now() if wanted else None})


def _status(
    store: Store, record: Record, trigger: str, sources: set[str], target: str
) -> Effect | None:
    state = record.get("status")
    if state == target:
        return None
    if state not in sources:
        raise refused_transition(trigger, state)
    values: dict[str, Any] = {"status": target}
    if f"{target}_at" in catalog.resource(record.type).attributes:
        values[f"{target}_at"] = store.clock.now()
    return partial(_moved, store, record, values, trigger.removeprefix("_"))


def _moved(store: Store, record: Record, values: Mapping[str, Any], event: str) -> None:
    store.change(record, values)
    store.announce(record, event)
