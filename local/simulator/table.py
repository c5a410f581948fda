"""One type's records, in the orders and by the values that clients ask for.

An index is built when a client first asks for it, and kept from then on: what nobody filters by
costs nothing to write.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# After the name of an attribute: its text in lower case, to find it however it was written.
FOLDED = "~"

# Stands behind every number of a record.
_END = 1 << 62

# Whether the value is null, the value, the number of the record. Nulls are last, as in PostgreSQL.
Entry = tuple[bool, Any, int]


@dataclass(slots=True, eq=False)
class Record:
    """`links` holds the numbers of related records: an int, a list of them, or None.

    Stamps and attributes of type datetime are microseconds since 1970.
    """

    type: str
    number: int
    id: str
    attributes: dict[str, Any]
    links: dict[str, Any]
    created_at: int
    updated_at: int

    def get(self, name: str) -> Any:
        """By attribute name; an id is its number, which is what the API sorts and compares."""
        if name == "id":
            return self.number
        if name == "created_at":
            return self.created_at
        if name == "updated_at":
            return self.updated_at
        if name.endswith(FOLDED):
            value = self.attributes.get(name.removesuffix(FOLDED))
            return value.lower() if isinstance(value, str) else value
        return self.attributes.get(name)


class Order:
    """The records sorted by one attribute, ties by id."""

    def __init__(self, name: str, records: Collection[Record] = ()) -> None:
        self._name = name
        self._entries = sorted(self._entry(record) for record in records)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, record: Record) -> None:
        insort(self._entries, self._entry(record))

    def remove(self, record: Record) -> None:
        del self._entries[bisect_left(self._entries, self._entry(record))]

    def narrowed(self, predicate: str, value: Any, low: int, high: int) -> tuple[int, int]:
        """The part of `low` to `high` whose values are `gt` (gteq, lt, lteq) `value`; maybe empty.

        Null is neither greater nor less than anything.
        """
        if predicate in ("gt", "gteq"):
            high = min(high, bisect_left(self._entries, (True,)))
        match predicate:
            case "gt":
                low = max(low, bisect_right(self._entries, (False, value, _END)))
            case "gteq":
                low = max(low, bisect_left(self._entries, (False, value)))
            case "lt":
                high = min(high, bisect_left(self._entries, (False, value)))
            case "lteq":
                high = min(high, bisect_right(self._entries, (False, value, _END)))
        return low, max(low, high)

    def position(self, record: Record) -> int:
        return bisect_left(self._entries, self._entry(record))

    def numbers(self, low: int, high: int) -> list[int]:
        return [number for _, _, number in self._entries[low:high]]

    def forwards(self, low: int, high: int) -> Iterator[int]:
        return (self._entries[position][2] for position in range(low, high))

    def backwards(self, low: int, high: int) -> Iterator[int]:
        """The greatest value first. Ties are still by id, the oldest first."""
        while high > low:
            first = max(low, bisect_left(self._entries, self._entries[high - 1][:2]))
            yield from self.forwards(first, high)
            high = first

    def _entry(self, record: Record) -> Entry:
        value = record.get(self._name)
        return value is None, 0 if value is None else value, record.number


class Table:
    """`Order("id")` is the order of creation."""

    def __init__(self) -> None:
        self._orders = {name: Order(name) for name in ("id", "updated_at")}
        self._values: dict[str, dict[Any, list[int]]] = {}

    def __len__(self) -> int:
        return len(self._orders["id"])

    def numbers(self) -> list[int]:
        """In the order of creation."""
        return self._orders["id"].numbers(0, len(self))

    def add(self, record: Record) -> None:
        self.place(record, {*self._orders, *self._values})

    def remove(self, record: Record) -> None:
        self.displace(record, {*self._orders, *self._values})

    def place(self, record: Record, names: Collection[str]) -> None:
        """Into the indexes of those attributes, after they have changed."""
        for name in names:
            if name in self._orders:
                self._orders[name].add(record)
            if name in self._values:
                insort(self._values[name][hashable(record.get(name))], record.number)

    def displace(self, record: Record, names: Collection[str]) -> None:
        """Out of the indexes of those attributes, before they change."""
        for name in names:
            if name in self._orders:
                self._orders[name].remove(record)
            if name in self._values:
                numbers = self._values[name][hashable(record.get(name))]
                del numbers[bisect_left(numbers, record.number)]

    def order(self, name: str, records: Mapping[int, Record]) -> Order:
        if name not in self._orders:
            self._orders[name] = Order(name, [records[number] for number in self.numbers()])
        return self._orders[name]

    def by_value(self, name: str, records: Mapping[int, Record]) -> Mapping[Any, list[int]]:
        """Value -> numbers, sorted."""
        if name not in self._values:
            index: defaultdict[Any, list[int]] = defaultdict(list)
            for number in self.numbers():
                index[hashable(records[number].get(name))].append(number)
            self._values[name] = index
        return self._values[name]


def hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, dict | list) else value
