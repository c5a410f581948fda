"""What begins and ends: promotions, links and schedulers of price lists."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from uuid import UUID

from local.simulator.behaviour.computed import usage
from local.simulator.behaviour.computed.common import Compute
from local.simulator.store import Record, Store

# The order in which promotions of one priority apply, the first first.
_PROMOTIONS = (
    "flex_promotions",
    "fixed_price_promotions",
    "external_promotions",
    "percentage_discount_promotions",
    "buy_x_pay_y_promotions",
    "fixed_amount_promotions",
    "free_gift_promotions",
    "free_shipping_promotions",
)
_LOWEST_PRIORITY = 99


def _status(store: Store, record: Record) -> str:
    stamp, now = record.attributes.get, store.clock.now()
    if stamp("disabled_at"):
        return "disabled"
    if (ends := stamp("expires_at")) and ends <= now:
        return "expired"
    if (starts := stamp("starts_at")) and starts > now:
        return "pending"
    return "active"


def _promotion_status(store: Store, record: Record) -> str:
    """A promotion that has been used as often as it may is inactive."""
    status = _status(store, record)
    used_up = status == "active" and usage.reached(store, record)
    return "inactive" if used_up else status


def _weight(store: Store, record: Record) -> int:
    """Exclusive ones before all, then by priority, then by type, then those that have begun."""
    priority = record.attributes.get("priority")
    rank = _LOWEST_PRIORITY if priority is None else max(0, min(priority, _LOWEST_PRIORITY))
    by_type = len(_PROMOTIONS) - _PROMOTIONS.index(record.type)
    exclusive = 10_000 if record.attributes.get("exclusive") else 0
    begun = (record.attributes.get("starts_at") or 0) <= store.clock.now()
    return exclusive + 100 * (_LOWEST_PRIORITY - rank) + 10 * by_type + begun


def _link_url(_: Store, record: Record) -> str:
    """As Commerce Layer's: a region and a UUID, which is the same for the same link."""
    uuid = UUID(bytes=sha256(record.id.encode()).digest()[:16], version=4)
    key = urlsafe_b64encode(f"eu-west-1/{uuid}".encode()).rstrip(b"=").decode()
    return f"https://commercelayer.link/{key}"


def _by(status: Compute) -> dict[str, Compute]:
    return {"active": lambda store, record: status(store, record) == "active", "status": status}


COMPUTED: Mapping[str, Mapping[str, Compute]] = {
    **{
        kind: {
            **_by(_promotion_status),
            "weight": _weight,
            "coupons_count": lambda store, record: len(usage.coupons(store, record)),
            "total_usage_count": usage.of_promotion,
            "total_usage_reached": usage.reached,
        }
        for kind in _PROMOTIONS
        if kind != "flex_promotions"
    },
    "flex_promotions": {
        **_by(_promotion_status),
        "total_usage_count": usage.of_promotion,
    },
    "coupons": {"usage_count": usage.of_coupon},
    "links": {**_by(_status), "url": _link_url},
    "price_list_schedulers": _by(_status),
}
