"""What is sold, where, and by whom: bundles, prices, markets, the organization."""

from collections.abc import Mapping

from local.simulator.behaviour import money
from local.simulator.behaviour.computed.common import Compute, own_number
from local.simulator.store import Record, Store


def _listed(store: Store, bundle: Record) -> list[Record]:
    sku_list = store.one(bundle, "sku_list")
    return store.related(sku_list, "sku_list_items") if sku_list else []


def _skus_count(store: Store, bundle: Record) -> int:
    return sum(item.attributes.get("quantity") or 1 for item in _listed(store, bundle))


def _every(name: str) -> Compute:
    """True if it is so for every SKU of the bundle, and there is one."""

    def compute(store: Store, bundle: Record) -> bool:
        skus = [store.one(item, "sku") for item in _listed(store, bundle)]
        return bool(skus) and all(sku and sku.attributes.get(name) for sku in skus)

    return compute


def _private(store: Store, market: Record) -> bool:
    return store.one(market, "customer_group") is not None


COMPUTED: Mapping[str, Mapping[str, Compute]] = {
    "bundles": {
        "do_not_ship": _every("do_not_ship"),
        "do_not_track": _every("do_not_track"),
        "skus_count": _skus_count,
    },
    "markets": {"number": own_number, "private": _private},
    "organizations": {
        "domain": lambda _, record: f"{record.attributes.get('slug')}.commercelayer.io"
    },
    "prices": {
        "currency_code": money.currency,
        "original_amount_cents": lambda _, record: record.attributes.get("amount_cents"),
    },
    "stock_locations": {"number": own_number},
}
