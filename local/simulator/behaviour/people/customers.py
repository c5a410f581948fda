"""Customers: found or made by their email, and what orders make of them."""

from local.simulator.behaviour.computed import value
from local.simulator.store import Record, Store


def find_or_make(store: Store, email: str) -> Record:
    found = store.find("customers", "email", email)
    if found:
        return found
    made = store.put("customers", {"email": email})
    store.announce(made, "create")
    return made


def placed(store: Store, order: Record) -> None:
    """The first order makes a prospect an acquired customer, the second a repeating one."""
    customer = store.one(order, "customer")
    if customer is None or customer.get("status") == "repeat":
        return
    status = "acquired" if value(store, customer, "total_orders_count") < 2 else "repeat"
    if customer.get("status") != status:
        store.change(customer, {"status": status})
        store.announce(customer, status)
