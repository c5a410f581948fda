"""What Commerce Layer refuses, and as what the client raises it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connector.commerce_layer.client import Client
from connector.commerce_layer.query import Query
from connector.errors import CommerceLayerError, InvalidRequest, NotFound, RequestRefused
from tests.contract.goods import Goods
from tests.contract.report import Report
from tests.contract.shop import Record, Shop

NOBODY = "xxxxxxxxxx"


def refused(call: Callable[[], Any], status: int) -> dict[str, Any]:
    """The first error object of a refusal with that status."""
    with pytest.raises(RequestRefused) as caught:
        call()
    assert caught.value.status == status
    error = dict(caught.value.errors[0])
    assert {"title", "detail", "code", "status"} <= error.keys()
    assert str(error["status"]) == str(status)
    return error


@pytest.fixture(scope="module")
def customer(shop: Shop) -> Record:
    return shop.create("customers")


@pytest.mark.parametrize("act", ["retrieve", "update", "delete"])
def test_an_id_that_nobody_has_is_not_found(shop: Shop, act: str) -> None:
    with pytest.raises(NotFound) as caught:
        getattr(shop.client, act)("customers", NOBODY)
    assert [error["code"] for error in caught.value.errors] == ["RECORD_NOT_FOUND"]
    assert caught.value.errors[0]["status"] == "404"


def test_a_blank_id_is_refused_before_it_becomes_a_list(shop: Shop) -> None:
    sent = sum(shop.watch.answers.values())
    for act in (Client.retrieve, Client.delete):
        with pytest.raises(InvalidRequest):
            act(shop.client, "customers", "")
    assert sum(shop.watch.answers.values()) == sent


def test_a_customer_s_email_is_taken_once(shop: Shop, customer: Record) -> None:
    email = customer["attributes"]["email"]
    error = refused(lambda: shop.create("customers", email=email), 422)
    assert error["code"] == "VALIDATION_ERROR"
    assert error["source"]["pointer"] == "/data/attributes/email"
    assert error["meta"]["error"] == "taken"


def test_a_sku_s_code_is_taken_once(shop: Shop, goods: Goods) -> None:
    code = goods.sku["attributes"]["code"]
    error = refused(
        lambda: shop.create("skus", {"shipping_category": goods.spare_category}, code=code), 422
    )
    assert error["source"]["pointer"] == "/data/attributes/code"
    assert error["meta"]["error"] == "taken"


def test_a_missing_attribute_is_pointed_at(shop: Shop) -> None:
    error = refused(lambda: shop.client.create("customers", {"reference": shop.new()}), 422)
    assert error["source"]["pointer"] == "/data/attributes/email"
    assert error["meta"]["error"] == "blank"


def test_a_missing_relationship_is_pointed_at(shop: Shop) -> None:
    with pytest.raises(RequestRefused) as caught:
        shop.create("sku_list_items")
    assert caught.value.status == 422
    pointers = {error["source"]["pointer"] for error in caught.value.errors}
    assert "/data/relationships/sku_list" in pointers


def test_an_attribute_cannot_be_emptied_that_is_required(shop: Shop, goods: Goods) -> None:
    list_id = goods.sku_list["id"]
    error = refused(lambda: shop.client.update("sku_lists", list_id, {"name": ""}), 422)
    assert error["source"]["pointer"] == "/data/attributes/name"


def test_an_attribute_that_does_not_exist_is_refused(shop: Shop, customer: Record) -> None:
    with pytest.raises(RequestRefused) as caught:
        shop.client.update("customers", customer["id"], {"shoe_size": 42})
    assert caught.value.status in (400, 422)


@pytest.mark.parametrize(
    "query",
    [
        Query(filters={"nonsense_eq": "1"}),
        Query(filters={"email_resembles": "1"}),
        Query(include=("nonsense",)),
        Query(sort=("nonsense",)),
        Query(fields={"customers": ("nonsense",)}),
    ],
    ids=["filter", "predicate", "include", "sort", "field"],
)
def test_a_name_that_does_not_exist_is_refused_in_a_query(shop: Shop, query: Query) -> None:
    refused(lambda: shop.client.list("customers", query), 400)


def test_a_body_s_id_is_the_path_s(shop: Shop, customer: Record) -> None:
    body = {"data": {"type": "customers", "id": NOBODY, "attributes": {"reference": "other"}}}
    path = f"customers/{customer['id']}"
    error = refused(lambda: shop.client.send("PATCH", path, document=body), 400)
    assert error["code"] == "KEY_NOT_INCLUDED_IN_URL"


def test_a_media_type_other_than_json_api_is_refused(shop: Shop) -> None:
    plain = "application/json"
    body = json.dumps({"data": {"type": "tags", "attributes": shop.attributes("tags")}}).encode()
    assert shop.raw("GET", "tags?page[size]=1", Accept=plain).status == 406
    assert shop.raw("POST", "tags", body, **{"Content-Type": plain}).status == 415


@pytest.mark.parametrize(
    ("page", "question"),
    [("page[size]=26", "a page of 26"), ("page[number]=1000000", "a page beyond the last")],
)
def test_a_page_out_of_range_is_no_fault(
    shop: Shop, report: Report, page: str, question: str
) -> None:
    answer = shop.raw("GET", f"customers?filter[q][reference_start]={shop.run}&{page}")
    assert answer.status in (200, 400)
    found = answer.document()
    assert len(found.get("data", [])) <= 25
    report.observed[question] = "refused" if "errors" in found else "answered"


def test_a_refused_write_has_changed_nothing(shop: Shop, customer: Record) -> None:
    other = shop.create("customers")
    taken = {"email": customer["attributes"]["email"], "reference": "changed"}
    with pytest.raises(CommerceLayerError):
        shop.client.update("customers", other["id"], taken)
    found = shop.client.retrieve("customers", other["id"])["data"]["attributes"]
    assert (found["email"], found["reference"]) == (
        other["attributes"]["email"],
        other["attributes"]["reference"],
    )
