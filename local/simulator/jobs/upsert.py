"""One row of an import -> a record made or changed, with the checks and effects of the API.

A row is like a document, flat: attributes and triggers by name, a to-one relationship as `x_id`,
tags and some to-many relationships as lists of rows.
"""

from dataclasses import dataclass, field
from typing import Any

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Resource
from local.simulator import clock, ids, relations, validation
from local.simulator.behaviour import triggers, writes
from local.simulator.errors import ApiError
from local.simulator.jobs.rows import Row
from local.simulator.jobs.tables import HISTORY, KEYS, NESTED, Nested
from local.simulator.jobs.work import Messages, messages
from local.simulator.store import Record, Store

_TAGS = Nested("tags", "", KEYS["tags"])


class RowError(Exception):
    """Its argument is attribute -> messages."""

    def __init__(self, found: Messages) -> None:
        super().__init__(found)
        self.messages = found


@dataclass(slots=True)
class _Draft:
    """A row, sorted by what its parts are."""

    id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    relationships: dict[str, Any] = field(default_factory=dict)
    triggers: dict[str, Any] = field(default_factory=dict)
    history: dict[str, Any] = field(default_factory=dict)
    nested: dict[str, tuple[Nested, list[Row]]] = field(default_factory=dict)


def upsert(store: Store, kind: str, row: Row, key: tuple[str, ...] = ()) -> Record:
    """Raises RowError before anything is written."""
    kind, row = _concrete(kind, row)
    draft = _sorted(store, kind, row)
    record = _existing(store, kind, draft, key or KEYS.get(kind, ()))
    change = _checked(store, kind, draft, record)
    past = _history(kind, draft)
    try:
        if record is not None:
            effects = triggers.plan(store, record, change.triggers | draft.triggers)
            writes.update(store, record, change)
            for effect in effects:
                effect()
        else:
            record = _created(store, kind, change, draft)
    except ApiError as error:
        raise RowError(messages(error)) from None
    if past:
        store.change(record, past)
    _write_nested(store, record, draft)
    return record


def name_of(kind: str, row: Row, position: int) -> str:
    """What the logs call a row: by its natural key, or else by something that tells it apart."""
    names = [name for key in KEYS.get(kind, ()) for name in (key, f"{key}_code", f"{key}_id")]
    for name in (*names, "reference", "id", "name", "code"):
        if isinstance(row.get(name), str | int) and row[name] != "":
            return str(row[name])
    return str(position)


def _concrete(kind: str, row: Row) -> tuple[str, Row]:
    """A row of a base type says by `type` which variant it is, or is of the first."""
    variants = catalog.resource(kind).variants
    if not variants:
        return kind, row
    asked = row.get("type", variants[0])
    if asked not in variants:
        raise RowError({"type": ["is not included in the list"]})
    return asked, {name: value for name, value in row.items() if name != "type"}


def _sorted(store: Store, kind: str, row: Row) -> _Draft:
    resource = catalog.resource(kind)
    draft, refused = _Draft(), {}
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


def _link(store: Store, kind: str, draft: _Draft, name: str, identifier: Any) -> None:
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


def _existing(store: Store, kind: str, draft: _Draft, key: tuple[str, ...]) -> Record | None:
    found = store.get(kind, draft.id) if draft.id else None
    if found is not None or not key:
        return found
    resource = catalog.resource(kind)
    links = [name for name in key if name in resource.relationships]
    values = {name: draft.attributes.get(name) for name in key if name not in links}
    if None in values.values():
        return None
    if not links:
        ((name, value),) = values.items()
        return store.find(kind, name, value)
    targets = {name: _target(store, resource.type, draft, name) for name in links}
    numbers = {name: target.number for name, target in targets.items() if target}
    if len(numbers) < len(links):
        return None
    candidates = min((store.pointing(kind, *pair) for pair in numbers.items()), key=len)
    for record in map(store.records.__getitem__, candidates):
        if all(record.links.get(name) == number for name, number in numbers.items()) and all(
            record.get(name) == value for name, value in values.items()
        ):
            return record
    return None


def _target(store: Store, kind: str, draft: _Draft, name: str) -> Record | None:
    """The related record that the row means, by id or by a natural key such as `sku_code`."""
    linkage = draft.relationships.get(name, {}).get("data")
    if linkage:
        return store.get(linkage["type"], linkage["id"])
    for attribute, (link, other, key) in validation.NATURAL_KEYS.items():
        value = draft.attributes.get(attribute)
        if link == name and value is not None and attribute in catalog.resource(kind).attributes:
            return store.find(other, key, value)
    return None


def _checked(
    store: Store, kind: str, draft: _Draft, record: Record | None, back: str = ""
) -> validation.Change:
    """Of the row and the rows in it. `back` is the relationship to a parent still to be made."""
    resource = catalog.resource(kind)
    attributes = {
        name: value
        for name, value in draft.attributes.items()
        if record is None or resource.attributes[name].updatable or record.get(name) != value
    }
    links = {
        name: value
        for name, value in draft.relationships.items()
        if record is None
        or resource.relationships[name].updatable
        or _target(store, kind, draft, name) is not store.one(record, name)
    }
    found: Messages = {}
    change = validation.Change()
    try:
        data = {
            "attributes": attributes | _allowed(resource, draft, record),
            "relationships": links,
        }
        change = validation.change(store, kind, data, record)
    except ApiError as error:
        found = {name: each for name, each in messages(error).items() if name != back}
    for name, (nested, rows) in draft.nested.items():
        for row in rows:
            try:
                inner_kind, plain = _concrete(nested.kind, row)
                inner = _sorted(store, inner_kind, plain)
                there = _existing(store, inner_kind, inner, nested.key)
                _checked(store, inner_kind, inner, there, nested.back)
            except RowError as error:
                found |= {f"{name}.{key}": each for key, each in error.messages.items()}
    if found:
        raise RowError(found)
    return change


def _allowed(resource: Resource, draft: _Draft, record: Record | None) -> dict[str, Any]:
    """A new record has no state yet for most triggers: these come after it was made."""
    if record is not None:
        return draft.triggers
    return {
        name: each for name, each in draft.triggers.items() if resource.triggers[name].creatable
    }


def _history(kind: str, draft: _Draft) -> dict[str, Any]:
    """The past of an order, in stored form."""
    if draft.history and "_archive" not in draft.triggers:
        raise RowError({name: ["is allowed with _archive only"] for name in draft.history})
    known, past, refused = catalog.resource(kind).attributes, {}, {}
    for name, value in draft.history.items():
        try:
            past[name] = clock.parse(value) if known[name].type == "datetime" and value else value
        except (TypeError, ValueError):
            refused[name] = ["is invalid"]
        if known[name].enum and value not in known[name].enum:
            refused[name] = ["is not included in the list"]
    if refused:
        raise RowError(refused)
    return past


def _created(store: Store, kind: str, change: validation.Change, draft: _Draft) -> Record:
    record = writes.create(store, kind, change)
    try:
        effects = triggers.plan(store, record, change.triggers | draft.triggers)
    except ApiError:
        store.delete(kind, record.id)
        raise
    for effect in effects:
        effect()
    return record


def _write_nested(store: Store, record: Record, draft: _Draft) -> None:
    for name, (nested, rows) in draft.nested.items():
        back: Row = {f"{nested.back}_id": record.id} if nested.back else {}
        records = [upsert(store, nested.kind, row | back, nested.key) for row in rows]
        if not nested.back:
            store.change(record, {}, {name: list(dict.fromkeys(records))})
