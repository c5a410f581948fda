"""A document against the catalog and the rules: a Change that may be written, or an ApiError."""

from collections.abc import Mapping
from typing import Any

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute, Relationship
from local.simulator.errors import ApiError, param_not_allowed
from local.simulator.store import Record, Store
from local.simulator.validation import casts, checks, links, rules
from local.simulator.validation.drafts import Change, Draft
from local.simulator.webhooks import includes


def change(
    store: Store, kind: str, data: Mapping[str, Any], record: Record | None = None
) -> Change:
    """Of an existing record, or a new one. Raises ApiError 400 or 422, all of a kind at once."""
    draft = Draft(store, catalog.resource(kind), record)
    attributes, relationships = data.get("attributes", {}), data.get("relationships", {})
    _refuse_unknown(draft, attributes, relationships)
    for name, value in attributes.items():
        _read(draft, name, value)
    for name, value in relationships.items():
        links.read(draft, draft.resource.relationships[name], value)
    links.natural_keys(draft)
    for failure in includes.refused(kind, draft.change.attributes, record):
        draft.failures.setdefault(failure["source"]["pointer"], failure)
    for rule in rules.of(kind):
        if draft.touches(rule):
            checks.check(draft, rule)
    if draft.failures:
        raise ApiError(*draft.failures.values())
    return draft.change


def _refuse_unknown(
    draft: Draft, attributes: Mapping[str, Any], relationships: Mapping[str, Any]
) -> None:
    """Names that do not exist, or that a client may not write now."""
    resource = draft.resource
    known: Mapping[str, Attribute | Relationship] = {**resource.triggers, **resource.attributes}
    refused = [name for name in attributes if not _writable(draft, known.get(name))]
    refused += [
        name for name in relationships if not _writable(draft, resource.relationships.get(name))
    ]
    if refused:
        raise ApiError(*(param_not_allowed(name).errors[0] for name in refused))


def _writable(draft: Draft, member: Attribute | Relationship | None) -> bool:
    if member is None:
        return False
    return member.creatable if draft.record is None else member.updatable


def _read(draft: Draft, name: str, value: Any) -> None:
    """A trigger that is switched off does nothing."""
    trigger = draft.resource.triggers.get(name)
    if trigger is not None and value in (None, False, 0, "", "0", "false"):
        return
    try:
        if trigger is not None:
            plain = trigger.type == "boolean"
            draft.change.triggers[name] = value if plain else casts.cast(trigger, value)
        else:
            draft.change.attributes[name] = casts.cast(draft.resource.attributes[name], value)
    except casts.Refused as refusal:
        draft.fail(name, *refusal.args, value=value)
