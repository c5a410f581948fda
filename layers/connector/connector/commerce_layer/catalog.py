"""Facts on every Commerce Layer resource, from catalog.json beside this file.

One line of that file, shortened:

    "skus": {"path": "skus", "operations": ["list", ...], "cacheable": true,
             "attributes":    {"code": "string cufqsr"},
             "triggers":      {"_add_tags": "string u"},
             "relationships": {"prices": "many prices fq", "item": "one skus|bundles cf"},
             "variants": [...], "enums": {...}, "defaults": {...}}

The letters are flags: c creatable, u updatable, f fetchable (includable), q filterable,
s sortable, r required on create, m derived money (`_float`, `formatted_`), x confidential.

The file is read at the first question and a resource is decoded when it is asked for, so a
cold start that asks about one resource pays for one. `make_catalog.py` writes the file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Attribute:
    """`type` is string, boolean, integer, float, datetime, object or array."""

    name: str
    type: str
    flags: str
    enum: tuple[str, ...] = ()
    default: Any = None

    @classmethod
    def parse(cls, name: str, line: str, entry: Mapping[str, Any]) -> Self:
        kind, _, flags = line.partition(" ")
        enum = tuple(entry.get("enums", {}).get(name, ()))
        return cls(name, kind, flags, enum, entry.get("defaults", {}).get(name))

    @property
    def creatable(self) -> bool:
        return "c" in self.flags

    @property
    def updatable(self) -> bool:
        return "u" in self.flags

    @property
    def fetchable(self) -> bool:
        return "f" in self.flags

    @property
    def filterable(self) -> bool:
        return "q" in self.flags

    @property
    def sortable(self) -> bool:
        return "s" in self.flags

    @property
    def required(self) -> bool:
        return "r" in self.flags

    @property
    def derived_money(self) -> bool:
        return "m" in self.flags

    @property
    def confidential(self) -> bool:
        return "x" in self.flags


@dataclass(frozen=True, slots=True)
class Relationship:
    """`types` are the JSON:API types that may stand there; several where it is polymorphic."""

    name: str
    many: bool
    types: tuple[str, ...]
    flags: str

    @classmethod
    def parse(cls, name: str, line: str) -> Self:
        cardinality, types, *flags = line.split(" ")
        return cls(name, cardinality == "many", tuple(types.split("|")), "".join(flags))

    @property
    def creatable(self) -> bool:
        return "c" in self.flags

    @property
    def updatable(self) -> bool:
        return "u" in self.flags

    @property
    def fetchable(self) -> bool:
        return "f" in self.flags

    @property
    def filterable(self) -> bool:
        return "q" in self.flags

    @property
    def required(self) -> bool:
        return "r" in self.flags


@dataclass(frozen=True, slots=True)
class Resource:
    """`type` is the JSON:API type; `path` differs from it for the two singletons only.

    `variants` are the concrete types that a base type (`promotions`) lists and returns.
    Trigger names carry their underscore, as in the API: `_approve`.
    """

    type: str
    path: str
    operations: frozenset[str]
    cacheable: bool
    variants: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    triggers: Mapping[str, Attribute]
    relationships: Mapping[str, Relationship]

    @property
    def singleton(self) -> bool:
        return self.path != self.type


@cache
def _entries() -> Mapping[str, Mapping[str, Any]]:
    text = (Path(__file__).parent / "catalog.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@cache
def _types() -> Mapping[str, str]:
    """Both spellings of a resource, its type and its path -> its type."""
    return {name: kind for kind, entry in _entries().items() for name in (kind, entry["path"])}


def types() -> tuple[str, ...]:
    """All resource types, in alphabetical order."""
    return tuple(_entries())


@cache
def resource(name: str) -> Resource:
    """By type (`organizations`) or by path (`organization`). Raises KeyError if unknown."""
    kind = _types()[name]
    entry = _entries()[kind]
    return Resource(
        type=kind,
        path=entry["path"],
        operations=frozenset(entry["operations"]),
        cacheable=entry.get("cacheable", False),
        variants=tuple(entry.get("variants", ())),
        attributes={
            k: Attribute.parse(k, v, entry) for k, v in entry.get("attributes", {}).items()
        },
        triggers={k: Attribute.parse(k, v, entry) for k, v in entry.get("triggers", {}).items()},
        relationships={
            k: Relationship.parse(k, v) for k, v in entry.get("relationships", {}).items()
        },
    )


def known(name: str) -> bool:
    return name in _types()


def nearest(name: str, candidates: tuple[str, ...] | None = None) -> list[str]:
    """At most three names that look like `name`: for error messages."""
    return get_close_matches(name, candidates if candidates is not None else types(), n=3)


def cacheable(name: str) -> bool:
    """Whether a GET of it is answered from Commerce Layer's cache (its own rate limit class)."""
    kind = _types().get(name)
    return kind is not None and bool(_entries()[kind].get("cacheable", False))
