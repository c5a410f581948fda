"""Numbers that are given once: `#1234/S/001` is the first shipment of order 1234."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.simulator.store import Record, Store


def shipment(store: "Store", record: "Record") -> str:
    return _given(store, record, "order", "shipments", "#{owner}/S/{position:03}")


def of_return(store: "Store", record: "Record") -> str:
    return _given(store, record, "order", "returns", "#{owner}/R/{position:03}")


def transaction(store: "Store", record: "Record") -> str:
    return _given(store, record, "order", "transactions", "{owner}/T/{position:03}")


def parcel(store: "Store", record: "Record") -> str:
    return _given(store, record, "shipment", "parcels", "{owner}/P/{position:03}")


def _given(store: "Store", record: "Record", link: str, siblings: str, pattern: str) -> str:
    """The one it has, or the next after its siblings'. Without an owner it is the record's own."""
    number = record.attributes.get("number")
    if number is not None:
        return str(number)
    owner = store.one(record, link)
    if owner is None:
        return str(record.number)
    taken = [str(each.attributes.get("number")) for each in store.related(owner, siblings)]
    positions = [int(each.rpartition("/")[2]) for each in taken if each[-3:].isdecimal()]
    return pattern.format(owner=owner.attributes.get("number"), position=max([0, *positions]) + 1)
