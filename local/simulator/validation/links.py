"""Relationships: linkage to records, and attributes that name a related record by its key."""

from typing import Any

from connector.commerce_layer.catalog import Relationship
from local.simulator import relations
from local.simulator.errors import ApiError, bad_request
from local.simulator.store import Record, Store
from local.simulator.validation import rules
from local.simulator.validation.drafts import Draft

# Attributes that name a related record by its natural key: attribute -> relationship, its key.
NATURAL_KEYS = {
    "sku_code": ("sku", "skus", "code"),
    "bundle_code": ("bundle", "bundles", "code"),
    "customer_email": ("customer", "customers", "email"),
}

KEY_OF = {link: name for name, (link, _, _) in NATURAL_KEYS.items()}


def read(draft: Draft, relationship: Relationship, value: Any) -> None:
    """The record, the records, or None, into the draft. Raises ApiError for wrong linkage."""
    name = relationship.name
    if not isinstance(value, dict) or "data" not in value:
        raise _invalid(f"{name} needs data.")
    data = value["data"]
    if data is None and not relationship.many:
        draft.change.relationships[name] = None
        return
    items = data if relationship.many else [data]
    if not isinstance(items, list):
        raise _invalid(f"{name} is not a valid linkage.")
    found = dict.fromkeys(map(_pair(name), items))
    records = [record for item in found if (record := _record(draft, name, *item))]
    draft.change.relationships[name] = records if relationship.many else (*records, None)[0]


def natural_keys(draft: Draft) -> None:
    """`sku_code` finds the SKU, and a SKU given as a relationship fills `sku_code`.

    A customer that does not exist yet is made when the record is written.
    """
    attributes, relationships = draft.change.attributes, draft.change.relationships
    for name, (link, kind, key) in NATURAL_KEYS.items():
        if name not in draft.resource.attributes or link not in draft.resource.relationships:
            continue
        other = relationships.get(link)
        if other is not None:
            attributes[name] = other.attributes.get(key)
        elif attributes.get(name) is not None:
            other = find(draft.store, kind, key, attributes[name])
            if other is not None:
                relationships[link] = other
            elif kind != "customers":
                draft.fail(name, "blank", "must exist")


def find(store: Store, kind: str, key: str, value: Any) -> Record | None:
    """The oldest record of that type with that natural key."""
    index = rules.index(kind, key)
    return store.find(kind, index, value.lower() if index != key else value)


def _pair(name: str) -> Any:
    def pair(item: Any) -> tuple[str, str]:
        if not isinstance(item, dict) or not {"type", "id"} <= set(item) <= {"type", "id", "meta"}:
            raise _invalid(f"{name} is not a valid linkage.")
        return str(item["type"]), str(item["id"] or "")

    return pair


def _record(draft: Draft, name: str, kind: str, identifier: str) -> Record | None:
    if kind not in relations.allowed_types(draft.resource.type, name):
        raise bad_request(
            "TYPE_MISMATCH",
            "Type Mismatch",
            f"{kind} is not a valid type for the relationship {name}.",
        )
    record = draft.store.get(kind, identifier)
    if record is None:
        draft.fail(name, "blank", "must exist")
    return record


def _invalid(detail: str) -> ApiError:
    return bad_request("INVALID_LINKS_OBJECT", "Invalid Links Object", detail)
