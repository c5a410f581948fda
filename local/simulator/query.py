"""What a query string asks for, checked against the catalog."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from connector.commerce_layer import catalog
from local.simulator import relations
from local.simulator.errors import bad_request, filter_not_allowed, param_not_allowed
from local.simulator.filters import Condition, condition

DEFAULT_SIZE, LARGEST_SIZE = 10, 25
_DEEPEST_INCLUDE = 3
_ALWAYS_SORTABLE = {"id", "created_at", "updated_at"}

# {"customer": {}, "line_items": {"sku": {}}} for include=customer,line_items.sku
IncludeTree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """`sort` holds (attribute, descending) pairs, `fields` the names wanted of each type."""

    conditions: tuple[Condition, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    include: IncludeTree = field(default_factory=dict)
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    number: int = 1
    size: int = DEFAULT_SIZE


def parse(kind: str, raw: str) -> Query:
    """Raises ApiError 400 for whatever that resource does not know."""
    conditions, fields, page = [], {}, {"number": 1, "size": DEFAULT_SIZE}
    include: IncludeTree = {}
    sort: tuple[tuple[str, bool], ...] = ()
    for key, value in parse_qsl(raw, keep_blank_values=True):
        name, inner = _split(key)
        if key == "include":
            include = _include(kind, value)
        elif key == "sort":
            sort = tuple(_criterion(kind, part) for part in value.split(",") if part)
        elif name == "fields" and inner:
            fields[inner] = _fields(inner, value)
        elif name == "page" and inner in page:
            page[inner] = _page_value(inner, value)
        elif name == "filter" and not inner:
            raise bad_request(
                "INVALID_FILTERS_SYNTAX",
                "Invalid filters syntax",
                f"{key}={value} is not a valid syntax for filtering.",
            )
        elif name == "filter":
            if not inner.startswith("q]["):
                raise filter_not_allowed(inner)
            conditions.append(condition(kind, inner.removeprefix("q]["), value))
        else:
            raise param_not_allowed(key)
    return Query(tuple(conditions), sort, include, fields, page["number"], page["size"])


def _split(key: str) -> tuple[str, str]:
    """`page[size]` -> `page`, `size`. What stands in no pair of brackets counts as nothing."""
    name, _, rest = key.partition("[")
    return name, rest.removesuffix("]") if rest.endswith("]") else ""


def _criterion(kind: str, text: str) -> tuple[str, bool]:
    name = text.removeprefix("-")
    attribute = catalog.resource(kind).attributes.get(name)
    if name not in _ALWAYS_SORTABLE and not (attribute and attribute.sortable):
        raise bad_request(
            "INVALID_SORT_CRITERIA",
            "Invalid sort criteria",
            f"{name} is not a valid sort criteria for {kind}",
        )
    return name, text.startswith("-")


def _include(kind: str, value: str) -> IncludeTree:
    tree: IncludeTree = {}
    for path in filter(None, value.split(",")):
        names = path.split(".")
        branch, kinds = tree, frozenset({kind})
        for name in names:
            kinds = frozenset(
                other
                for each in kinds
                if _includable(each, name)
                for other in relations.allowed_types(each, name)
            )
            if not kinds or len(names) > _DEEPEST_INCLUDE:
                raise bad_request(
                    "INVALID_INCLUDE", "Invalid field", f"{path} is not a valid include of {kind}"
                )
            branch = branch.setdefault(name, {})
    return tree


def _includable(kind: str, name: str) -> bool:
    relationship = catalog.resource(kind).relationships.get(name)
    return relationship is not None and relationship.fetchable and name != "event_stores"


def _fields(kind: str, value: str) -> frozenset[str]:
    if not catalog.known(kind):
        raise bad_request(
            "INVALID_RESOURCE", "Invalid resource", f"{kind} is not a valid resource."
        )
    resource = catalog.resource(kind)
    names = frozenset(filter(None, value.split(",")))
    for name in sorted(names - {"id", "type"}):
        attribute = resource.attributes.get(name)
        if name not in resource.relationships and not (attribute and attribute.fetchable):
            raise bad_request(
                "INVALID_FIELD", "Invalid field", f"{name} is not a valid field for {kind}."
            )
    return names


def _page_value(name: str, value: str) -> int:
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0
    if number < 1 or (name == "size" and number > LARGEST_SIZE):
        raise bad_request(
            "INVALID_PAGE_VALUE",
            "Invalid page value",
            f"{value} is not a valid value for {name} page parameter.",
        )
    return number
