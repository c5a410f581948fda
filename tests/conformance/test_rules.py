"""Every row of rules.toml, broken by a document that is valid but for that, is told as such."""

from typing import Any

import pytest

from connector.commerce_layer import catalog
from local.simulator.validation import links, rules
from local.simulator.validation.rules import Rule
from tests.conformance import samples
from tests.conformance.shop import Shop

RULES = [
    (kind, rule)
    for kind in catalog.types()
    if "create" in catalog.resource(kind).operations
    for rule in rules.of(kind)
]

# What no length, list or format of the rules takes.
NONSENSE = "§ nonsense ("
LONG_AGO = "2001-01-01T00:00:00.000Z"


def only(*keys: str) -> pytest.MarkDecorator:
    """A parametrization over the rules of those kinds which a creation can break."""
    chosen = [
        pytest.param(kind, rule, id=f"{kind}-{rule.name}-{rule.key}")
        for kind, rule in RULES
        if rule.key in keys and writable(kind, rule.name)
    ]
    return pytest.mark.parametrize(("kind", "rule"), chosen)


def writable(kind: str, name: str) -> bool:
    resource = catalog.resource(kind)
    return (resource.attributes.get(name) or resource.relationships[name]).creatable


def refused(shop: Shop, kind: str, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The meta of each error, by the name that it points to."""
    answer = shop.post(kind, document)
    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    assert {each["code"] for each in errors} == {"VALIDATION_ERROR"}
    sections = ("/data/attributes", "/data/relationships")
    assert {each["source"]["pointer"].rpartition("/")[0] for each in errors} <= set(sections)
    return {each["source"]["pointer"].rpartition("/")[2]: each["meta"] for each in errors}


@only("required")
def test_what_is_required(shared: Shop, kind: str, rule: Rule) -> None:
    document = shared.document(kind)
    for section in ("attributes", "relationships"):
        document[section].pop(rule.name, None)
    if rule.name == "customer_email":
        document["relationships"].pop("customer", None)
    assert refused(shared, kind, document)[rule.name] == {"error": "blank"}


@only("required_if", "required_unless")
def test_what_is_required_under_a_condition(shared: Shop, kind: str, rule: Rule) -> None:
    document = shared.document(kind)
    attributes = catalog.resource(kind).attributes
    holds = rule.key == "required_if"
    for name, operator, value in rules.conditions(rule.operand):
        if name in attributes and operator != "in":
            flag = attributes[name].type == "boolean"
            document["attributes"][name] = value or (holds if flag else 1 if holds else None)
    document["relationships"].pop(rule.name, None)
    if rule.name in attributes:
        document["attributes"][rule.name] = None
    assert refused(shared, kind, document)[rule.name]["error"] == "blank"


@only("greater_than", "greater_than_or_equal_to", "less_than", "less_than_or_equal_to")
def test_bounds(shared: Shop, kind: str, rule: Rule) -> None:
    document = shared.document(kind, full=True)
    values = document["attributes"]
    count = LONG_AGO if rule.operand == "now" else samples.bound(rule.operand)
    count = values[count] if isinstance(count, str) and count in values else count
    beyond = -1 if rule.key.startswith("greater") else 1
    values[rule.name] = samples.stepped(count, 0 if not rule.key.endswith("_to") else beyond)
    meta = refused(shared, kind, document)[rule.name]
    assert meta == {"error": rule.key, "value": values[rule.name], "count": count}


@only("too_short", "too_long")
def test_lengths(shared: Shop, kind: str, rule: Rule) -> None:
    count = samples.bound(rule.operand)
    length = count - 1 if rule.key == "too_short" else count + 1
    if rule.name == "tags":
        tags = [shared.create("tags") for _ in range(length)]
        document = shared.document(kind)
        data = [{"type": "tags", "id": each["id"]} for each in tags]
        document["relationships"]["tags"] = {"data": data}
        told: Any = length
    else:
        document = shared.document(kind, **{rule.name: "x" * length})
        told = "x" * length
    meta = refused(shared, kind, document)[rule.name]
    assert meta == {"error": rule.key, "value": told, "count": count}


@only("inclusion", "format")
def test_lists_and_formats(shared: Shop, kind: str, rule: Rule) -> None:
    array = catalog.resource(kind).attributes[rule.name].type == "array"
    document = shared.document(kind)
    document["attributes"][rule.name] = value = [NONSENSE] if array else NONSENSE
    if rule.name == "customer_email":
        document["relationships"].pop("customer", None)
    error = "inclusion" if rule.key == "inclusion" else "invalid"
    assert refused(shared, kind, document)[rule.name] == {"error": error, "value": value}


@only("unique")
def test_what_exists_once(shared: Shop, kind: str, rule: Rule) -> None:
    document = shared.document(kind, full=True)
    assert shared.post(kind, document).status_code == 201
    other = shared.document(kind, full=True)
    names = rule.names | {links.KEY_OF.get(name, name) for name in rule.names}
    for section in ("attributes", "relationships"):
        for name in names & set(document[section]):
            other[section][name] = document[section][name]
    meta = refused(shared, kind, other)
    assert set(meta) == {rule.name}
    value = document["attributes"].get(rule.name)
    assert meta[rule.name] == {"error": "taken", "value": value}
