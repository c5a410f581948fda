"""What can be exported: an order, checked against the catalog before anything is spent on it.

{"filters": {"status_eq": "placed"}, "includes": ["line_items"],
 "fields": ["number", "line_items.*"], "format": "jsonl"}
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from connector.commerce_layer import catalog
from connector.commerce_layer.changes import print_time
from connector.errors import InvalidRequest

FORMATS = ("jsonl", "csv")
KEYS = ("filters", "includes", "fields", "format")
# Ours: they cut an export into windows.
RESERVED = ("id_gt", "id_lteq")
MOST_FILTERS, MOST_PATHS, MOST_TEXT = 30, 100, 4000

EXPORT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PATH = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")


@dataclass(frozen=True, slots=True)
class Order:
    """`filters` are predicates without `filter[q]`; `fields` may end in `*`, for all of a record.

    Empty `fields` are all of them. What is given always has the id: it proves the export whole.
    """

    instance: str
    resource: str
    filters: Mapping[str, Any] = field(default_factory=dict)
    includes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    format: str = "jsonl"

    @classmethod
    def of(cls, instance: str, resource: str, asked: Mapping[str, Any]) -> Self:
        """Raises InvalidRequest that points at what is wrong."""
        kind = _kind(resource)
        for key in asked:
            if key not in KEYS:
                raise _wrong(key, f"An export has {', '.join(KEYS)}, and no {key[:60]!r}.")
        form = asked.get("format", "jsonl")
        if form not in FORMATS:
            raise _wrong("format", f"format is {' or '.join(FORMATS)}.")
        includes = _texts(asked, "includes")
        for at, path in enumerate(includes):
            _follow(kind, path.split("."), f"includes/{at}")
        fields = _texts(asked, "fields")
        for at, path in enumerate(fields):
            _check_field(kind, path, f"fields/{at}")
        if fields and not {"id", "*"} & set(fields):
            fields = ("id", *fields)
        return cls(instance, kind, _filters(asked), includes, fields, form)

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> Self:
        """What `dump` made, and JSON turned into lists."""
        return cls(
            **{**dumped, "includes": tuple(dumped["includes"]), "fields": tuple(dumped["fields"])}
        )


def described(export_id: str, order: Order, now: datetime) -> dict[str, Any]:
    """What is kept of an export from the moment that it is asked for."""
    return {
        "export": export_id,
        "instance": order.instance,
        "resource": order.resource,
        "status": "queued",
        "order": order.dump(),
        "day": f"{now:%Y-%m-%d}",
        "asked_at": print_time(now),
        "seen": now.timestamp(),
    }


def _kind(resource: str) -> str:
    if not catalog.known(resource):
        near = catalog.nearest(resource)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise InvalidRequest(f"The catalog has no resource {resource[:60]}.{hint}", status=404)
    found = catalog.resource(resource)
    if "list" not in found.operations or found.singleton:
        raise InvalidRequest(f"{found.type} cannot be listed, and so not exported.", status=422)
    return found.type


def _filters(asked: Mapping[str, Any]) -> dict[str, Any]:
    filters = asked.get("filters", {})
    if not isinstance(filters, Mapping) or len(filters) > MOST_FILTERS:
        raise _wrong("filters", f'filters is {{"status_eq": "placed"}}, at most {MOST_FILTERS}.')
    for name, value in filters.items():
        if name in RESERVED:
            raise _wrong(f"filters/{name}", f"{name} is what exports are cut into windows by.")
        if not _NAME.fullmatch(name):
            raise _wrong("filters", f"{name[:60]!r} is not an attribute with a predicate.")
        if not _is_value(value):
            raise _wrong(f"filters/{name}", "A value is text, a number, true, false, or a list.")
    return dict(filters)


def _is_value(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MOST_PATHS and all(
            _is_value(each) and not isinstance(each, list | Mapping) for each in value
        )
    if isinstance(value, Mapping):  # metadata_jcont
        return True
    return isinstance(value, bool | int | float) or (
        isinstance(value, str) and len(value) <= MOST_TEXT
    )


def _texts(asked: Mapping[str, Any], key: str) -> tuple[str, ...]:
    texts = asked.get(key, [])
    if (
        isinstance(texts, str)
        or not isinstance(texts, Sequence)
        or len(texts) > MOST_PATHS
        or not all(isinstance(each, str) for each in texts)
    ):
        raise _wrong(key, f"{key} is a list of names, at most {MOST_PATHS}.")
    return tuple(texts)


def _check_field(kind: str, path: str, pointer: str) -> None:
    """`number`, `market_id`, `line_items.*`, or `line_items` for all of them."""
    *way, leaf = path.split(".")
    kinds = _follow(kind, way, pointer)
    if leaf in ("*", "id"):
        return
    known = [catalog.resource(each) for each in kinds]
    for each in known:
        if leaf in each.attributes or leaf.removesuffix("_id") in each.relationships:
            return
    names = tuple(name for each in known for name in each.attributes)
    raise _wrong(pointer, f"{path[:80]!r} is not a field.{_hint(leaf, names)}")


def _follow(kind: str, way: Sequence[str], pointer: str) -> list[str]:
    """The types that stand at the end of the way, with the variants of base types."""
    kinds = _variants([kind])
    for name in way:
        if not _PATH.fullmatch(name):
            raise _wrong(pointer, f"{name[:60]!r} is not a relationship.")
        found = [
            other
            for each in kinds
            if name in catalog.resource(each).relationships
            for other in catalog.resource(each).relationships[name].types
        ]
        if not found:
            names = tuple(n for each in kinds for n in catalog.resource(each).relationships)
            raise _wrong(pointer, f"{name[:60]!r} is not a relationship.{_hint(name, names)}")
        kinds = _variants(dict.fromkeys(found))
    return kinds


def _variants(kinds: Sequence[str] | Mapping[str, None]) -> list[str]:
    return [each for kind in kinds for each in (kind, *catalog.resource(kind).variants)]


def _hint(name: str, names: tuple[str, ...]) -> str:
    near = catalog.nearest(name, names)
    return f" Did you mean {' or '.join(dict.fromkeys(near))}?" if near else ""


def _wrong(at: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, status=422, pointer=f"/{at}")
