"""May this document be written? Everything the catalog can decide, for every resource alike."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute, Resource
from local.simulator import clock, relations
from local.simulator.errors import (
    ApiError,
    bad_request,
    param_missing,
    param_not_allowed,
    validation,
)
from local.simulator.predicates import boolean
from local.simulator.store import Record, Store
from local.simulator.webhooks import includes

# Attributes that name a related record by its natural key: attribute -> relationship, its key.
NATURAL_KEYS = {
    "sku_code": ("sku", "skus", "code"),
    "bundle_code": ("bundle", "bundles", "code"),
    "customer_email": ("customer", "customers", "email"),
}

_KEYS_OF = {link: (name,) for name, (link, _, _) in NATURAL_KEYS.items()}

# Required by the catalog, unless that other attribute is true.
_WAIVED = {("skus", "shipping_category"): "do_not_ship"}

# Not required by the catalog, because a natural key does as well.
_NEEDED = {("stock_items", "sku")}

# What may exist only once, by attributes and to-one relationships together.
_UNIQUE: dict[str, tuple[tuple[str, ...], ...]] = {
    "skus": (("code",),),
    "bundles": (("code",),),
    "customers": (("email",),),
    "gift_cards": (("code",),),
    "coupons": (("code",),),
    "tags": (("name",),),
    "prices": (("sku", "price_list"),),
    "stock_items": (("sku", "stock_location"),),
}


@dataclass(slots=True)
class Change:
    """A checked document. Attributes are in stored form; triggers keep their underscore."""

    attributes: dict[str, Any] = field(default_factory=dict)
    relationships: dict[str, Any] = field(default_factory=dict)
    triggers: dict[str, Any] = field(default_factory=dict)


def document(body: bytes, kind: str, identifier: str | None = None) -> Mapping[str, Any]:
    """The `data` of a request body. `identifier` is the id in the path of a PATCH."""
    try:
        parsed = json.loads(body, parse_constant=_refuse)
    except ValueError:
        raise bad_request("BAD_REQUEST", "Bad Request", "The body is not JSON.") from None
    data = parsed.get("data") if isinstance(parsed, dict) else None
    if data is None:
        raise param_missing("data")
    if not isinstance(data, dict):
        raise bad_request("INVALID_DATA_FORMAT", "Invalid data format", "data must be a hash.")
    if "type" not in data:
        raise param_missing("type")
    if data["type"] != kind:
        raise bad_request(
            "TYPE_MISMATCH",
            "Type Mismatch",
            f"{data['type']} is not a valid type for this operation.",
        )
    if identifier is not None and "id" not in data:
        raise param_missing("id")
    if identifier is not None and data["id"] != identifier:
        raise bad_request(
            "KEY_NOT_INCLUDED_IN_URL",
            "Key is not included in URL",
            f"The URL does not support the key {data['id']}",
        )
    for section in ("attributes", "relationships"):
        if not isinstance(data.get(section, {}), dict):
            raise bad_request(
                "INVALID_DATA_FORMAT", "Invalid data format", f"{section} must be a hash."
            )
    return data


def _refuse(constant: str) -> None:
    """Python reads NaN and Infinity, which are no JSON."""
    raise ValueError(constant)


def change(
    store: Store, kind: str, data: Mapping[str, Any], record: Record | None = None
) -> Change:
    """Of an existing record, or a new one. Raises ApiError 400 or 422, all 422 errors at once."""
    resource = catalog.resource(kind)
    checked, failures = Change(), []
    creating = record is None
    for name, value in data.get("attributes", {}).items():
        if name in resource.triggers:
            if creating and not resource.triggers[name].creatable:
                raise param_not_allowed(name)
            if value not in (None, False, 0, "", "0", "false"):
                checked.triggers[name] = value
            continue
        attribute = resource.attributes.get(name)
        if not attribute or not (attribute.creatable if creating else attribute.updatable):
            raise param_not_allowed(name)
        try:
            checked.attributes[name] = _cast(attribute, value)
        except _Refused as refusal:
            failures.append(validation(f"/data/attributes/{name}", *refusal.args, value=value))
    for name, value in data.get("relationships", {}).items():
        relationship = resource.relationships.get(name)
        if not relationship or not (relationship.creatable if creating else relationship.updatable):
            raise param_not_allowed(name)
        checked.relationships[name] = _linked(store, resource, name, value, failures)
    failures += _natural_keys(store, resource, checked)
    failures += includes.refused(kind, checked.attributes, record)
    refused = {each["source"]["pointer"] for each in failures}
    missing = _missing(resource, checked) if creating else _emptied(resource, checked)
    failures += [each for each in missing if each["source"]["pointer"] not in refused]
    failures += _taken(store, kind, checked, record)
    if failures:
        raise ApiError(*failures)
    return checked


class _Refused(Exception):
    """Its arguments are the key and the message of a validation."""


def _cast(attribute: Attribute, value: Any) -> Any:
    """As Rails does: text that reads as a number is one. Raises _Refused."""
    if value is None:
        return None
    if attribute.enum and value not in attribute.enum:
        raise _Refused("inclusion", "is not included in the list")
    try:
        return _CASTS[attribute.type](value)
    except (TypeError, ValueError):
        if attribute.type in ("integer", "float"):
            raise _Refused("not_a_number", "is not a number") from None
        raise _Refused("invalid", "is invalid") from None


def _string(value: Any) -> str:
    if isinstance(value, dict | list):
        raise TypeError
    return value if isinstance(value, str) else json.dumps(value)


def _number(kind: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def cast(value: Any) -> Any:
        if isinstance(value, bool) or (isinstance(value, float) and kind is int and value % 1):
            raise TypeError
        number = kind(value)
        if not isfinite(number):
            raise ValueError(value)
        return number

    return cast


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else boolean(str(value))


def _stamp(value: Any) -> int:
    if not isinstance(value, str):
        raise TypeError
    return clock.parse(value)


def _json(value: Any) -> Any:
    if not isinstance(value, dict | list):
        raise TypeError
    return value


def _array(value: Any) -> Any:
    # The inputs of a CSV import are one string.
    if not isinstance(value, list | str):
        raise TypeError
    return value


_CASTS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "integer": _number(int),
    "float": _number(float),
    "boolean": _boolean,
    "datetime": _stamp,
    "object": _json,
    "array": _array,
}


def _linked(
    store: Store, resource: Resource, name: str, value: Any, failures: list[dict[str, Any]]
) -> Any:
    """The record, the records, or None."""
    many = resource.relationships[name].many
    if not isinstance(value, dict) or "data" not in value:
        raise bad_request("INVALID_LINKS_OBJECT", "Invalid Links Object", f"{name} needs data.")
    data = value["data"]
    if data is None and not many:
        return None
    items = data if many else [data]
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise bad_request(
            "INVALID_LINKS_OBJECT", "Invalid Links Object", f"{name} is not a valid linkage."
        )
    found = []
    for item in items:
        kind, identifier = item.get("type"), item.get("id")
        if str(kind) not in relations.allowed_types(resource.type, name):
            raise bad_request(
                "TYPE_MISMATCH",
                "Type Mismatch",
                f"{kind} is not a valid type for the relationship {name}.",
            )
        other = store.get(str(kind), str(identifier or ""))
        if other is None:
            failures.append(validation(f"/data/relationships/{name}", "blank", "must exist"))
        found.append(other)
    return found if many else found[0]


def _natural_keys(store: Store, resource: Resource, checked: Change) -> Iterable[dict[str, Any]]:
    """`sku_code` finds the SKU, and a SKU given as a relationship fills `sku_code`.

    A customer that does not exist yet is made when the record is written.
    """
    for name, (relationship, kind, key) in NATURAL_KEYS.items():
        if name not in resource.attributes or relationship not in resource.relationships:
            continue
        other = checked.relationships.get(relationship)
        if other is not None:
            checked.attributes[name] = other.attributes.get(key)
            continue
        value = checked.attributes.get(name)
        if value is None:
            continue
        other = store.find(kind, key, value)
        if other is None and kind != "customers":
            yield validation(f"/data/attributes/{name}", "blank", "must exist")
        elif other is not None:
            checked.relationships[relationship] = other


def _missing(resource: Resource, checked: Change) -> Iterable[dict[str, Any]]:
    for name, attribute in resource.attributes.items():
        given = checked.attributes.get(name, attribute.default)
        if attribute.required and given in (None, ""):
            yield _blank("attributes", name)
    for name, relationship in resource.relationships.items():
        waivers = [_WAIVED.get((resource.type, name)), *_KEYS_OF.get(name, ())]
        if (
            (relationship.required or (resource.type, name) in _NEEDED)
            and checked.relationships.get(name) in (None, [])
            and not any(checked.attributes.get(waiver) for waiver in waivers if waiver)
        ):
            yield _blank("relationships", name)


def _emptied(resource: Resource, checked: Change) -> Iterable[dict[str, Any]]:
    """An update may leave out what is required, and may not take it away."""
    for name, value in checked.attributes.items():
        if resource.attributes[name].required and value in (None, ""):
            yield _blank("attributes", name)
    for name, value in checked.relationships.items():
        if resource.relationships[name].required and value in (None, []):
            yield _blank("relationships", name)


def _blank(section: str, name: str) -> dict[str, Any]:
    return validation(f"/data/{section}/{name}", "blank", "can't be blank")


def _taken(
    store: Store, kind: str, checked: Change, record: Record | None
) -> Iterable[dict[str, Any]]:
    for names in _UNIQUE.get(kind, ()):
        if not any(name in checked.attributes or name in checked.relationships for name in names):
            continue
        if len(names) == 1:
            value = checked.attributes[names[0]]
            other = store.find(kind, names[0], value) if value is not None else None
            pointer = f"/data/attributes/{names[0]}"
        else:
            ones = [
                checked.relationships.get(name) or (record and store.one(record, name))
                for name in names
            ]
            sets = [
                set(store.pointing(kind, name, one.number)) if one else set()
                for name, one in zip(names, ones, strict=True)
            ]
            both = set.intersection(*sets)
            other = store.records[min(both)] if both else None
            value, pointer = None, f"/data/relationships/{names[0]}"
        if other is not None and other is not record:
            yield validation(pointer, "taken", "has already been taken", value=value)
