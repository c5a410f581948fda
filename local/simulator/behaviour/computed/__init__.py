"""Attributes that follow from others and are computed when somebody asks for them.

One module per concern; the tables are joined here. Nothing of it is stored, so a filter or a
sort on one looks at every record (`value`), and sparse fields spare the work. What is cheap to
store stands in kept.py instead. attributes.toml tells which attribute is made where.
"""

from collections.abc import Mapping
from typing import Any

from connector.commerce_layer import catalog
from local.simulator.behaviour.computed import (
    addresses,
    callbacks,
    catalogue,
    inventory,
    lines,
    orders,
    payments,
    periods,
)
from local.simulator.behaviour.computed.common import Compute
from local.simulator.jobs import rows
from local.simulator.store import Record, Store

__all__ = ["COMPUTED", "RETRIEVED", "Compute", "computes", "value"]

COMPUTED: Mapping[str, Mapping[str, Compute]] = {
    **addresses.COMPUTED,
    **callbacks.COMPUTED,
    **catalogue.COMPUTED,
    **lines.COMPUTED,
    **orders.COMPUTED,
    **payments.COMPUTED,
    **periods.COMPUTED,
}

# Only in the answer for a single record; a list leaves them out.
RETRIEVED: Mapping[str, Mapping[str, Compute]] = {
    "imports": {"inputs": lambda _, record: rows.shown(record)},
    "skus": {"inventory": inventory.of},
}

_QUERIED = frozenset(
    name
    for kind, table in COMPUTED.items()
    for name in table
    if catalog.resource(kind).attributes[name].filterable
    or catalog.resource(kind).attributes[name].sortable
)


def computes(name: str) -> bool:
    """Whether some type computes an attribute of that name which queries may ask about."""
    return name in _QUERIED


def value(store: Store, record: Record, name: str) -> Any:
    """What a client would read: computed or stored."""
    compute = COMPUTED.get(record.type, {}).get(name)
    return compute(store, record) if compute else record.get(name)
