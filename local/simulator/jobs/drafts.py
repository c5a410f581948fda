"""A row of an import, taken apart by the catalog, and the record that it means.

A row is like a document, flat: attributes and triggers by name, a to-one relationship as `x_id`,
tags and some to-many relationships as lists of rows.
"""

from dataclasses import dataclass, field
from typing import Any

from connector.commerce_layer import catalog
from local.simulator import ids, relations, validation
from local.simulator.jobs.rows import Row
from local.simulator.jobs.tables import HISTORY, KEYS, NESTED, Nested
from local.simulator.jobs.work import Messages
from local.simulator.store import Record, Store
from local.simulator.validation import rules

_TAGS = Nested("tags", "", KEYS["tags"])


class RowError(Exception):
    """Its argument is attribute -> messages."""

    def __init__(self, found: Messages) -> None:
        super().__init__(found)
        self.messages = found


@dataclass(slots=True)
class Draft:
    """A row, sorted by what its parts are."""

    id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    relationships: dict[str, Any] = field(default_factory=dict)
    triggers: dict[str, Any] = field(default_factory=dict)
    history: dict[str, Any] = field(default_factory=dict)
    nested: dict[str, tuple[Nested, list[Row]]] = field(default_factory=dict)


def concrete(kind: str, row: Row) -> tuple[str, Row]:
    """A row of a base type says by `type` which variant it is, or is of the first."""
    variants = catalog.resource(kind).variants
    if not variants:
        return kind, row
    asked = row.get("type", variants[0])
    if asked not in variants:
        raise RowError({"type": ["is not included in the list"]})
    return asked, {name: value for name, value in row.items() if name != "type"}


def sort(store: Store, kind: str, row: Row) -> Draft:
    resource = catalog.resource(kind)
    draft, refused = Draft(), {}
    for name, value in row.items():
        link = resource.relationships.get(name.removesuffix("_id"))
        if name == "id":
            draft.id = str(value)
        elif kind == "orders" and name in HISTORY:
            draft.history[name] = value
        elif name in resource.triggers:
            if value not in (None, False, 0, "", "0", "false"):
                draft.triggers[name] = value
        elif name in resource.attributes:
            draft.attributes[name] = value
        elif link and not link.many and name.endswith("_id"):
            _link(store, kind, draft, link.name, value)
        elif (nested := _nested(kind, name)) and isinstance(value, list):
            draft.nested[name] = nested, [_as_row(each) for each in value]
        else:
            refused[name] = ["is not allowed"]
    if refused:
        raise RowError(refused)
    return draft


def _nested(kind: str, name: str) -> Nested | None:
    if name == "tags" and "tags" in catalog.resource(kind).relationships:
        return _TAGS
    return NESTED.get(kind, {}).get(name)


def _as_row(value: Any) -> Row:
    """A tag may be just its name."""
    return value if isinstance(value, dict) else {"name": str(value)}


def _link(store: Store, kind: str, draft: Draft, name: str, identifier: Any) -> None:
    """As linkage, or as the natural key where Commerce Layer takes only that."""
    if identifier in (None, ""):
        draft.relationships[name] = {"data": None}
        return
    resource = catalog.resource(kind)
    number = ids.decode(str(identifier))
    record = store.records.get(number) if number is not None else None
    if record is None or record.type not in relations.allowed_types(kind, name):
        linkage = {"type": resource.relationships[name].types[0], "id": str(identifier)}
    else:
        linkage = {"type": record.type, "id": record.id}
        for attribute, (link, _, key) in validation.NATURAL_KEYS.items():
            other_way = link == name and attribute in resource.attributes
            if other_way and not resource.relationships[name].creatable:
                draft.attributes.setdefault(attribute, record.get(key))
                return
    draft.relationships[name] = {"data": linkage}


def existing(store: Store, kind: str, draft: Draft, key: tuple[str, ...]) -> Record | None:
    found = store.get(kind, draft.id) if draft.id else None
    if found is not None or not key:
        return found
    known = catalog.resource(kind).relationships
    targets = {name: target(store, kind, draft, name) for name in key if name in known}
    values = {name: draft.attributes.get(name) for name in key if name not in known}
    missing = [name for name, other in targets.items() if other is None and known[name].required]
    if missing or None in values.values():
        return None
    sets = [store.pointing(kind, name, other.number) for name, other in targets.items() if other]
    candidates = [store.records[number] for number in min(sets, key=len)] if sets else None
    for name, value in values.items():
        index = rules.index(kind, name)
        wanted = value if index == name else str(value).lower()
        if candidates is None:
            candidates = store.having(kind, index, wanted)
        candidates = [each for each in candidates if each.get(index) == wanted]
    for each in candidates or ():
        if all(store.one(each, name) is other for name, other in targets.items()):
            return each
    return None


def target(store: Store, kind: str, draft: Draft, name: str) -> Record | None:
    """The related record that the row means, by id or by a natural key such as `sku_code`."""
    linkage = draft.relationships.get(name, {}).get("data")
    if linkage:
        return store.get(linkage["type"], linkage["id"])
    for attribute, (link, other, key) in validation.NATURAL_KEYS.items():
        value = draft.attributes.get(attribute)
        if link == name and value is not None and attribute in catalog.resource(kind).attributes:
            return store.find(other, key, value)
    return None
