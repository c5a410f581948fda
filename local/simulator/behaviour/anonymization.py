"""Requests to forget a customer: asked for, withdrawn, or carried out.

Nothing says how long Commerce Layer takes. Here a request stays open, and can be withdrawn, until
`complete` is called.
"""

from functools import partial

from local.simulator.behaviour.transitions import Effect
from local.simulator.clock import printed
from local.simulator.errors import refused_transition
from local.simulator.store import Record, Store

# What of a customer and of its addresses says who that is.
_PERSONAL = {
    "addresses": ("first_name", "last_name", "company", "line_1", "line_2", "phone", "email",
                  "notes", "billing_info"),
}  # fmt: skip


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


def complete(store: Store, customer: Record) -> None:
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
        store.change(address, dict.fromkeys(_PERSONAL["addresses"], None))
