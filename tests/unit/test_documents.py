"""JSON:API documents to flat JSON and back: the rules, one by one."""

from typing import Any

import pytest

from connector.commerce_layer.documents import document_of, flatten
from connector.errors import InvalidRequest


def record(kind: str, identity: str, **rest: Any) -> dict[str, Any]:
    return {"type": kind, "id": identity, **rest}


def linked(**linkage: Any) -> dict[str, Any]:
    return {name: {"data": data} for name, data in linkage.items()}


def test_a_record_becomes_its_names() -> None:
    sku = record(
        "skus",
        "a",
        attributes={"code": "TEE", "reference": None},
        links={"self": "https://demo.commercelayer.io/api/skus/a"},
        meta={"mode": "test"},
    )
    assert flatten({"data": sku}) == {"id": "a", "type": "skus", "code": "TEE", "reference": None}


def test_a_relationship_not_loaded_is_absent_and_an_empty_one_is_not() -> None:
    relationships = {
        "market": {"links": {"related": "…"}},
        **linked(customer=None, tags=[]),
    }
    order = record("orders", "o", attributes={}, relationships=relationships)
    assert flatten({"data": order}) == {"id": "o", "type": "orders", "customer": None, "tags": []}


def test_links_inside_a_record_are_the_relationship_of_that_name() -> None:
    sku = record("skus", "a", attributes={}, links={"self": "…"}, relationships=linked(links=[]))
    assert flatten({"data": sku}) == {"id": "a", "type": "skus", "links": []}


def test_the_type_of_the_record_wins_over_an_attribute_of_that_name() -> None:
    promotion = record("flex_promotions", "p", attributes={"type": "something", "id": "else"})
    assert flatten({"data": promotion}) == {"id": "p", "type": "flex_promotions"}


def test_a_name_that_the_catalog_does_not_know_passes_as_an_attribute() -> None:
    sku = record("skus", "a", attributes={"born_tomorrow": {"x": 1}})
    assert flatten({"data": sku})["born_tomorrow"] == {"x": 1}


def test_a_list_keeps_meta_and_links() -> None:
    document = {
        "data": [record("skus", "a", attributes={})],
        "meta": {"record_count": 1, "page_count": 1},
        "links": {"first": "f"},
    }
    assert flatten(document) == {
        "data": [{"id": "a", "type": "skus"}],
        "meta": {"record_count": 1, "page_count": 1},
        "links": {"first": "f"},
    }


def test_a_relationship_without_a_record_is_null() -> None:
    assert flatten({"data": None}) == {"data": None}


ORDER = record(
    "orders",
    "o",
    attributes={},
    relationships=linked(
        line_items=[{"type": "line_items", "id": "l"}], market={"type": "markets", "id": "m"}
    ),
)
INCLUDED = [
    record(
        "line_items",
        "l",
        attributes={"quantity": 2},
        relationships=linked(item={"type": "skus", "id": "s"}, order={"type": "orders", "id": "o"}),
    ),
    record("skus", "s", attributes={"code": "TEE"}),
    record("markets", "m", attributes={"name": "Europe"}),
]


def test_included_records_are_expanded_along_the_paths_that_were_asked_for() -> None:
    flat = flatten({"data": ORDER, "included": INCLUDED}, ["line_items.item"])
    assert flat["line_items"] == [
        {
            "id": "l",
            "type": "line_items",
            "quantity": 2,
            "item": {"id": "s", "type": "skus", "code": "TEE"},
            "order": {"id": "o", "type": "orders"},
        }
    ]
    assert flat["market"] == {"id": "m", "type": "markets"}


def test_records_that_refer_to_each_other_are_followed_as_far_as_asked() -> None:
    flat = flatten({"data": ORDER, "included": INCLUDED}, ["line_items.order.line_items"])
    order_again = flat["line_items"][0]["order"]
    assert order_again["id"] == "o"
    assert order_again["line_items"][0]["quantity"] == 2
    assert order_again["line_items"][0]["order"] == {"id": "o", "type": "orders"}


def test_a_reference_to_a_primary_record_is_expanded_too() -> None:
    """JSON:API does not repeat a primary record in `included`."""
    child = record(
        "skus", "b", attributes={}, relationships=linked(parent={"type": "skus", "id": "a"})
    )
    document = {"data": [record("skus", "a", attributes={"code": "A"}), child]}
    assert flatten(document, ["parent"])["data"][1]["parent"]["code"] == "A"


def test_a_reference_asked_for_but_not_included_stays_a_reference() -> None:
    flat = flatten({"data": ORDER}, ["market"])
    assert flat["market"] == {"id": "m", "type": "markets"}


def test_names_are_sorted_into_attributes_and_relationships() -> None:
    flat = {"code": "TEE", "name": "Tee", "shipping_category": "c", "tags": [{"id": "t"}]}
    assert document_of("skus", flat) == {
        "data": {
            "type": "skus",
            "attributes": {"code": "TEE", "name": "Tee"},
            "relationships": {
                "shipping_category": {"data": {"type": "shipping_categories", "id": "c"}},
                "tags": {"data": [{"type": "tags", "id": "t"}]},
            },
        }
    }


def test_an_update_carries_the_id_and_may_repeat_type_and_id() -> None:
    flat = {"type": "skus", "id": "a", "name": "Tee"}
    assert document_of("skus", flat, id="a") == {
        "data": {"type": "skus", "id": "a", "attributes": {"name": "Tee"}}
    }


@pytest.mark.parametrize(
    ("name", "empty"), [("customer", None), ("market", None), ("tags", [])], ids=str
)
def test_null_and_an_empty_list_clear_a_relationship(name: str, empty: Any) -> None:
    assert document_of("orders", {name: empty}, id="o")["data"]["relationships"] == {
        name: {"data": empty}
    }


def test_a_trigger_may_be_written_like_an_attribute() -> None:
    data = document_of("orders", {"_approve": True}, id="o")["data"]
    assert data["attributes"] == {"_approve": True}


def test_a_variant_may_stand_where_its_base_type_may() -> None:
    flat = {"payment_gateway": {"type": "stripe_gateways", "id": "g"}}
    data = document_of("payment_methods", flat, id="p")["data"]
    assert data["relationships"]["payment_gateway"]["data"]["type"] == "stripe_gateways"


def test_a_resource_that_the_catalog_does_not_know_is_left_to_the_api() -> None:
    assert document_of("futures", {"a": {"id": "x"}}) == {
        "data": {"type": "futures", "attributes": {"a": {"id": "x"}}}
    }


@pytest.mark.parametrize(
    ("resource", "flat", "identity", "message", "pointer"),
    [
        ("skus", [], None, "The body must be a JSON object.", ""),
        ("skus", {"type": "sku"}, None, "`type` must be `skus`, as in the path.", "/type"),
        ("skus", {"id": "b"}, "a", "`id` must be `a`, as in the path.", "/id"),
        ("skus", {"id": "b"}, None, "`id` is given by Commerce Layer: leave it out", "/id"),
        (
            "skus",
            {"nmae": "Tee"},
            None,
            "`nmae` is not a name of skus. Did you mean `name`?",
            "/nmae",
        ),
        ("skus", {"created_at": "now"}, None, "`created_at` is read-only on skus.", "/created_at"),
        ("skus", {"prices": []}, "a", "`prices` is read-only on skus.", "/prices"),
        (
            "prices",
            {"amount_float": 1.5},
            None,
            "`amount_float` is read-only on prices. Did you mean `amount_cents`",
            "/amount_float",
        ),
        (
            "orders",
            {"_approve": True},
            None,
            "`_approve` can be updated only, on orders.",
            "/_approve",
        ),
        (
            "line_items",
            {"item": {"type": "skus", "id": "s"}},
            "l",
            "`item` can be set on creation only, on line_items.",
            "/item",
        ),
        ("skus", {"tags": "t"}, "a", "`tags` takes a list; [] clears it.", "/tags"),
        ("skus", {"tags": ["t", 5]}, "a", "`tags` takes {", "/tags/1"),
        ("skus", {"shipping_category": {}}, "a", "`shipping_category` takes {", "/shipping_cat"),
        (
            "skus",
            {"shipping_category": {"id": "c", "name": "x"}},
            "a",
            "`shipping_category` takes `type` and `id` alone, not name",
            "/shipping_category",
        ),
        (
            "links",
            {"item": "x"},
            None,
            "`item` needs a `type`, one of: orders, sku_lists, skus.",
            "/item",
        ),
        (
            "skus",
            {"shipping_category": {"type": "skus", "id": "c"}},
            "a",
            "`shipping_category` needs a `type`, one of: shipping_categories.",
            "/shipping_category",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_with_a_pointer(
    resource: str, flat: Any, identity: str | None, message: str, pointer: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        document_of(resource, flat, id=identity)
    assert str(refused.value).startswith(message)
    assert refused.value.status == 422
    assert refused.value.pointer is not None
    assert refused.value.pointer.startswith(pointer)


def test_a_refusal_does_not_repeat_the_values_it_refuses() -> None:
    for flat in ({"type": "a@b.example"}, {"id": "a@b.example"}, {"tags": ["a@b.example", 1]}):
        with pytest.raises(InvalidRequest) as refused:
            document_of("skus", flat, id="a")
        assert "a@b.example" not in str(refused.value)
