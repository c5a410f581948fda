"""Which records a query means, in which order, and how many there are.

What a client reads in the order of an attribute, from some value on, comes from that order alone,
whatever the size of the table: so a synchronisation reads by `updated_at` and by `id`. Everything
else starts from the smallest set of candidates that an index knows, and looks at each of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from connector.commerce_layer import catalog
from local.simulator import relations
from local.simulator.behaviour.computed import COMPUTED
from local.simulator.filters import Condition, reader
from local.simulator.query import Query
from local.simulator.store import Record, Store
from local.simulator.table import Order, Table, hashable

_RANGES = {"gt", "gteq", "lt", "lteq"}
_STATES: Mapping[str, Any] = {"null": None, "true": True, "false": False}
# The catalog's types whose values cannot be put in order.
_UNORDERED = {"object", "array"}


@dataclass(frozen=True, slots=True)
class Page:
    records: list[Record]
    count: int


@dataclass(frozen=True, slots=True)
class Candidates:
    """Exactly the records that satisfy one condition: how many, and which, sorted by number."""

    count: int
    numbers: Callable[[], Sequence[int]]


def select(store: Store, kind: str, query: Query, among: list[int] | None = None) -> Page:
    """`among` narrows it to those records, as for a to-many relationship."""
    kinds = relations.concrete(kind)
    if among is not None:
        return _sorted(store, query, _checked(store, among, query.conditions))
    if len(kinds) > 1:
        numbers = [n for each in kinds for n in _matching(store, each, query.conditions)]
        return _sorted(store, query, sorted(numbers))
    table = store.tables[kinds[0]]
    page = _from_order(store, kinds[0], table, query)
    if page:
        return page
    found = _matching(store, kinds[0], query.conditions)
    # So many that it takes longer to sort them than to look for the first ones.
    many = len(found) ** 2 > query.number * query.size * len(table)
    if many and len(query.sort) == 1 and _indexed(kinds[0], query.sort[0][0]):
        return _walked(store, table, query, found)
    return _sorted(store, query, found)


def _from_order(store: Store, kind: str, table: Table, query: Query) -> Page | None:
    """The page, if ranges and exclusions over one order say it all; else None."""
    if len(query.sort) > 1 and query.sort[1:] != (("id", False),):
        return None
    name, descending = query.sort[0] if query.sort else ("id", False)
    if not _indexed(kind, name):
        return None
    order = table.order(name, store.records)
    low, high = 0, len(order)
    excluded: set[int | None] = set()
    for each in query.conditions:
        attribute = each.own.attribute if each.own else ""
        if attribute == name and each.predicate in _RANGES and each.cast() is not None:
            low, high = order.narrowed(each.predicate, each.cast(), low, high)
        elif attribute == "id" and each.predicate == "not_in":
            excluded.update(each.cast_list())
        else:
            return None
    holes = {
        record.number
        for record in map(store.records.get, excluded - {None})  # type: ignore[arg-type]
        if record and record.type == kind and low <= order.position(record) < high
    }
    numbers = (order.backwards if descending else order.forwards)(low, high)
    shown = (number for number in numbers if number not in holes)
    return Page(_cut(store, query, shown), high - low - len(holes))


def _walked(store: Store, table: Table, query: Query, found: Sequence[int]) -> Page:
    """Through an order until the page is full of what was found."""
    ((name, descending),) = query.sort
    order, wanted = table.order(name, store.records), set(found)
    numbers = (order.backwards if descending else order.forwards)(0, len(order))
    return Page(_cut(store, query, (n for n in numbers if n in wanted)), len(found))


def _sorted(store: Store, query: Query, found: Sequence[int]) -> Page:
    """Of records given by number, the oldest first."""
    numbers: Iterable[int] = found
    if query.sort:
        records = [store.records[number] for number in found]
        for name, descending in reversed(query.sort):
            records.sort(key=_sort_key(store, name), reverse=descending)
        numbers = (record.number for record in records)
    return Page(_cut(store, query, numbers), len(found))


def _cut(store: Store, query: Query, numbers: Iterable[int]) -> list[Record]:
    start = (query.number - 1) * query.size
    return [store.records[number] for number in islice(numbers, start, start + query.size)]


def _sort_key(store: Store, name: str) -> Callable[[Record], tuple[bool, Any]]:
    """Nulls last, and first when descending: PostgreSQL's default."""
    read = reader(store, name)

    def key(record: Record) -> tuple[bool, Any]:
        value = read(record)
        return value is None, 0 if value is None else value

    return key


def _indexed(kind: str, attribute: str) -> bool:
    """What is computed when it is asked for stands in no index."""
    return attribute not in COMPUTED.get(kind, {})


def _matching(store: Store, kind: str, conditions: Sequence[Condition]) -> Sequence[int]:
    """The numbers of the records that satisfy all conditions, sorted."""
    best, used = None, None
    for each in conditions:
        candidates = _candidates(store, kind, each)
        if candidates is not None and (best is None or candidates.count < best.count):
            best, used = candidates, each
    numbers = best.numbers() if best else store.tables[kind].numbers()
    return _checked(store, numbers, [each for each in conditions if each is not used])


def _checked(
    store: Store, numbers: Sequence[int], conditions: Sequence[Condition]
) -> Sequence[int]:
    for each in conditions:
        matches = each.matcher(store)
        numbers = [number for number in numbers if matches(store.records[number])]
    return numbers


def _candidates(store: Store, kind: str, each: Condition) -> Candidates | None:
    """None if no index knows."""
    path = each.paths[0]
    hidden = bool(each.own) and not _indexed(kind, path.attribute)
    if len(each.paths) > 1 or path.kind in _UNORDERED or hidden:
        return None
    if each.predicate in ("eq", "in"):
        values = each.cast_list() if each.predicate == "in" else [each.cast()]
        given = [value for value in values if value is not None]
        return _having(store, kind, path.relationships, path.attribute, given)
    if each.own and each.predicate in _STATES and each.wanted:
        return _having(store, kind, (), path.attribute, [_STATES[each.predicate]])
    if each.own and each.predicate in _RANGES:
        if each.cast() is None:
            return Candidates(0, tuple)
        order = store.tables[kind].order(path.attribute, store.records)
        return _between(order, *order.narrowed(each.predicate, each.cast(), 0, len(order)))
    return None


def _between(order: Order, low: int, high: int) -> Candidates:
    return Candidates(high - low, lambda: sorted(order.numbers(low, high)))


def _having(
    store: Store, kind: str, relationships: tuple[str, ...], attribute: str, values: list[Any]
) -> Candidates | None:
    """Records with one of the values, walking to-one relationships backwards."""
    if not relationships:
        if attribute == "id":
            records = map(store.records.get, values)
            return _union([[record.number] for record in records if record and record.type == kind])
        if not _indexed(kind, attribute):
            return None
        index = store.tables[kind].by_value(attribute, store.records)
        return _union([index.get(value, ()) for value in {hashable(each) for each in values}])
    name, *rest = relationships
    if catalog.resource(kind).relationships[name].many:
        return None
    numbers: list[Sequence[int]] = []
    for other in relations.allowed_types(kind, name):
        targets = _having(store, other, tuple(rest), attribute, values)
        if targets is None:
            return None
        numbers += [store.pointing(kind, name, target) for target in targets.numbers()]
    return _union(numbers)


def _union(sets: list[Sequence[int]]) -> Candidates:
    """Of sorted lists that mostly have nothing in common."""
    filled = [numbers for numbers in sets if numbers]
    if len(filled) == 1:
        return Candidates(len(filled[0]), lambda: filled[0])
    return Candidates(
        sum(len(numbers) for numbers in filled),
        lambda: sorted({number for numbers in filled for number in numbers}),
    )
