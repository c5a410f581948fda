"""What the API refuses, with the documented status, code, pointer and meta."""

import json
from typing import Any

import httpx
import pytest

from tests.conformance.shop import MEDIA_TYPE, Shop


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The only error, after a look at the shape that all have in common."""
    assert answer.headers["content-type"] == MEDIA_TYPE
    (error,) = answer.json()["errors"]
    assert {"title", "detail", "code", "status"} <= set(error)
    assert error["status"] == str(answer.status_code)
    return dict(error)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("filter[q][nonsense_eq]=1", "FILTER_NOT_ALLOWED"),
        ("filter[q][code_resembles]=1", "FILTER_NOT_ALLOWED"),
        ("filter[q][prices_nonsense_eq]=1", "FILTER_NOT_ALLOWED"),
        ("filter[code]=1", "FILTER_NOT_ALLOWED"),
        ("filter[q][created_at_gt]=yesterday", "INVALID_FILTER_VALUE"),
        ("filter[q][prices_amount_cents_gt]=much", "INVALID_FILTER_VALUE"),
        ("filter[q][reference_null]=perhaps", "INVALID_FILTER_VALUE"),
        ("filter[q][metadata_jcont]=[1]", "INVALID_FILTER_VALUE"),
        ("sort=image_url", "INVALID_SORT_CRITERIA"),
        ("sort=nonsense", "INVALID_SORT_CRITERIA"),
        ("include=nonsense", "INVALID_INCLUDE"),
        ("include=prices.nonsense", "INVALID_INCLUDE"),
        ("include=event_stores", "INVALID_INCLUDE"),
        ("include=prices.sku.prices.sku", "INVALID_INCLUDE"),
        ("fields[skus]=nonsense", "INVALID_FIELD"),
        ("fields[nonsense]=code", "INVALID_RESOURCE"),
        ("page[size]=26", "INVALID_PAGE_VALUE"),
        ("page[size]=0", "INVALID_PAGE_VALUE"),
        ("page[number]=-1", "INVALID_PAGE_VALUE"),
        ("page[number]=one", "INVALID_PAGE_VALUE"),
        ("page[offset]=1", "PARAM_NOT_ALLOWED"),
        ("limit=1", "PARAM_NOT_ALLOWED"),
    ],
)
def test_queries_that_a_resource_does_not_know(shared: Shop, query: str, code: str) -> None:
    error = error_of(shared.http.get(f"skus?{query}"))
    assert (error["status"], error["code"]) == ("400", code)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "nonsense", 404, "NOT_FOUND"),
        ("GET", "skus/abcdefghij", 404, "RECORD_NOT_FOUND"),
        ("GET", "skus/1", 404, "RECORD_NOT_FOUND"),
        ("DELETE", "skus/abcdefghij", 404, "RECORD_NOT_FOUND"),
        ("GET", "skus/abcdefghij/prices", 404, "RECORD_NOT_FOUND"),
        ("GET", "skus/abcdefghij/prices/more", 404, "NOT_FOUND"),
        ("PUT", "skus/abcdefghij", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "skus", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "events/abcdefghij", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "organization", 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_paths_and_methods(shared: Shop, method: str, path: str, status: int, code: str) -> None:
    error = error_of(shared.http.request(method, path))
    assert (error["status"], error["code"]) == (str(status), code)


def test_the_id_of_another_type_is_not_found(shared: Shop) -> None:
    sku = shared.ids("skus")[0]
    assert error_of(shared.get(f"orders/{sku}"))["code"] == "RECORD_NOT_FOUND"


def test_an_unknown_relationship_is_not_found(shared: Shop) -> None:
    sku = shared.ids("skus")[0]
    assert shared.get(f"skus/{sku}/nonsense").status_code == 404


def test_a_blank_id_reads_as_a_list(shared: Shop) -> None:
    assert isinstance(shared.http.get("skus/").json()["data"], list)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (MEDIA_TYPE, 200),
        ("*/*", 200),
        ("text/html, */*;q=0.8", 200),
        ("application/json", 406),
        (f"{MEDIA_TYPE}; charset=utf-8", 406),
    ],
)
def test_accept(shared: Shop, accept: str, status: int) -> None:
    answer = shared.http.get("skus", headers={"Accept": accept})
    assert answer.status_code == status
    assert status == 200 or error_of(answer)["code"] == "NOT_ACCEPTABLE"


@pytest.mark.parametrize("content_type", ["application/json", f"{MEDIA_TYPE};charset=utf-8"])
def test_content_type(shared: Shop, content_type: str) -> None:
    answer = shared.http.post("skus", content=b"{}", headers={"Content-Type": content_type})
    assert (answer.status_code, error_of(answer)["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "BAD_REQUEST"),
        ("{", "BAD_REQUEST"),
        ("[]", "PARAM_MISSING"),
        ("{}", "PARAM_MISSING"),
        ('{"data": []}', "INVALID_DATA_FORMAT"),
        ('{"data": {}}', "PARAM_MISSING"),
        ('{"data": {"type": "prices"}}', "TYPE_MISMATCH"),
        ('{"data": {"type": "skus", "attributes": []}}', "INVALID_DATA_FORMAT"),
        ('{"data": {"type": "skus", "attributes": [1]}}', "INVALID_DATA_FORMAT"),
        ('{"data": {"type": "skus", "attributes": {"nonsense": 1}}}', "PARAM_NOT_ALLOWED"),
        ('{"data": {"type": "skus", "attributes": {"created_at": ""}}}', "PARAM_NOT_ALLOWED"),
        ('{"data": {"type": "skus", "relationships": {"nonsense": {}}}}', "PARAM_NOT_ALLOWED"),
        (
            '{"data": {"type": "skus", "relationships": {"prices": {"data": []}}}}',
            "PARAM_NOT_ALLOWED",
        ),
        (
            '{"data": {"type": "skus", "relationships": {"shipping_category": "abc"}}}',
            "INVALID_LINKS_OBJECT",
        ),
        (
            '{"data": {"type": "skus", "relationships": {"shipping_category": {"data": {}}}}}',
            "INVALID_LINKS_OBJECT",
        ),
        (
            '{"data": {"type": "skus", "relationships": {"shipping_category": {"data": []}}}}',
            "INVALID_LINKS_OBJECT",
        ),
        (
            '{"data": {"type": "skus", "relationships": {"tags": {"data": null}}}}',
            "INVALID_LINKS_OBJECT",
        ),
        (
            '{"data": {"type": "skus", "relationships": {"tags": {"data": [{"type": "tags"}]}}}}',
            "INVALID_LINKS_OBJECT",
        ),
        (
            '{"data": {"type": "skus", "relationships": {"tags": {"data": [{"type":"","id":1}]}}}}',
            "TYPE_MISMATCH",
        ),
        ('{"data": {"type": "skus", "id": "abcdefghij"}}', "PARAM_NOT_ALLOWED"),
        ('{"data": {"type": "skus", "links": {}}}', "PARAM_NOT_ALLOWED"),
    ],
)
def test_documents_that_make_no_sense(shared: Shop, body: str, code: str) -> None:
    error = error_of(shared.http.post("skus", content=body.encode()))
    assert (error["status"], error["code"]) == ("400", code)


def test_all_names_that_are_not_allowed_are_told_at_once(shared: Shop) -> None:
    document = {"attributes": {"x": 1, "id": "abc", "name": "A"}, "relationships": {"y": {}}}
    errors = shared.post("skus", {"type": "skus", **document}).json()["errors"]
    assert [each["detail"].split()[0] for each in errors] == ["x", "id", "y"]
    assert {each["code"] for each in errors} == {"PARAM_NOT_ALLOWED"}


def test_a_trigger_is_sent_when_the_catalog_allows_it(shared: Shop) -> None:
    """`_approve` belongs in an update, `_update_quantity` in a creation."""
    order, item = shared.create("orders"), shared.create("line_items")
    assert error_of(shared.post("orders", {"type": "orders", "attributes": {"_approve": True}}))
    error = error_of(shared.patch("line_items", item["id"], _update_quantity=True))
    assert (error["status"], error["code"]) == ("400", "PARAM_NOT_ALLOWED")
    error = error_of(shared.patch("orders", order["id"], _authorization_amount_cents="much"))
    assert error["source"] == {"pointer": "/data/attributes/_authorization_amount_cents"}
    assert error["meta"] == {"error": "not_a_number", "value": "much"}


@pytest.mark.parametrize("linkage", [{"type": "payment_sources"}, {"type": "orders"}])
def test_a_polymorphic_relationship_needs_a_concrete_type(
    shared: Shop, linkage: dict[str, str]
) -> None:
    document = shared.document("orders")
    document["relationships"]["payment_source"] = {"data": linkage | {"id": "abcdefghij"}}
    assert error_of(shared.post("orders", document))["code"] == "TYPE_MISMATCH"


def test_the_id_in_the_body_must_be_the_one_in_the_path(shared: Shop) -> None:
    one, other = shared.ids("skus")[:2]
    body = {"data": {"type": "skus", "id": other}}
    error = error_of(shared.http.patch(f"skus/{one}", content=json.dumps(body)))
    assert (error["status"], error["code"]) == ("400", "KEY_NOT_INCLUDED_IN_URL")
    del body["data"]["id"]
    error = error_of(shared.http.patch(f"skus/{one}", content=json.dumps(body)))
    assert (error["status"], error["code"]) == ("400", "PARAM_MISSING")


def test_all_that_is_missing_is_told_at_once(shared: Shop) -> None:
    answer = shared.post("skus", {"type": "skus"})
    assert answer.status_code == 422
    found = {each["source"]["pointer"]: each["meta"]["error"] for each in answer.json()["errors"]}
    assert found == {
        "/data/attributes/code": "blank",
        "/data/attributes/name": "blank",
        "/data/relationships/shipping_category": "blank",
    }
    assert {each["code"] for each in answer.json()["errors"]} == {"VALIDATION_ERROR"}


def test_a_sku_that_is_not_shipped_needs_no_shipping_category(shared: Shop) -> None:
    attributes = {"code": "E-BOOK", "name": "E-book", "do_not_ship": True}
    assert shared.post("skus", {"type": "skus", "attributes": attributes}).status_code == 201


def test_what_is_required_cannot_be_taken_away(shared: Shop) -> None:
    sku = shared.create("skus")
    error = error_of(shared.patch("skus", sku["id"], name=""))
    assert (error["status"], error["source"]) == ("422", {"pointer": "/data/attributes/name"})
    assert shared.get(f"skus/{sku['id']}").json()["data"] == sku


@pytest.mark.parametrize(
    ("kind", "attribute", "value", "key"),
    [
        ("stock_items", "quantity", "many", "not_a_number"),
        ("stock_items", "quantity", 1.5, "not_an_integer"),
        ("stock_items", "quantity", "1_0", "not_a_number"),
        ("stock_items", "quantity", 1 << 63, "invalid"),
        ("skus", "metadata", [1], "invalid"),
        ("stock_items", "quantity", True, "not_a_number"),
        ("skus", "weight", [], "not_a_number"),
        ("skus", "unit_of_weight", "stone", "inclusion"),
        ("skus", "do_not_ship", "perhaps", "invalid"),
        ("skus", "metadata", "text", "invalid"),
        ("skus", "name", {"en": "x"}, "invalid"),
        ("orders", "expires_at", "tomorrow", "invalid"),
        ("orders", "expires_at", 5, "invalid"),
    ],
)
def test_values_of_the_wrong_kind(
    shared: Shop, kind: str, attribute: str, value: Any, key: str
) -> None:
    identifier = shared.ids(kind)[0]
    error = error_of(shared.patch(kind, identifier, **{attribute: value}))
    assert error["status"] == "422"
    assert error["source"] == {"pointer": f"/data/attributes/{attribute}"}
    assert error["meta"] == {"error": key, "value": value}


def test_text_that_reads_as_the_right_kind_is_taken(shared: Shop) -> None:
    identifier = shared.create("stock_items")["id"]
    changed = shared.patch("stock_items", identifier, quantity="12")
    assert changed.json()["data"]["attributes"]["quantity"] == 12


@pytest.mark.parametrize(
    ("kind", "attribute"),
    [("skus", "code"), ("customers", "email"), ("tags", "name"), ("bundles", "code")],
)
def test_natural_keys_are_unique(shared: Shop, kind: str, attribute: str) -> None:
    taken, other = (shared.create(kind) for _ in range(2))
    value = taken["attributes"][attribute]
    document = shared.document(kind, **{attribute: value})
    for answer in (
        shared.post(kind, document),
        shared.patch(kind, other["id"], **{attribute: value}),
    ):
        error = error_of(answer)
        assert (error["status"], error["meta"]) == ("422", {"error": "taken", "value": value})
        assert error["source"] == {"pointer": f"/data/attributes/{attribute}"}
    assert shared.patch(kind, taken["id"], **{attribute: value}).status_code == 200


def test_an_email_is_taken_however_it_is_written(shared: Shop) -> None:
    shared.create("customers", email="Ada.Lovelace@Example.com")
    document = shared.document("customers", email="ada.lovelace@example.COM")
    meta = error_of(shared.post("customers", document))["meta"]
    assert meta == {"error": "taken", "value": "ada.lovelace@example.COM"}
    subscription = shared.document("customer_subscriptions")
    subscription["attributes"]["customer_email"] = "ADA.LOVELACE@example.com"
    made = shared.post("customer_subscriptions", subscription).json()["data"]
    found = shared.get(f"customer_subscriptions/{made['id']}/customer")
    assert found.json()["data"]["attributes"]["email"] == "Ada.Lovelace@Example.com"


def test_a_price_has_five_tiers_at_most(shared: Shop) -> None:
    tiers = [shared.document(kind) for kind in ("price_volume_tiers", "price_frequency_tiers") * 3]
    answers = []
    for tier in tiers:
        tier["relationships"] = tiers[0]["relationships"]
        answers.append(shared.post(tier["type"], tier))
    assert [answer.status_code for answer in answers] == [201] * 5 + [422]
    error = error_of(answers[-1])
    assert error["source"] == {"pointer": "/data/relationships/price"}
    assert error["meta"] == {"error": "less_than_or_equal_to", "value": 6, "count": 5}
    kept = answers[0].json()["data"]
    assert shared.patch(kept["type"], kept["id"], up_to=1000).status_code == 200


def test_a_bundle_has_ten_skus_at_most(shared: Shop) -> None:
    bundle = shared.document("bundles")
    sku_list = bundle["relationships"]["sku_list"]
    for _ in range(11):
        item = shared.document("sku_list_items")
        item["relationships"]["sku_list"] = sku_list
        shared.post("sku_list_items", item)
    meta = error_of(shared.post("bundles", bundle))["meta"]
    assert meta == {"error": "less_than_or_equal_to", "value": 11, "count": 10}


def test_the_organization_decides_whether_an_address_needs_a_phone(shop: Shop) -> None:
    document = shop.document("addresses")
    del document["attributes"]["phone"]
    assert error_of(shop.post("addresses", document))["meta"]["error"] == "blank"
    organization = shop.simulator.store.all("organizations")[0]
    shop.simulator.store.change(organization, {"addresses_phone_required": False})
    assert shop.post("addresses", document).status_code == 201


def test_an_update_is_checked_with_what_the_record_holds(shared: Shop) -> None:
    """What the change cannot have broken is not looked at again."""
    address = shared.create("addresses", business=False)
    error = error_of(shared.patch("addresses", address["id"], business=True))
    assert error["source"] == {"pointer": "/data/attributes/company"}
    assert shared.patch("addresses", address["id"], business=True, company="A").is_success
    promotion = shared.create("free_shipping_promotions")
    late = promotion["attributes"]["expires_at"]
    error = error_of(shared.patch(promotion["type"], promotion["id"], starts_at=late))
    assert error["meta"] == {"error": "greater_than", "value": late, "count": late}
    sku = shared.create("skus")
    shared.simulator.store.update("skus", sku["id"], {"weight": -1.0})
    assert shared.patch("skus", sku["id"], name="Mug").is_success


@pytest.mark.parametrize("pattern", [r"\A[[:upper:]]+\z", r"(?<year>\d{4})-\h+", "^A.*|B$"])
def test_regular_expressions_are_those_of_ruby(shared: Shop, pattern: str) -> None:
    assert shared.create("shipping_zones", zip_code_regex=pattern)


@pytest.mark.parametrize("kind", ["prices", "stock_items"])
def test_one_price_per_list_and_one_stock_item_per_location(shared: Shop, kind: str) -> None:
    document = shared.document(kind)
    assert shared.post(kind, document).status_code == 201
    error = error_of(shared.post(kind, document))
    assert (error["status"], error["meta"]["error"]) == ("422", "taken")


def test_a_relationship_must_exist(shared: Shop) -> None:
    document = shared.document("prices")
    document["relationships"]["sku"]["data"]["id"] = "abcdefghij"
    error = error_of(shared.post("prices", document))
    assert error["source"] == {"pointer": "/data/relationships/sku"}
    assert error["meta"]["error"] == "blank"


def test_relationships_are_set_replaced_and_cleared(shared: Shop) -> None:
    sku = shared.create("skus")
    tags = [shared.create("tags") for _ in range(2)]
    for linked in (tags, tags[:1], []):
        data = [{"type": "tags", "id": each["id"]} for each in linked]
        body = {"type": "skus", "id": sku["id"], "relationships": {"tags": {"data": data}}}
        answer = shared.http.patch(
            f"skus/{sku['id']}", params={"include": "tags"}, content=json.dumps({"data": body})
        )
        assert answer.json()["data"]["relationships"]["tags"]["data"] == data
    customer = shared.create("customers")
    group = shared.create("customer_groups")
    for value in ({"type": "customer_groups", "id": group["id"]}, None):
        links = {"customer_group": {"data": value}}
        body = {"type": "customers", "id": customer["id"], "relationships": links}
        path = f"customers/{customer['id']}"
        shared.http.patch(path, content=json.dumps({"data": body}))
        read = shared.get(path, include="customer_group").json()["data"]
        assert read["relationships"]["customer_group"]["data"] == value


def test_a_record_that_others_need_is_locked(shared: Shop) -> None:
    market = shared.create("markets")
    price_list = shared.get(f"markets/{market['id']}/price_list").json()["data"]
    path = f"price_lists/{price_list['id']}"
    error = error_of(shared.http.delete(path))
    assert (error["status"], error["code"]) == ("423", "LOCKED")
    shared.http.delete(f"markets/{market['id']}")
    assert shared.http.delete(path).status_code == 204


def test_a_deleted_sku_takes_its_prices_and_stock_along(shared: Shop) -> None:
    price = shared.create("prices")
    sku = shared.get(f"prices/{price['id']}/sku").json()["data"]
    assert shared.http.delete(f"skus/{sku['id']}").status_code == 204
    assert shared.get(f"prices/{price['id']}").status_code == 404
