"""To-many relationships that are found by a rule, each time that somebody asks."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from local.simulator.behaviour import shipping_costs

if TYPE_CHECKING:
    from local.simulator.store import Record, Store


def _enabled(store: "Store", kind: str) -> list["Record"]:
    return [each for each in store.all(kind) if not each.get("disabled_at")]


VIRTUAL: Mapping[tuple[str, str], Callable[["Store", "Record"], list["Record"]]] = {
    ("shipments", "available_shipping_methods"): shipping_costs.available,
    ("shipments", "carrier_accounts"): lambda store, _: _enabled(store, "carrier_accounts"),
}
