"""One row of an import -> a record made or changed, with the checks and effects of the API."""

from typing import Any

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Resource
from local.simulator import clock, validation
from local.simulator.behaviour import triggers, writes
from local.simulator.errors import ApiError
from local.simulator.jobs import drafts
from local.simulator.jobs.drafts import Draft, RowError
from local.simulator.jobs.rows import Row
from local.simulator.jobs.tables import KEYS
from local.simulator.jobs.work import Messages, messages
from local.simulator.store import Record, Store


def upsert(store: Store, kind: str, row: Row, key: tuple[str, ...] = ()) -> Record:
    """Raises RowError before anything is written."""
    kind, row = drafts.concrete(kind, row)
    draft = drafts.sort(store, kind, row)
    record = drafts.existing(store, kind, draft, key or KEYS.get(kind, ()))
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


def _checked(
    store: Store, kind: str, draft: Draft, record: Record | None, back: str = ""
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
        or (meant := drafts.target(store, kind, draft, name)) is None
        or meant is not store.one(record, name)
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
                inner_kind, plain = drafts.concrete(nested.kind, row)
                inner = drafts.sort(store, inner_kind, plain)
                there = drafts.existing(store, inner_kind, inner, nested.key)
                _checked(store, inner_kind, inner, there, nested.back)
            except RowError as error:
                found |= {f"{name}.{key}": each for key, each in error.messages.items()}
    if found:
        raise RowError(found)
    return change


def _allowed(resource: Resource, draft: Draft, record: Record | None) -> dict[str, Any]:
    """A new record has no state yet for most triggers: these come after it was made."""
    if record is not None:
        return draft.triggers
    return {
        name: each for name, each in draft.triggers.items() if resource.triggers[name].creatable
    }


def _history(kind: str, draft: Draft) -> dict[str, Any]:
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


def _created(store: Store, kind: str, change: validation.Change, draft: Draft) -> Record:
    record = writes.create(store, kind, change)
    try:
        effects = triggers.plan(store, record, change.triggers | draft.triggers)
    except ApiError:
        store.delete(kind, record.id)
        raise
    for effect in effects:
        effect()
    return record


def _write_nested(store: Store, record: Record, draft: Draft) -> None:
    for name, (nested, rows) in draft.nested.items():
        back: Row = {f"{nested.back}_id": record.id} if nested.back else {}
        records = [upsert(store, nested.kind, row | back, nested.key) for row in rows]
        if not nested.back:
            store.change(record, {}, {name: list(dict.fromkeys(records))})
