"""What begins when a request has been answered: asynchronous placing, and copies of orders."""

from local.simulator.behaviour.ordering import copies, placing
from local.simulator.store import Announcement, Store

_BEGINNINGS = {
    "orders.placing": placing.place_later,
    "order_copies.create": copies.run,
    "recurring_order_copies.create": copies.run,
}


def hear(store: Store, announcement: Announcement) -> None:
    """The record may be gone meanwhile."""
    begin = _BEGINNINGS.get(announcement.topic)
    if begin and announcement.record.number in store.records:
        begin(store, announcement.record)
