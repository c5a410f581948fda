"""Which records a query means, in which order, and how many there are.

The reading patterns of a synchronisation (by `updated_at`, by `id`) are answered from the sorted
indexes of a table alone, whatever its size. Everything else starts from the smallest set of
candidates that an index knows, and looks at each of them.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any

from connector.commerce_layer import catalog
from local.simulator import relations
from local.simulator.filters import Condition
from local.simulator.query import Query
from local.simulator.store import Record, Store, Table, hashable

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
    numbers = among
    if numbers is None:
        numbers = [n for each in kinds for n in _candidates(store, each, query.conditions)]
    found = [
        record
        for record in map(store.records.__getitem__, numbers)
        if all(each.matches(store, record) for each in query.conditions)
    ]
    found.sort(key=lambda record: record.number)
    for name, descending in reversed(query.sort):
        # Nulls last, and first when descending: PostgreSQL's default.
        found.sort(key=lambda record, n=name: _null_last(record.get(n)), reverse=descending)  # type: ignore[misc]
    start = (query.number - 1) * query.size
    return Page(found[start : start + query.size], len(found))


def _null_last(value: Any) -> tuple[bool, Any]:
    return value is None, 0 if value is None else value


def _by_index(store: Store, table: Table, query: Query) -> Page | None:
    """The page, if ranges and exclusions over one sorted index say it all; else None."""
    keys = [name for name, _ in query.sort] or ["id"]
    if len({descending for _, descending in query.sort}) > 1:
        return None
    index: list[Any]
    if keys == ["id"]:
        index = table.numbers
    elif keys in (["updated_at", "id"], ["updated_at"]):
        index = table.stamps
    else:
        return None
    descending = bool(query.sort) and query.sort[0][1]
    if descending and keys == ["updated_at"]:
        return None
    low, high, excluded = 0, len(index), set()
    for each in query.conditions:
        path = each.own
        if path is None:
            return None
        if path.attribute == keys[0] and each.predicate in _RANGES and each.cast() is not None:
            low, high = _narrowed(index, each, low, high)
        elif path.attribute == "id" and each.predicate == "not_in":
            excluded.update(each.cast_list())
        else:
            return None
    skipped = set()
    for number in excluded:
        record = store.records.get(number)
        if record is None:
            continue
        key = number if keys == ["id"] else (record.updated_at, number)
        position = bisect_left(index, key)
        if low <= position < high and index[position] == key:
            skipped.add(position)
    positions = range(high - 1, low - 1, -1) if descending else range(low, max(low, high))
    start = (query.number - 1) * query.size
    wanted: list[int] = []
    passed = 0
    if not skipped:
        wanted = list(positions[start : start + query.size])
    else:
        for position in positions:
            if position in skipped:
                continue
            passed += 1
            if passed > start:
                wanted.append(position)
                if len(wanted) == query.size:
                    break
    numbers = [index[p] if keys == ["id"] else index[p][1] for p in wanted]
    return Page([store.records[n] for n in numbers], max(0, high - low) - len(skipped))


def _narrowed(index: list[Any], each: Condition, low: int, high: int) -> tuple[int, int]:
    value = each.cast()
    stamps = bool(index) and isinstance(index[0], tuple)
    before = bisect_left(index, (value,) if stamps else value)
    after = bisect_right(index, (value, _END) if stamps else value)
    match each.predicate:
        case "gt":
            low = max(low, after)
        case "gteq":
            low = max(low, before)
        case "lt":
            high = min(high, before)
        case "lteq":
            high = min(high, after)
    return low, high


def _candidates(store: Store, kind: str, conditions: tuple[Condition, ...]) -> list[int]:
    """The shortest list of record numbers that certainly holds every match."""
    table = store.tables[kind]
    best = table.numbers
    for each in conditions:
        found = _from_condition(store, kind, table, each)
        if found is not None and len(found) < len(best):
            best = found
    return best


def _from_condition(store: Store, kind: str, table: Table, each: Condition) -> list[int] | None:
    path = each.paths[0]
    if len(each.paths) > 1:
        return None
    if each.predicate in ("eq", "in"):
        values = each.cast_list() if each.predicate == "in" else [each.cast()]
        return _having(store, kind, path.relationships, path.attribute, values)
    if (
        not path.relationships
        and each.predicate in _RANGES
        and path.attribute in ("id", "updated_at")
    ):
        index: list[Any] = table.numbers if path.attribute == "id" else table.stamps
        if each.cast() is None:
            return []
        low, high = _narrowed(index, each, 0, len(index))
        return [key[1] if isinstance(key, tuple) else key for key in index[low:high]]
    return None


def _having(
    store: Store, kind: str, relationships: tuple[str, ...], attribute: str, values: list[Any]
) -> list[int] | None:
    """Records with one of the values, walking to-one relationships backwards."""
    if not relationships:
        table = store.tables[kind]
        if attribute == "id":
            return sorted(
                {v for v in values if v in store.records and store.records[v].type == kind}
            )
        index = table.index(attribute, store.records)
        return sorted({n for value in values for n in index.get(hashable(value), ())})
    name, *rest = relationships
    if catalog.resource(kind).relationships[name].many:
        return None
    found: set[int] = set()
    for other in relations.allowed_types(kind, name):
        if relations.concrete(other) != (other,):
            continue
        targets = _having(store, other, tuple(rest), attribute, values)
        if targets is None:
            return None
        found.update(n for target in targets for n in store.pointing(kind, name, target))
    return sorted(found)
