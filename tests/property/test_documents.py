"""Whatever the catalog allows to be written survives the way through the flat form."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute, Relationship
from connector.commerce_layer.documents import document_of, flatten
from connector.errors import InvalidRequest

IDS = st.text("abcdefghijkXYZ0123456789", min_size=1, max_size=10)
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def linkage(relationship: Relationship) -> st.SearchStrategy[Any]:
    reference = st.fixed_dictionaries({"type": st.sampled_from(relationship.types), "id": IDS})
    data = st.lists(reference, max_size=3) if relationship.many else st.none() | reference
    return st.fixed_dictionaries({"data": data})


@st.composite
def writable(draw: st.DrawFn) -> tuple[str, str | None, dict[str, Any]]:
    """(type, id or None, document) with a choice of the names that may be written."""
    resource = catalog.resource(draw(st.sampled_from(catalog.types())))
    identity = draw(st.none() | IDS)

    def may_be_written(field: Attribute | Relationship) -> bool:
        return field.creatable if identity is None else field.updatable

    def some(fields: Mapping[str, Any]) -> list[str]:
        names = sorted(name for name, field in fields.items() if may_be_written(field))
        return draw(st.lists(st.sampled_from(names), unique=True, max_size=4)) if names else []

    relationships = resource.relationships
    data = {
        "type": resource.type,
        "attributes": {name: draw(JSON) for name in some(resource.attributes)},
        "relationships": {name: draw(linkage(relationships[name])) for name in some(relationships)},
    }
    return resource.type, identity, {"data": data if identity is None else data | {"id": identity}}


@given(writable())
def test_flat_and_back_gives_the_same_document(
    case: tuple[str, str | None, dict[str, Any]],
) -> None:
    kind, identity, document = case
    read = {"data": {"id": "anything", **document["data"]}}
    flat = flatten(read)
    if identity is None:
        del flat["id"]
    written = document_of(kind, flat, id=identity)["data"]
    assert {"relationships": {}, **written} == document["data"]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """Records `a` to `e` that refer to each other at will, themselves included."""
    names = "abcde"
    refer = st.lists(st.sampled_from(names), max_size=3)
    records = [
        {
            "type": "nodes",
            "id": name,
            "relationships": {
                "next": {"data": [{"type": "nodes", "id": other} for other in draw(refer)]}
            },
        }
        for name in names
    ]
    return {"data": records[:1], "included": records[1:]}


@given(graphs(), st.integers(0, 4))
def test_expansion_ends_at_the_depth_of_the_include_path(graph: dict[str, Any], depth: int) -> None:
    def deepest(node: dict[str, Any]) -> int:
        # A reference has id and type only; an expanded record has `next` as well.
        return 1 + max(map(deepest, node["next"]), default=0) if "next" in node else 0

    flat = flatten(graph, [".".join(["next"] * depth)] if depth else [])
    assert deepest(flat["data"][0]) <= depth + 1


@given(st.sampled_from(catalog.types()), st.text(min_size=1).map(lambda name: f"x {name}"))
def test_no_unknown_name_is_ever_written(kind: str, name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        document_of(kind, {name: 1})
    assert refused.value.pointer == "/" + name.replace("~", "~0").replace("/", "~1")
