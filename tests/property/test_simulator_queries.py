"""The simulator takes every name that the catalog has for a query, and refuses every other."""

import string
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector.commerce_layer import catalog
from local.simulator import query, relations
from local.simulator.errors import ApiError

KINDS = st.sampled_from([kind for kind in catalog.types() if catalog.resource(kind).operations])
WORDS = st.text(string.ascii_lowercase + "_", min_size=1, max_size=12)
PREDICATES = st.sampled_from(["eq", "not_eq", "in", "null", "present", "lteq", "not_in_or_null"])

# A value that the predicates above take for an attribute of that type.
VALUES = {"integer": "1", "float": "1.5", "boolean": "true", "datetime": "2026-01-01"}


def code(kind: str, text: str) -> str | None:
    """Of the refusal, if it is one."""
    try:
        query.parse(kind, text)
    except ApiError as refusal:
        found = {(each["status"], each["code"]) for each in refusal.errors}
    else:
        return None
    ((status, name),) = found
    assert status == "400"
    return str(name)


def value_for(predicate: str, kind: str) -> str:
    return "true" if predicate in ("null", "present") else VALUES.get(kind, "text")


@given(KINDS, PREDICATES)
def test_every_filterable_attribute_is_one(kind: str, predicate: str) -> None:
    """`sku_code` of a price is none of its own, but the code of its SKU is."""
    relationships = catalog.resource(kind).relationships
    for each in catalog.resource(kind).attributes.values():
        text = f"filter[q][{each.name}_{predicate}]={value_for(predicate, each.type)}"
        if each.filterable:
            assert code(kind, text) is None, text
        elif not any(each.name.startswith(f"{link}_") for link in relationships):
            assert code(kind, text) == "FILTER_NOT_ALLOWED", text


@given(KINDS)
def test_every_sortable_attribute_is_one(kind: str) -> None:
    for each in catalog.resource(kind).attributes.values():
        known = each.sortable or each.name in ("id", "created_at", "updated_at")
        for text in (each.name, f"-{each.name}", f"id,{each.name}"):
            assert code(kind, f"sort={text}") == (None if known else "INVALID_SORT_CRITERIA")


@given(KINDS)
def test_every_readable_field_is_one(kind: str) -> None:
    resource = catalog.resource(kind)
    for each in resource.attributes.values():
        expected = None if each.fetchable else "INVALID_FIELD"
        assert code(kind, f"fields[{kind}]={each.name}") == expected
    for name in resource.relationships:
        assert code(kind, f"fields[{kind}]={name}") is None
    for name in resource.triggers:
        assert code(kind, f"fields[{kind}]={name}") == "INVALID_FIELD"


@given(KINDS, st.data())
def test_includes_follow_the_relationships_to_three_levels(kind: str, data: Any) -> None:
    path: list[str] = []
    kinds = {kind}
    for _ in range(4):
        names = sorted({name for each in kinds for name in includable(each)})
        if not names:
            return
        path.append(data.draw(st.sampled_from(names)))
        expected = None if len(path) <= 3 else "INVALID_INCLUDE"
        assert code(kind, f"include={'.'.join(path)}") == expected
        kinds = {
            other
            for each in kinds
            if path[-1] in includable(each)
            for other in relations.allowed_types(each, path[-1])
        }


def includable(kind: str) -> set[str]:
    relationships = catalog.resource(kind).relationships.values()
    return {each.name for each in relationships if each.fetchable} - {"event_stores"}


@given(KINDS, WORDS)
def test_unknown_names_are_refused_each_with_its_code(kind: str, word: str) -> None:
    resource = catalog.resource(kind)
    assume(word not in {*resource.attributes, *resource.relationships, "id", "type"})
    assume(not catalog.known(word))
    assert code(kind, f"sort={word}") == "INVALID_SORT_CRITERIA"
    assert code(kind, f"include={word}") == "INVALID_INCLUDE"
    assert code(kind, f"include={word}.{word}") == "INVALID_INCLUDE"
    assert code(kind, f"fields[{kind}]={word}") == "INVALID_FIELD"
    assert code(kind, f"fields[{word}]=id") == "INVALID_RESOURCE"
    assert code(kind, f"filter[q][x{word}q_eq]=1") == "FILTER_NOT_ALLOWED"
    assert code(kind, f"filter[q][id_x{word}]=1") == "FILTER_NOT_ALLOWED"
    assert code(kind, f"page[x{word}]=1") == "PARAM_NOT_ALLOWED"
    assert code(kind, f"x{word}=1") == "PARAM_NOT_ALLOWED"


@given(KINDS, st.integers())
def test_pages_are_numbered_from_one_and_hold_25_at_most(kind: str, number: int) -> None:
    allowed = None if 1 <= number <= 25 else "INVALID_PAGE_VALUE"
    assert code(kind, f"page[size]={number}") == allowed
    assert (code(kind, f"page[number]={number}") is None) == (1 <= number < 10**9)


@pytest.mark.parametrize("text", ["filter=1", "filter[]=1", "filter[q=1", "filter[q][id_eq=1"])
def test_a_filter_stands_in_brackets(text: str) -> None:
    assert code("skus", text) == "INVALID_FILTERS_SYNTAX"
