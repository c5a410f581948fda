"""Which records a query means, in which order, and how many there are.

The reading patterns of a synchronisation (by `updated_at`, by `id`) are answered from the sorted
indexes of a table alone, whatever its size. Everything else starts from the smallest set of
candidates that an index knows, and looks at each of them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connector.commerce_layer import catalog
from local.simulator import relations
from local.simulator.filters import Condition
from local.simulator.query import Query
from local.simulator.store import Record, Store, Table, hashable

_Index = list[tuple[int, ...]]

_RANGES = {"gt", "gteq", "lt", "lteq"}
_END = 1 << 62


@dataclass(frozen=True, slots=True)
class Page:
    records: list[Record]
    count: int


def select(store: Store, kind: str, query: Query, among: list[int] | None = None) -> Page:
    """`among` narrows it to those records, as for a to-many relationship."""
    kinds = relations.concrete(kind)
    if among is None and len(kinds) == 1:
        page = _by_index(store, store.tables[kinds[0]], query)
        if page:
            return page
    if among is None:
        candidates = [_candidates(store, name, query.conditions) for name in kinds]
    else:
        candidates = [(among, list(query.conditions))]
    found = [record for numbers, left in candidates for record in _checked(store, numbers, left)]
    found.sort(key=lambda record: record.number)
    for name, descending in reversed(query.sort):
        found.sort(key=_sort_key(name), reverse=descending)
    start = (query.number - 1) * query.size
    return Page(found[start : start + query.size], len(found))


def _checked(store: Store, numbers: list[int], conditions: list[Condition]) -> list[Record]:
    found = [store.records[number] for number in numbers]
    for each in conditions:
        matches = each.matcher(store)
        found = [record for record in found if matches(record)]
    return found


def _sort_key(name: str) -> Callable[[Record], tuple[bool, Any]]:
    """Nulls last, and first when descending: PostgreSQL's default."""

    def key(record: Record) -> tuple[bool, Any]:
        value = record.get(name)
        return value is None, 0 if value is None else value

    return key


def _by_index(store: Store, table: Table, query: Query) -> Page | None:
    """The page, if ranges and exclusions over one sorted index say it all; else None."""
    index, name, descending = _index(table, query.sort)
    if index is None:
        return None
    low, high = 0, len(index)
    excluded: set[int | None] = set()
    for each in query.conditions:
        attribute = each.own.attribute if each.own else ""
        if attribute == name and each.predicate in _RANGES and each.cast() is not None:
            low, high = _narrowed(index, each, low, high)
        elif attribute == "id" and each.predicate == "not_in":
            excluded.update(each.cast_list())
        else:
            return None
    entries = range(high - 1, low - 1, -1) if descending else range(low, high)
    # Not `intersection`, which would walk through all of the range.
    holes = {entry for entry in _positions(store, table, index, excluded) if entry in entries}
    start, end = (query.number - 1) * query.size, query.number * query.size
    kept = [entry for entry in entries[: end + len(holes)] if entry not in holes]
    records = [store.records[index[entry][-1]] for entry in kept[start:end]]
    return Page(records, len(entries) - len(holes))


def _index(table: Table, sort: tuple[tuple[str, bool], ...]) -> tuple[_Index | None, str, bool]:
    """The index in that order, the attribute it is sorted by, and whether to read it backwards."""
    match sort:
        case () | (("id", False),):
            return table.ids, "id", False
        case (("id", True),):
            return table.ids, "id", True
        case (("updated_at", False),) | (("updated_at", False), ("id", False)):
            return table.stamps, "updated_at", False
        case (("updated_at", True), ("id", True)):
            return table.stamps, "updated_at", True
    return None, "", False


def _positions(store: Store, table: Table, index: _Index, numbers: set[int | None]) -> set[int]:
    """Where those records stand in the index; numbers of other tables stand nowhere."""
    found = set()
    for number in numbers:
        record = store.records.get(number) if number is not None else None
        if record is not None and store.tables[record.type] is table:
            by_id = index is table.ids
            entry = (record.number,) if by_id else (record.updated_at, record.number)
            found.add(bisect_left(index, entry))
    return found


def _narrowed(index: _Index, each: Condition, low: int, high: int) -> tuple[int, int]:
    """The part between `low` and `high` that satisfies the condition; maybe empty."""
    value = each.cast()
    match each.predicate:
        case "gt":
            low = max(low, bisect_right(index, (value, _END)))
        case "gteq":
            low = max(low, bisect_left(index, (value,)))
        case "lt":
            high = min(high, bisect_left(index, (value,)))
        case "lteq":
            high = min(high, bisect_right(index, (value, _END)))
    return low, max(low, high)


def _candidates(
    store: Store, kind: str, conditions: tuple[Condition, ...]
) -> tuple[list[int], list[Condition]]:
    """The shortest list of numbers that one condition gives, and the conditions left to check."""
    best, used = None, None
    for each in conditions:
        numbers = _from_condition(store, kind, each)
        if numbers is not None and (best is None or len(numbers) < len(best)):
            best, used = numbers, each
    if best is None:
        best = [number for (number,) in store.tables[kind].ids]
    return best, [each for each in conditions if each is not used]


def _from_condition(store: Store, kind: str, each: Condition) -> list[int] | None:
    """Exactly the records that satisfy it; None if no index knows."""
    if len(each.paths) > 1:
        return None
    path = each.paths[0]
    if each.predicate in ("eq", "in"):
        values = each.cast_list() if each.predicate == "in" else [each.cast()]
        given = [value for value in values if value is not None]
        return _having(store, kind, path.relationships, path.attribute, given)
    if each.own and each.predicate in _RANGES and path.attribute in ("id", "updated_at"):
        table = store.tables[kind]
        index = table.ids if path.attribute == "id" else table.stamps
        if each.cast() is None:
            return []
        low, high = _narrowed(index, each, 0, len(index))
        return [entry[-1] for entry in index[low:high]]
    return None


def _having(
    store: Store, kind: str, relationships: tuple[str, ...], attribute: str, values: list[Any]
) -> list[int] | None:
    """Records with one of the values, walking to-one relationships backwards."""
    if not relationships:
        if attribute == "id":
            found = {store.records[number] for number in values if number in store.records}
            return sorted(record.number for record in found if record.type == kind)
        index = store.tables[kind].index(attribute, store.records)
        return sorted({number for value in values for number in index.get(hashable(value), ())})
    name, *rest = relationships
    if catalog.resource(kind).relationships[name].many:
        return None
    numbers: set[int] = set()
    for other in relations.allowed_types(kind, name):
        targets = _having(store, other, tuple(rest), attribute, values)
        if targets is None:
            return None
        numbers.update(n for target in targets for n in store.pointing(kind, name, target))
    return sorted(numbers)
