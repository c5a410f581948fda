"""Nothing that a client sends breaks the simulator, and everything the catalog offers is taken."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.commerce_layer import catalog
from tests.conformance.shop import Shop

ROOT = Path(__file__).parents[2]
LISTED = [kind for kind in catalog.types() if "list" in catalog.resource(kind).operations]
VALUES = {"boolean": "true", "integer": "1", "float": "1.5", "datetime": "2026-01-01"}


@pytest.mark.parametrize("kind", LISTED)
def test_every_filter_sort_include_and_field_of_the_catalog_is_known(
    shared: Shop, kind: str
) -> None:
    resource = catalog.resource(kind)
    attributes = resource.attributes.values()
    query: dict[str, Any] = {
        f"filter[q][{each.name}_not_eq]": VALUES.get(each.type, "x")
        for each in attributes
        if each.filterable and each.type not in ("object", "array")
    }
    query["sort"] = ",".join(each.name for each in attributes if each.sortable)
    query["include"] = ",".join(
        each.name
        for each in resource.relationships.values()
        if each.fetchable and each.name != "event_stores"
    )
    query[f"fields[{kind}]"] = ",".join(each.name for each in attributes if each.fetchable)
    answer = shared.get(kind, **query)
    assert answer.status_code == 200, answer.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["data", "type", "id", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
NAMES = [
    "filter[q][id_in]",
    "filter[q][id_lt]",
    "filter[q][placed_at_gt]",
    "filter[q][number_matches]",
    "filter[q][metadata_jcont]",
    "filter[q][total_amount_cents_in]",
    "filter[q][a_or_b_eq]",
    "filter[q]",
    "sort",
    "include",
    "fields[orders]",
    "page[number]",
    "page[size]",
    "page",
]
ORDER = catalog.resource("orders")


@settings(max_examples=150, deadline=None)
@given(
    attributes=st.dictionaries(
        st.sampled_from([*ORDER.attributes, *ORDER.triggers, "nonsense"]), JSON, max_size=3
    ),
    relationships=st.dictionaries(
        st.sampled_from([*ORDER.relationships, "nonsense"]), JSON, max_size=2
    ),
)
def test_no_document_breaks_it(
    shared: Shop, attributes: dict[str, Any], relationships: dict[str, Any]
) -> None:
    document = {"type": "orders", "attributes": attributes, "relationships": relationships}
    answer = shared.post("orders", document)
    assert answer.status_code in (201, 400, 422), answer.text
    json.loads(answer.content, parse_constant=pytest.fail)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(NAMES),
    value=st.text(max_size=12) | st.integers().map(str) | JSON.map(json.dumps),
)
def test_no_query_breaks_it(shared: Shop, name: str, value: str) -> None:
    answer = shared.get("orders", **{name: value.encode(errors="replace")})
    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_takes_for_json_is_refused(shared: Shop, constant: str) -> None:
    body = f'{{"data": {{"type": "tags", "attributes": {{"metadata": {{"x": {constant}}}}}}}}}'
    assert shared.http.post("tags", content=body.encode()).status_code == 400
