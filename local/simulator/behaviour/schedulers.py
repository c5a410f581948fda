"""Schedulers of price lists: their beginning and their end are told, each once."""

from local.simulator.behaviour import computed
from local.simulator.store import Record, Store

_EVENTS = {"active": "activated", "expired": "expired"}


def tell(store: Store) -> None:
    for scheduler in store.all("price_list_schedulers"):
        status = computed.value(store, scheduler, "status")
        if status != scheduler.get("told_status"):
            _note(store, scheduler, status)


def _note(store: Store, scheduler: Record, status: str) -> None:
    """Nothing of the record changes for its clients, so neither does its stamp."""
    store.change(scheduler, {"told_status": status}, updated_at=scheduler.updated_at)
    if status in _EVENTS:
        store.announce(scheduler, _EVENTS[status])
