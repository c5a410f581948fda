"""The `api` function in front of the target, in both of its representations."""

from functools import partial

import pytest

from connector import connections
from connector.commerce_layer.client import Session
from tests.component.http_api import BASE, HOST, JSON_API
from tests.conftest import put_secret
from tests.contract.functions import API, JSON_API_HEADERS, Api
from tests.contract.goods import Goods
from tests.contract.report import Report
from tests.contract.shop import Record, Shop, ids
from tests.contract.target import Target


def test_a_connection_test_tells_who_is_connected(api: Api, shop: Shop, report: Report) -> None:
    result = api("GET", "/instances/default")
    told, claims = result.json(), shop.client.claims()
    assert result.status == 200
    assert told["connected"] is True
    assert told["organization"] == {name: claims["organization"][name] for name in ("id", "slug")}
    assert told["application"]["kind"] == "integration"
    assert told["mode"] == "test"
    limit = told["rate_limit"]
    assert limit["limit"] >= limit["remaining"] >= 0
    report.observed["limit of uncacheable reads"] = (
        f"{limit['limit']} in {limit['interval_seconds']} s"
    )


def test_a_wrong_secret_fails_the_connection_test(
    api: Api, shop: Shop, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_secret(domain=shop.client.instance.slug, client_id=target.client_id, client_secret="wrong")
    monkeypatch.setattr(connections, "Session", partial(_session, shop))
    result = api("GET", "/instances/default")
    assert (result.status, result.json()["category"]) == (502, "authentication-refused")


def _session(shop: Shop, instance: object, load: object, _: object) -> Session:
    """One of its own, for a secret of its own."""
    return Session(instance, load, shop.watch)  # type: ignore[arg-type]


def test_a_flat_record_lives_and_dies(api: Api, goods: Goods) -> None:
    category = goods.spare_category["id"]
    sku = api.create("skus", shipping_category=category, metadata={"erp": {"id": "42"}})
    assert (sku["type"], sku["metadata"]) == ("skus", {"erp": {"id": "42"}})
    path = f"{API}/skus/{sku['id']}"
    changed = api("PATCH", path, body={"name": "Tee", "id": sku["id"], "type": "skus"})
    assert (changed.status, changed.json()["name"]) == (200, "Tee")
    assert changed.json()["code"] == sku["code"]
    assert api("DELETE", path).status == 204
    assert api("PATCH", path, body={"name": "again"}).status == 404


def test_a_json_api_record_lives_and_dies(api: Api, shop: Shop) -> None:
    written = shop.attributes("customers")
    data = {"type": "customers", "attributes": written}
    made = api("POST", f"{API}/customers", body={"data": data}, headers=JSON_API_HEADERS)
    assert (made.status, made.headers["content-type"]) == (201, JSON_API)
    record = made.json()["data"]
    assert record["attributes"].items() >= written.items()
    path = f"{API}/customers/{record['id']}"
    assert api("DELETE", path, headers=JSON_API_HEADERS).status == 204
    assert api("GET", path, headers=JSON_API_HEADERS).status == 404


def test_both_representations_tell_the_same(api: Api, crowd: list[Record]) -> None:
    path, query = f"{API}/customers/{crowd[0]['id']}", "include=customer_group"
    flat = api("GET", path, query).json()
    document = api("GET", path, query, headers=JSON_API_HEADERS).json()
    (group,) = document["included"]
    assert flat["customer_group"]["name"] == group["attributes"]["name"]
    assert flat.items() >= document["data"]["attributes"].items()


def test_the_pages_of_a_flat_list_lead_back_here(api: Api, shop: Shop, crowd: list[Record]) -> None:
    query = f"filter[q][reference_start]={shop.run}-crowd-&sort=reference&page[size]=20"
    first = api("GET", f"{API}/customers", query).json()
    assert first["meta"]["record_count"] == 30
    following = first["links"]["next"]
    assert following.startswith(f"{BASE}/customers?")
    path, _, query = following.removeprefix(f"https://{HOST}").partition("?")
    second = api("GET", path, query).json()
    assert ids(first["data"] + second["data"]) == ids(crowd)


def test_the_pages_of_a_json_api_list_lead_back_here(
    api: Api, shop: Shop, crowd: list[Record]
) -> None:
    query = f"filter%5Bq%5D%5Breference_start%5D={shop.run}-crowd-&page%5Bsize%5D=20"
    page = api("GET", f"{API}/customers", query, headers=JSON_API_HEADERS).json()
    assert all(link.startswith(f"{BASE}/customers?") for link in page["links"].values())
    assert len(page["data"]) == 20


def test_included_records_are_expanded_in_the_flat_form(api: Api, goods: Goods) -> None:
    path = f"{API}/sku_lists/{goods.sku_list['id']}"
    found = api("GET", path, "include=sku_list_items.sku").json()
    codes = {item["sku"]["code"] for item in found["sku_list_items"]}
    assert codes == {each["attributes"]["code"] for each in (goods.sku, goods.other_sku)}
    assert "skus" not in found


def test_a_null_clears_a_relationship_in_the_flat_form(api: Api, shop: Shop) -> None:
    group = shop.create("customer_groups")
    customer = api.create("customers", customer_group=group["id"])
    path, query = f"{API}/customers/{customer['id']}", "include=customer_group"
    assert api("GET", path, query).json()["customer_group"]["id"] == group["id"]
    cleared = api("PATCH", path, query, body={"customer_group": None})
    assert cleared.json()["customer_group"] is None


def test_related_records_are_found_under_their_record(api: Api, goods: Goods) -> None:
    path = f"{API}/sku_lists/{goods.sku_list['id']}/sku_list_items"
    found = api("GET", path, "sort=quantity").json()
    assert ids(found["data"]) == ids(list(goods.list_items))


def test_a_trigger_is_a_path_of_its_own(api: Api, shop: Shop) -> None:
    tag, record = shop.create("tags"), shop.create("addresses")
    path = f"{API}/addresses/{record['id']}"
    fired = api("POST", f"{path}/triggers/add_tags", body={"value": tag["attributes"]["name"]})
    assert fired.status == 200
    assert ids(api("GET", path, "include=tags").json()["tags"]) == [tag["id"]]


def test_a_refusal_is_a_problem_with_the_errors_of_commerce_layer(
    api: Api, crowd: list[Record]
) -> None:
    result = api("POST", f"{API}/customers", body={"email": crowd[0]["attributes"]["email"]})
    problem = result.json()
    assert (result.status, problem["category"]) == (422, "request-refused")
    assert problem["errors"][0]["source"]["pointer"] == "/data/attributes/email"
    assert problem["retryable"] is False


def test_a_record_that_nobody_has_is_a_problem(api: Api) -> None:
    result = api("GET", f"{API}/customers/xxxxxxxxxx")
    assert (result.status, result.json()["category"]) == (404, "not-found")
    assert result.json()["errors"][0]["code"] == "RECORD_NOT_FOUND"


def test_a_misspelt_name_costs_no_request(api: Api, shop: Shop, crowd: list[Record]) -> None:
    sent = sum(shop.watch.answers.values())
    result = api("PATCH", f"{API}/customers/{crowd[0]['id']}", body={"emial": "a@example.com"})
    assert (result.status, result.json()["category"]) == (422, "invalid-request")
    assert "email" in result.json()["detail"]
    assert sum(shop.watch.answers.values()) == sent


def test_the_organization_has_no_id_in_its_path(api: Api, shop: Shop) -> None:
    found = api("GET", f"{API}/organization").json()
    assert found["slug"] == shop.client.claims()["organization"]["slug"]
