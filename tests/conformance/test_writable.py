"""Of every resource: what no client may write is refused by name, what may be by its type."""

import json
from typing import Any

import pytest

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute
from tests.conformance.shop import Shop

RESOURCES = [catalog.resource(kind) for kind in catalog.types()]
CREATABLE = [each.type for each in RESOURCES if "create" in each.operations]
UPDATABLE = [each.type for each in RESOURCES if "update" in each.operations and not each.variants]

# A value that no attribute of the type takes, and what is said of it.
WRONG = {
    "string": ({"a": 1}, "invalid"),
    "integer": ("1x", "not_a_number"),
    "float": (True, "not_a_number"),
    "boolean": ("perhaps", "invalid"),
    "datetime": ("tomorrow", "invalid"),
    "object": ("text", "invalid"),
    "array": ({"a": 1}, "invalid"),
}


def forbidden(kind: str, flag: str) -> list[str]:
    """Attributes and triggers, then relationships, that this operation may not write."""
    resource = catalog.resource(kind)
    attributes = {**resource.attributes, **resource.triggers}
    return [
        name
        for members in (attributes, resource.relationships)
        for name, member in members.items()
        if not getattr(member, flag)
    ]


def with_members(kind: str, names: list[str]) -> dict[str, Any]:
    links = catalog.resource(kind).relationships
    return {
        "type": kind,
        "attributes": {name: 1 for name in names if name not in links},
        "relationships": {name: {"data": None} for name in names if name in links},
    }


def not_allowed(status: int, body: dict[str, Any]) -> list[str]:
    assert status == 400, body
    assert {each["code"] for each in body["errors"]} == {"PARAM_NOT_ALLOWED"}
    return [each["detail"].split()[0] for each in body["errors"]]


@pytest.mark.parametrize("kind", CREATABLE)
def test_what_a_creation_may_not_give(shared: Shop, kind: str) -> None:
    names = forbidden(kind, "creatable")
    answer = shared.post(kind, with_members(kind, names))
    assert not_allowed(answer.status_code, answer.json()) == names


@pytest.mark.parametrize("kind", UPDATABLE)
def test_what_an_update_may_not_change(shared: Shop, kind: str) -> None:
    record = shared.simulator.store.put(kind)
    names = forbidden(kind, "updatable")
    document = with_members(kind, names) | {"id": record.id}
    body = json.dumps({"data": document})
    answer = shared.http.patch(f"{kind}/{record.id}", content=body)
    assert not_allowed(answer.status_code, answer.json()) == names


@pytest.mark.parametrize("kind", CREATABLE)
def test_values_of_the_wrong_type(shared: Shop, kind: str) -> None:
    """All are told at once, whatever else the document lacks."""
    wrong = {
        name: WRONG[attribute.type][0]
        for name, attribute in catalog.resource(kind).attributes.items()
        if attribute.creatable
    }
    answer = shared.post(kind, {"type": kind, "attributes": wrong})
    assert answer.status_code == 422
    found = {each["source"]["pointer"]: each["meta"] for each in answer.json()["errors"]}
    for name, value in wrong.items():
        meta = {"error": expected(catalog.resource(kind).attributes[name]), "value": value}
        assert found[f"/data/attributes/{name}"] == meta


def expected(attribute: Attribute) -> str:
    return "inclusion" if attribute.enum else WRONG[attribute.type][1]
