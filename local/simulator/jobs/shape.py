"""What an export prints of each record: `fields` and `includes`, checked against the catalog."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from connector.commerce_layer import catalog
from local.simulator import documents, query, relations
from local.simulator.behaviour.computed import RETRIEVED
from local.simulator.errors import ApiError
from local.simulator.store import Record, Store

_IDENTITY = ("id", "created_at", "updated_at")


@dataclass(slots=True)
class Shape:
    """`names` are the attributes wanted, None for all; `below` are the included relationships."""

    names: set[str] | None = None
    below: dict[str, "Shape"] = field(default_factory=dict)


def parse(kind: str, includes: Iterable[str] | None, fields: Iterable[str] | None) -> Shape:
    """Raises ValueError with the name of what is wrong."""
    root = Shape(set() if fields else None)
    for path in (*(includes or ()), *(fields or ())):
        if not isinstance(path, str):
            raise ValueError(path)  # noqa: TRY004 - the client's mistake, not ours
    for path in includes or ():
        _include(kind, root, path)
    for path in fields or ():
        *names, leaf = path.split(".")
        node = _include(kind, root, ".".join(names), narrow=True) if names else root
        kinds = _kinds(kind, names)
        if leaf == "*":
            node.names = None
        elif any(leaf in _columns(each) for each in kinds):
            if node.names is not None:
                node.names.add(leaf)
        elif leaf:
            _include(kind, root, path)
        else:
            raise ValueError(path)
    return root


def values(store: Store, record: Record, shape: Shape, *, dry: bool) -> dict[str, Any]:
    """One record as an export prints it: a to-one relationship as `x_id`, unless included."""
    wanted = {
        name: value
        for name, value in _plain(store, record, shape).items()
        if _kept(record.type, name, shape, dry=dry) and not (dry and value in (None, "", [], {}))
    }
    for name, inner in shape.below.items():
        if name not in catalog.resource(record.type).relationships:
            continue
        found = [values(store, each, inner, dry=dry) for each in store.related(record, name)]
        if catalog.resource(record.type).relationships[name].many:
            wanted[name] = found
        else:
            wanted[name] = found[0] if found else None
    return wanted


def columns(kinds: Iterable[str], shape: Shape, *, dry: bool) -> list[str]:
    """Of a CSV: the names of every value, those of included records after a dot."""
    own: dict[str, None] = {}
    for kind in kinds:
        own |= {name: None for name in _columns(kind) if _kept(kind, name, shape, dry=dry)}
    for name, inner in shape.below.items():
        own.pop(f"{name}_id", None)
        nested = _related_kinds(kinds, name)
        own |= {f"{name}.{each}": None for each in columns(nested, inner, dry=dry)}
    return list(own)


def _plain(store: Store, record: Record, shape: Shape) -> dict[str, Any]:
    found: dict[str, Any] = {"id": record.id, **documents.attributes(store, record)}
    for name in _links(record.type):
        if name not in shape.below:
            other = store.one(record, name)
            found[f"{name}_id"] = other.id if other else None
    return found


def _kept(kind: str, name: str, shape: Shape, *, dry: bool) -> bool:
    if shape.names is not None and name not in shape.names:
        return False
    if not dry:
        return True
    attribute = catalog.resource(kind).attributes.get(name)
    return name not in _IDENTITY and attribute is not None and attribute.creatable


def _columns(kind: str) -> Iterator[str]:
    yield "id"
    alone = RETRIEVED.get(kind, {})
    known = catalog.resource(kind).attributes.values()
    yield from (each.name for each in known if each.fetchable and each.name not in alone)
    yield from (f"{name}_id" for name in _links(kind))


def _links(kind: str) -> Iterator[str]:
    known = catalog.resource(kind).relationships.values()
    return (each.name for each in known if not each.many and each.fetchable)


def _kinds(kind: str, names: Iterable[str]) -> list[str]:
    kinds = [*relations.concrete(kind)]
    for name in names:
        kinds = _related_kinds(kinds, name)
    return kinds


def _related_kinds(kinds: Iterable[str], name: str) -> list[str]:
    return [
        each
        for kind in kinds
        if name in catalog.resource(kind).relationships
        for other in catalog.resource(kind).relationships[name].types
        for each in relations.concrete(other)
    ]


def _include(kind: str, root: Shape, path: str, *, narrow: bool = False) -> Shape:
    """Adds the relationships along the path, each with everything or, if narrow, with nothing."""
    try:
        query.parse(kind, urlencode({"include": path}))
    except ApiError:
        raise ValueError(path) from None
    node = root
    for name in path.split("."):
        node = node.below.setdefault(name, Shape(set() if narrow else None))
    return node
