"""Requests to forget a customer: asked for, withdrawn, or carried out.

Nothing says how long Commerce Layer takes. Here a request stays open for a day of the simulator's
clock, and can be withdrawn until then.
"""

from functools import partial

from local.simulator.behaviour.transitions import Effect
from local.simulator.clock import SECOND, parse, printed
from local.simulator.errors import refused_transition
from local.simulator.store import Record, Store

_OPEN = 24 * 3600 * SECOND

# What of an address says whose it is.
_PERSONAL = (
    "first_name",
    "last_name",
    "company",
    "line_1",
    "line_2",
    "phone",
    "email",
    "notes",
    "billing_info",
)


def plan(store: Store, customer: Record, trigger: str) -> Effect | None:
    """Raises ApiError 422 where there is nothing left to ask for, or to withdraw."""
    state = customer.get("anonymization_status")
    target = "requested" if trigger == "_request_anonymization" else "cancelled"
    if state == target:
        return None
    if state == "completed" or (target == "cancelled" and state != "requested"):
        raise refused_transition(trigger, state)
    return partial(_move, store, customer, target, "started" if target == "requested" else target)


def _move(store: Store, customer: Record, status: str, event: str) -> None:
    info = dict(customer.get("anonymization_info") or {}) if status != "requested" else {}
    info |= {"status": status, f"{status}_at": printed(store.clock.now())}
    store.change(customer, {"anonymization_status": status, "anonymization_info": info})
    store.announce(customer, f"anonymization_{event}")


def carry_out_due(store: Store) -> None:
    """The requests that have been open for long enough."""
    for customer in store.having("customers", "anonymization_status", "requested"):
        asked = parse(customer.get("anonymization_info")["requested_at"])
        if asked + _OPEN <= store.clock.now():
            _complete(store, customer)


def _complete(store: Store, customer: Record) -> None:
    """Every word about the person is gone; the records stay, for the shop's books."""
    email = f"{customer.id}@anonymized.invalid"
    store.change(customer, {"email": email, "metadata": {}})
    for order in store.related(customer, "orders"):
        store.change(order, {"customer_email": email})
        for name in ("shipping_address", "billing_address"):
            _blank(store, store.one(order, name))
    for entry in store.related(customer, "customer_addresses"):
        store.change(entry, {"customer_email": email})
        _blank(store, store.one(entry, "address"))
    _move(store, customer, "completed", "completed")


def _blank(store: Store, address: Record | None) -> None:
    if address:
        store.change(address, dict.fromkeys(_PERSONAL, None))
