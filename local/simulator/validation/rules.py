"""rules.toml as objects: for every resource the rules of its attributes and relationships."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute, Relationship, Resource
from local.simulator import relations
from local.simulator.table import FOLDED
from local.simulator.topics import TOPICS

SETTING = "organization."
_PRESENCE = frozenset({"required", "required_if", "required_unless"})
BOUNDS = frozenset(
    {
        "greater_than",
        "greater_than_or_equal_to",
        "less_than",
        "less_than_or_equal_to",
        "too_short",
        "too_long",
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    """`names` are the members of the resource whose change can break it, `name` among them."""

    name: str
    key: str
    operand: Any
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Format:
    pattern: str
    sample: str


@cache
def of(kind: str) -> tuple[Rule, ...]:
    """What must be there comes first: nothing else is said of what is not."""
    resource = catalog.resource(kind)
    rows = _required(resource)
    for section in ("every", relations.base_of(kind), kind):
        for name, row in _toml("rules").get(section, {}).items():
            if name in resource.attributes or name in resource.relationships:
                kept = rows.get(name, {})
                if _PRESENCE & set(row):
                    kept = {key: value for key, value in kept.items() if key not in _PRESENCE}
                rows[name] = kept | row
    return tuple(sorted(_rules(resource, rows), key=lambda rule: rule.key not in _PRESENCE))


@cache
def index(kind: str, name: str) -> str:
    """Under which the store finds records by that attribute: folded, where case says nothing."""
    keys = {rule.key for rule in of(kind) if rule.name == name}
    return name + FOLDED if "case_insensitive" in keys else name


@cache
def formats() -> Mapping[str, Format]:
    return {name: Format(**row) for name, row in _toml("lists")["formats"].items()}


@cache
def values(name: str) -> frozenset[str]:
    """Of the list with that name."""
    if name == "topics":
        return TOPICS
    if name == "export_types":
        return frozenset(_exportable())
    return frozenset(_toml("lists")["lists"][name].split())


def conditions(operand: str | list[str]) -> list[tuple[str, str, str]]:
    """Each is a name, an operator (`=`, `in` or none) and what stands behind it."""
    found = []
    for text in [operand] if isinstance(operand, str) else operand:
        operator = "=" if "=" in text else "in" if " in " in text else ""
        name, _, value = text.partition(operator) if operator else (text, "", "")
        found.append((name.strip(), operator, value.strip()))
    return found


def _required(resource: Resource) -> dict[str, dict[str, Any]]:
    members: list[Attribute | Relationship] = [
        *resource.attributes.values(),
        *resource.relationships.values(),
    ]
    return {each.name: {"required": True} for each in members if each.required}


def _rules(resource: Resource, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Rule]:
    known = {*resource.attributes, *resource.triggers, *resource.relationships}
    for name, row in rows.items():
        for key, operand in row.items():
            others = other_names(key, operand)
            # A rule of [every] says nothing where the other attribute does not exist.
            if operand is not False and others <= known:
                yield Rule(name, key, operand, others | {name})


def other_names(key: str, operand: Any) -> frozenset[str]:
    """The other members of the resource that a rule looks at."""
    if key in ("required_if", "required_unless"):
        names = [name for name, _, _ in conditions(operand)]
    elif key == "unique":
        names = [] if operand is True else operand
    elif key in BOUNDS and isinstance(operand, str) and operand != "now":
        names = [operand]
    else:
        names = []
    return frozenset(name for name in names if not name.startswith(SETTING))


def _exportable() -> Iterable[str]:
    for kind in catalog.types():
        resource = catalog.resource(kind)
        # Variants are exported with their base.
        if "list" in resource.operations and relations.base_of(kind) == kind:
            yield kind


@cache
def _toml(name: str) -> Mapping[str, Any]:
    path = Path(__file__).parent / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
