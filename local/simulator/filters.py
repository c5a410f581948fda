"""A filter of the query, resolved against the catalog: `customer_email_or_number_start`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from connector.commerce_layer import catalog
from local.simulator import clock, errors, ids, relations
from local.simulator.behaviour import computed
from local.simulator.predicates import BY_LENGTH, PREDICATES, Test, boolean
from local.simulator.store import Record, Store

# Filterable on every resource, whether the catalog names them or not.
_ALWAYS = {"id": "id", "created_at": "datetime", "updated_at": "datetime"}
_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Path:
    """An attribute, perhaps of a related record. `kind` is its type in the catalog, or `id`."""

    relationships: tuple[str, ...]
    attribute: str
    kind: str

    def values(self, store: Store, record: Record) -> list[Any]:
        """One per related record. A record with none has the null of an outer join."""
        found = [record]
        for name in self.relationships:
            found = [
                other
                for each in found
                if name in catalog.resource(each.type).relationships
                for other in store.related(each, name)
            ]
        read = reader(store, self.attribute)
        return [read(each) for each in found] or [None]


@dataclass(frozen=True, slots=True)
class Condition:
    """One `filter[q][...]`. `paths` are joined by OR; `value` is the text of the query."""

    name: str
    paths: tuple[Path, ...]
    predicate: str
    value: str
    tests: tuple[Test, ...]

    def matcher(self, store: Store) -> Callable[[Record], bool]:
        """Made once a query, called once a candidate."""
        if self.own:
            read, own_test = reader(store, self.own.attribute), self.tests[0]
            return lambda record: own_test(read(record))
        pairs = list(zip(self.paths, self.tests, strict=True))
        return lambda record: any(
            test(value) for path, test in pairs for value in path.values(store, record)
        )

    @property
    def own(self) -> Path | None:
        """The path, if it is a single one of the record itself: what an index can answer."""
        path = self.paths[0]
        return path if len(self.paths) == 1 and not path.relationships else None

    @property
    def wanted(self) -> bool:
        """The value of a predicate that only says yes or no."""
        return boolean(self.value)

    def cast(self) -> Any:
        return caster(self.paths[0].kind)(self.value)

    def cast_list(self) -> list[Any]:
        cast = caster(self.paths[0].kind)
        return [cast(item) for item in self.value.split(",")]


def condition(kind: str, name: str, value: str) -> Condition:
    """Raises ApiError 400 for an unknown name, and for a value that the attribute cannot have."""
    paths, predicate = _resolve(kind, name)
    try:
        tests = tuple(PREDICATES[predicate](value, caster(path.kind)) for path in paths)
    except ValueError:
        raise errors.invalid_filter_value(name, value) from None
    return Condition(name, paths, predicate, value, tests)


def reader(store: Store, attribute: str) -> Callable[[Record], Any]:
    """Reads it from a record, computed where it is not stored."""
    if computed.computes(attribute):
        return lambda record: computed.value(store, record, attribute)
    return lambda record: record.get(attribute)


def caster(kind: str) -> Callable[[str], Any]:
    """Text of the query -> the value as it is stored. Raises ValueError."""
    return _CASTERS.get(kind, str)


_CASTERS: dict[str, Callable[[str], Any]] = {
    "id": ids.decode,
    "integer": int,
    "float": float,
    "boolean": boolean,
    "datetime": clock.parse,
}


@cache
def _resolve(kind: str, name: str) -> tuple[tuple[Path, ...], str]:
    for predicate in BY_LENGTH:
        expression = name.removesuffix(f"_{predicate}")
        if expression == name:
            continue
        whole = _path(kind, expression)
        if whole:
            return (whole,), predicate
        parts = tuple(_path(kind, part) for part in expression.split("_or_"))
        paths = tuple(path for path in parts if path)
        if len(parts) > 1 and len(paths) == len(parts):
            return paths, predicate
    raise errors.filter_not_allowed(name)


def _path(kind: str, expression: str, depth: int = _DEPTH) -> Path | None:
    if expression in _ALWAYS:
        return Path((), expression, _ALWAYS[expression])
    resource = catalog.resource(kind)
    attribute = resource.attributes.get(expression)
    if attribute and attribute.filterable:
        return Path((), expression, attribute.type)
    if depth == 0:
        return None
    for name, relationship in resource.relationships.items():
        rest = expression.removeprefix(f"{name}_")
        if rest == expression or not relationship.filterable:
            continue
        for other in sorted(relations.allowed_types(kind, name)):
            path = _path(other, rest, depth - 1)
            if path:
                return Path((name, *path.relationships), path.attribute, path.kind)
    return None
