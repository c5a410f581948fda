"""The records, and how they are related; table.py keeps them quick to list.

Every method takes the lock, so a test may read and write while the server answers. Nothing is
validated here: what a client may write is decided in validation/.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from threading import RLock
from typing import Any, NamedTuple

from connector.commerce_layer import catalog
from local.simulator import ids, relations
from local.simulator.behaviour import initial, kept
from local.simulator.behaviour.virtual import VIRTUAL
from local.simulator.clock import Clock, parse
from local.simulator.history import History
from local.simulator.table import FOLDED, Record, Table, hashable
from local.simulator.topics import HEARD_IN_IMPORTS, TOPICS

# `Record` is at home in table.py; whoever works with the store needs both.
__all__ = ["Announcement", "Record", "Store", "stamp", "stored"]


# The topic of an event whose webhooks are to be called once more. No webhook can have it.
RETRIGGER = "events.trigger"


class Announcement(NamedTuple):
    """Something that webhooks can be told of. The record may be gone meanwhile."""

    topic: str
    record: Record


class Store:
    """`put`, `update` and `delete` are what tests use; relationships take records or pairs."""

    def __init__(self, clock: Clock, first: int = 1) -> None:
        self.clock = clock
        self.muted = False  # while an import writes
        self.lock = RLock()
        self.history = History(clock)
        self.records: dict[int, Record] = {}
        self.tables: defaultdict[str, Table] = defaultdict(Table)
        self._pointers: defaultdict[tuple[str, str], dict[int, list[int]]] = defaultdict(dict)
        self._announced: list[Announcement] = []
        self._last = first - 1

    @property
    def newest(self) -> int:
        """The number of the record that was made last."""
        return self._last

    def put(
        self,
        kind: str,
        attributes: Mapping[str, Any] | None = None,
        relationships: Mapping[str, Any] | None = None,
        *,
        created_at: Any = None,
        updated_at: Any = None,
    ) -> Record:
        """A new record. With `updated_at` in the past it is a commit that landed late."""
        with self.lock:
            self._last += 1
            now = self.clock.now()
            updated = now if updated_at is None else stamp(updated_at)
            record = Record(
                kind,
                self._last,
                ids.encode(self._last),
                initial.attributes(kind, self._last),
                {},
                min(now, updated) if created_at is None else stamp(created_at),
                updated,
            )
            record.attributes.update(stored(kind, attributes or {}))
            self.records[record.number] = record
            self._link(record, relationships or {})
            kept.keep(self, record)
            self.tables[kind].add(record)
            self.history.touch(record, "create")
            return record

    def update(
        self,
        kind: str,
        identifier: str,
        attributes: Mapping[str, Any] | None = None,
        relationships: Mapping[str, Any] | None = None,
        *,
        updated_at: Any = None,
    ) -> Record:
        """Raises KeyError if there is no such record."""
        with self.lock:
            record = self.get(kind, identifier)
            if record is None:
                raise KeyError(f"{kind} {identifier}")
            self.change(record, stored(kind, attributes or {}), relationships, updated_at)
            return record

    def change(
        self,
        record: Record,
        attributes: Mapping[str, Any],
        relationships: Mapping[str, Any] | None = None,
        updated_at: Any = None,
    ) -> None:
        """As `update`, with attributes in their stored form."""
        with self.lock:
            self.history.touch(record, "update")
            table = self.tables[record.type]
            changed = {*attributes, *kept.names(record.type), "updated_at"}
            changed |= {name + FOLDED for name in changed}
            table.displace(record, changed)
            record.attributes.update(attributes)
            record.updated_at = self.clock.now() if updated_at is None else stamp(updated_at)
            self._link(record, relationships or {})
            kept.keep(self, record)
            table.place(record, changed)

    def delete(self, kind: str, identifier: str) -> None:
        """Records that point at it keep living, without it. Raises KeyError."""
        with self.lock:
            record = self.get(kind, identifier)
            if record is None:
                raise KeyError(f"{kind} {identifier}")
            self.history.touch(record, "destroy")
            for pointer, name in list(self.pointers_at(record)):
                self._set_one(pointer, name, None)
            for name in list(record.links):
                if isinstance(record.links[name], int):
                    self._set_one(record, name, None)
            self.tables[kind].remove(record)
            del self.records[record.number]

    def announce(self, record: Record, event: str) -> None:
        """`announce(order, "place")`. Where Commerce Layer has no such topic it says nothing."""
        for kind in dict.fromkeys((record.type, relations.base_of(record.type))):
            topic = f"{kind}.{event}"
            if topic in TOPICS and (topic in HEARD_IN_IMPORTS or not self.muted):
                self._announced.append(Announcement(topic, record))

    def retrigger(self, event: Record) -> None:
        self._announced.append(Announcement(RETRIGGER, event))

    def take_announced(self) -> list[Announcement]:
        """What was announced since the last call."""
        announced, self._announced = self._announced, []
        return announced

    def get(self, kind: str, identifier: str) -> Record | None:
        """`kind` may be a base type: `promotions` finds a flex promotion."""
        number = ids.decode(identifier)
        record = self.records.get(number) if number is not None else None
        if record is None or (record.type != kind and record.type not in relations.concrete(kind)):
            return None
        return record

    def all(self, kind: str) -> list[Record]:
        with self.lock:
            kinds = relations.concrete(kind)
            numbers = sorted(number for each in kinds for number in self.tables[each].numbers())
            return [self.records[number] for number in numbers]

    def setting(self, name: str) -> Any:
        """Of the organization; where there is none, the catalog's default."""
        for organization in self.all("organizations"):
            return organization.get(name)
        return catalog.resource("organizations").attributes[name].default

    def find(self, kind: str, name: str, value: Any) -> Record | None:
        """The oldest record of that type with that value."""
        with self.lock:
            numbers = self.tables[kind].by_value(name, self.records).get(hashable(value))
            return self.records[numbers[0]] if numbers else None

    def having(self, kind: str, name: str, value: Any) -> list[Record]:
        """All records of that type with that value, the oldest first."""
        with self.lock:
            numbers = self.tables[kind].by_value(name, self.records).get(hashable(value), ())
            return [self.records[number] for number in numbers]

    def related(self, record: Record, name: str) -> list[Record]:
        """What the relationship holds: for a to-one none or one."""
        with self.lock:
            return [self.records[number] for number in self.related_numbers(record, name)]

    def related_numbers(self, record: Record, name: str) -> list[int]:
        held = record.links.get(name)
        if held is not None:
            return [held] if isinstance(held, int) else [n for n in held if n in self.records]
        if (record.type, name) in VIRTUAL:
            return [each.number for each in VIRTUAL[record.type, name](self, record)]
        if not catalog.resource(record.type).relationships[name].many:
            return []
        if (record.type, name) in relations.BY_VALUE:
            kind, theirs, own = relations.BY_VALUE[record.type, name]
            return [other.number for other in self.having(kind, theirs, record.get(own))]
        found = [
            self._pointers[pair].get(record.number, [])
            for pair in relations.inverse(record.type, name)
        ]
        return sorted(number for numbers in found for number in numbers)

    def one(self, record: Record, name: str) -> Record | None:
        number = record.links.get(name)
        return self.records.get(number) if isinstance(number, int) else None

    def pointing(self, kind: str, name: str, target: int) -> list[int]:
        """Numbers of the records of that type whose to-one relationship holds `target`."""
        return self._pointers[kind, name].get(target, [])

    def pointers_at(self, record: Record) -> Iterator[tuple[Record, str]]:
        for (_, name), targets in list(self._pointers.items()):
            for number in list(targets.get(record.number, ())):
                yield self.records[number], name

    def _link(self, record: Record, relationships: Mapping[str, Any]) -> None:
        known = catalog.resource(record.type).relationships
        for name, value in relationships.items():
            if not known[name].many:
                self._set_one(record, name, None if value is None else self._number(value))
                continue
            numbers = [self._number(each) for each in value]
            inverse = dict(relations.inverse(record.type, name))
            if not inverse:
                record.links[name] = numbers
                continue
            for number in self.related_numbers(record, name):
                other = self.records[number]
                self._set_one(other, inverse[other.type], None)
            for number in numbers:
                other = self.records[number]
                self._set_one(other, inverse[other.type], record.number)

    def _set_one(self, record: Record, name: str, number: int | None) -> None:
        pointers = self._pointers[record.type, name]
        before = record.links.pop(name, None)
        if before is not None:
            pointers[before].remove(record.number)
            if not pointers[before]:
                del pointers[before]
        if number is not None:
            record.links[name] = number
            insort(pointers.setdefault(number, []), record.number)

    def _number(self, reference: Any) -> int:
        if isinstance(reference, Record):
            return reference.number
        kind, identifier = (
            (reference["type"], reference["id"]) if isinstance(reference, Mapping) else reference
        )
        record = self.get(kind, identifier)
        if record is None:
            raise KeyError(f"{kind} {identifier}")
        return record.number


def stamp(value: Any) -> int:
    """Microseconds from what a test may hold in its hand."""
    if isinstance(value, datetime):
        return parse(value.isoformat())
    return parse(value) if isinstance(value, str) else int(value)


def stored(kind: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes in the form that they are kept in: datetimes become microseconds."""
    known = catalog.resource(kind).attributes
    return {
        name: stamp(value)
        if value is not None and name in known and known[name].type == "datetime"
        else value
        for name, value in attributes.items()
    }
