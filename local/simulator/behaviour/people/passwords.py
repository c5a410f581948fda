"""A customer's new password, with the token that the reset was given when it was made."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store

_TOKEN = "_reset_password_token"


def plan(store: Store, reset: Record, trigger: str, triggers: Mapping[str, Any]) -> Effect | None:
    """Raises ApiError 422 unless the token is the one of this reset. A used one stays used."""
    if triggers[trigger] != reset.get("reset_password_token"):
        raise ApiError(validation(f"/data/attributes/{_TOKEN}", "invalid", "is invalid"))
    if reset.get("reset_password_at"):
        return None
    return partial(_set, store, reset)


def _set(store: Store, reset: Record) -> None:
    password = reset.attributes.pop("customer_password", None)
    customer = store.one(reset, "customer")
    store.change(reset, {"reset_password_at": store.clock.now()})
    store.announce(reset, "reset_password")
    if customer:
        first = not customer.get("password")
        store.change(customer, {"password": password or True, "has_password": True})
        if first:
            store.announce(customer, "create_password")
