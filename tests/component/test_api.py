"""Every route of the `api` function, in both representations."""

import base64
import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from connector import connections
from connector.commerce_layer import catalog
from local.simulator import Simulator
from tests.component.http_api import BASE, HOST, JSON_API, call, event, invoke

API = "/instances/default/api"
JSON_API_HEADERS = {"accept": JSON_API, "content-type": JSON_API}


def upstream(shop: Simulator, path: str) -> httpx.Response:
    """The same request, sent to Commerce Layer itself."""
    credentials = {
        "grant_type": "client_credentials",
        "client_id": "demo-client",
        "client_secret": "demo-secret",
    }
    token = httpx.post(shop.auth_url, json=credentials).json()["access_token"]
    headers = {**JSON_API_HEADERS, "authorization": f"Bearer {token}"}
    return httpx.get(f"{shop.api_url}/{path}", headers=headers)


def a_sku(number: int = 1) -> str:
    found = call("GET", f"{API}/skus", f"filter[q][code_eq]=SKU-{number:05}").json()["data"]
    return str(found[0]["id"])


def test_the_configured_instances_are_listed(api: Simulator) -> None:
    assert call("GET", "/instances").json() == {"data": [{"name": "default"}]}


def test_a_connection_test_tells_who_is_connected_and_how_much_is_left(
    point_to: Callable[[Simulator], Simulator],
) -> None:
    with Simulator(limits="sliding") as simulator:
        point_to(simulator)
        result = call("GET", "/instances/default")
    report = result.json()
    assert result.status == 200
    assert report["connected"] is True
    assert report["organization"]["slug"] == "demo"
    assert report["organization"]["id"]
    assert report["application"]["kind"] == "integration"
    assert report["mode"] == "test"
    assert report["scope"] == "market:all"
    assert datetime.fromisoformat(report["token_expires_at"]).tzinfo is not None
    assert report["rate_limit"]["limit"] == 100
    assert 0 < report["rate_limit"]["remaining"] < 100
    assert report["rate_limit"]["interval_seconds"] == 60


def test_a_token_that_tells_nothing_leaves_its_mode_open() -> None:
    from api.connection import report  # noqa: PLC0415 - after the environment is set

    assert report("default", {}, {})["mode"] is None
    assert report("default", {"test": False}, {})["mode"] == "live"


def test_every_resource_can_be_discovered(api: Simulator) -> None:
    listed = call("GET", "/instances/default/resources").json()["data"]
    assert [entry["type"] for entry in listed] == list(catalog.types())
    for entry in listed:
        found = call("GET", f"/instances/default/resources/{entry['path']}").json()
        assert found["operations"] == entry["operations"]
        assert [a["name"] for a in found["attributes"]]
        assert [t["name"] for t in found["triggers"]] == entry["triggers"]


def test_discovery_tells_what_a_name_is_good_for(api: Simulator) -> None:
    orders = call("GET", "/instances/default/resources/orders").json()
    assert "create" in orders["operations"]
    assert {"name": "approve", "type": "boolean", "attribute": "_approve"} in orders["triggers"]
    attributes = {a["name"]: a for a in orders["attributes"]}
    assert attributes["number"]["creatable"] is True
    assert attributes["status"]["updatable"] is False
    assert "placed" in attributes["status"]["enum"]
    relationships = {r["name"]: r for r in orders["relationships"]}
    assert relationships["market"]["types"] == ["markets"]
    assert relationships["line_items"]["many"] is True


def test_a_list_is_flat_and_its_pages_lead_back_here(api: Simulator) -> None:
    result = call("GET", f"{API}/skus", "page[size]=5&sort=code&include=prices&fields[prices]=id")
    page = result.json()
    assert result.headers["content-type"] == "application/json"
    assert [sku["code"] for sku in page["data"]][:2] == ["SKU-00001", "SKU-00002"]
    assert page["data"][0]["prices"][0]["type"] == "prices"
    assert page["meta"] == {"record_count": 20, "page_count": 4}
    following = page["links"]["next"]
    assert following.startswith(f"{BASE}/skus?")
    path, _, query = following.removeprefix(f"https://{HOST}").partition("?")
    assert call("GET", path, query).json()["data"][0]["code"] == "SKU-00006"


def test_a_json_api_list_is_untouched_but_for_its_page_links(api: Simulator) -> None:
    query = "page%5Bsize%5D=5&page%5Bnumber%5D=2&include=prices"
    result = call("GET", f"{API}/skus", query, headers=JSON_API_HEADERS)
    original = upstream(api, f"skus?{query}").text
    links = json.loads(original)["links"]
    expected = original
    for link in links.values():
        expected = expected.replace(json.dumps(link), json.dumps(link.replace(api.api_url, BASE)))
    assert result.headers["content-type"] == JSON_API
    assert json.loads(result.body) == json.loads(expected)
    # Byte by byte but for blanks inside `links`, which are written anew.
    assert result.body.partition('"links":{"first"')[0] in expected
    assert all(link.startswith(f"{BASE}/skus?") for link in result.json()["links"].values())


def test_a_json_api_record_is_byte_by_byte_what_came(api: Simulator) -> None:
    path = f"skus/{a_sku()}"
    result = call("GET", f"{API}/{path}", "include=prices", headers=JSON_API_HEADERS)
    ours, theirs = result.body, upstream(api, f"{path}?include=prices").text
    assert result.headers["content-type"] == JSON_API
    assert without_traces(ours) == without_traces(theirs)


def without_traces(text: str) -> str:
    """A trace id differs from answer to answer."""
    found = json.loads(text)
    for record in [found["data"], *found.get("included", [])]:
        text = text.replace(record["meta"].get("trace_id", "none"), "…")
    return text


def test_included_records_are_expanded_in_the_flat_form(api: Simulator) -> None:
    order = call("GET", f"{API}/orders", "include=line_items.item,customer&page[size]=1").json()
    first = order["data"][0]
    assert "@" in first["customer"]["email"]
    skus = [line["item"] for line in first["line_items"] if line["item"]["type"] == "skus"]
    assert all(sku["code"].startswith("SKU-") for sku in skus)
    assert "market" not in first


@pytest.mark.parametrize("encoded", [False, True], ids=["text", "base64"])
def test_a_flat_record_lives_and_dies(api: Simulator, encoded: bool) -> None:
    category = call("GET", f"{API}/shipping_categories").json()["data"][0]["id"]
    body = {"code": f"TEE-{encoded}", "name": "Tee", "shipping_category": category}
    created = call("POST", f"{API}/skus", body=body, encoded=encoded)
    assert created.status == 201
    sku = created.json()
    assert (sku["type"], sku["code"], sku["metadata"]) == ("skus", f"TEE-{encoded}", {})
    path = f"{API}/skus/{sku['id']}"
    changed = call(
        "PATCH",
        path,
        "include=shipping_category",
        {"type": "skus", "id": sku["id"], "name": "Shirt"},
        encoded=encoded,
    )
    assert changed.status == 200
    assert changed.json()["name"] == "Shirt"
    assert changed.json()["shipping_category"]["id"] == category
    deleted = call("DELETE", path)
    assert (deleted.status, deleted.body) == (204, "")
    assert "content-type" not in deleted.headers
    assert call("GET", path).status == 404


@pytest.mark.parametrize("encoded", [False, True], ids=["text", "base64"])
def test_a_json_api_record_lives_and_dies(api: Simulator, encoded: bool) -> None:
    def data(**rest: Any) -> dict[str, Any]:
        return {"data": {"type": "customers", **rest}}

    email = f"ada.{encoded}@example.com"
    created = call(
        "POST",
        f"{API}/customers",
        body=data(attributes={"email": email}, relationships={}),
        headers=JSON_API_HEADERS,
        encoded=encoded,
    )
    assert created.status == 201
    identity = created.json()["data"]["id"]
    assert created.json()["data"]["attributes"]["email"] == email
    path = f"{API}/customers/{identity}"
    changed = call(
        "PATCH",
        path,
        body=data(attributes={"reference": "ERP-1"}, id=identity),
        headers=JSON_API_HEADERS,
        encoded=encoded,
    )
    assert changed.status == 200
    assert changed.json()["data"]["attributes"]["reference"] == "ERP-1"
    assert call("DELETE", path, headers=JSON_API_HEADERS).status == 204


def test_related_records_are_a_list_or_one_or_none(api: Simulator) -> None:
    sku = a_sku()
    prices = call("GET", f"{API}/skus/{sku}/prices", "page[size]=1").json()
    assert prices["data"][0]["type"] == "prices"
    assert prices["links"]["first"].startswith(f"{BASE}/skus/{sku}/prices?")
    category = call("GET", f"{API}/skus/{sku}/shipping_category").json()
    assert category["type"] == "shipping_categories"
    bare = api.store.put("skus", {"code": "BARE"})
    nothing = call("GET", f"{API}/skus/{bare.id}/shipping_category")
    assert (nothing.status, nothing.json()) == (200, {"data": None})


def test_links_of_a_related_record_are_the_relationship_of_that_name(api: Simulator) -> None:
    sku = a_sku()
    price = call("GET", f"{API}/skus/{sku}/prices", "page[size]=1").json()["data"][0]["id"]
    assert call("GET", f"{API}/prices/{price}/sku", "include=links").json()["links"] == []
    link = api.store.put("links", {"name": "Shop"}, {"item": api.store.get("skus", sku)})
    found = call("GET", f"{API}/prices/{price}/sku", "include=links").json()["links"]
    assert [(record["id"], record["name"]) for record in found] == [(link.id, "Shop")]


def test_related_records_keep_the_json_api_form(api: Simulator) -> None:
    sku = a_sku()
    prices = call("GET", f"{API}/skus/{sku}/prices", headers=JSON_API_HEADERS).json()
    assert prices["data"][0]["attributes"]["currency_code"] == "EUR"
    assert prices["links"]["first"].startswith(f"{BASE}/skus/{sku}/prices?")


@pytest.mark.parametrize("name", ["organization", "application"])
def test_a_singleton_is_read_without_an_id(api: Simulator, name: str) -> None:
    assert call("GET", f"{API}/{name}").json()["type"] == f"{name}s"
    assert (
        call("GET", f"{API}/{name}", headers=JSON_API_HEADERS).json()["data"]["type"] == f"{name}s"
    )


def test_every_resource_is_listed_and_retrieved_in_both_representations(api: Simulator) -> None:
    for kind in catalog.types():
        resource = catalog.resource(kind)
        if resource.singleton or kind == "event_stores":  # neither is kept in the store
            continue
        connections.forget()  # with it what is known of the rate limit, which this test exceeds
        # A base type holds records of its variants: promotions are, say, flex_promotions.
        record = api.store.put(resource.variants[0] if resource.variants else kind)
        path = f"{API}/{resource.path}"
        if "list" in resource.operations:
            flat = call("GET", path, f"filter[q][id_eq]={record.id}")
            assert [found["id"] for found in flat.json()["data"]] == [record.id], kind
            full = call("GET", path, f"filter[q][id_eq]={record.id}", headers=JSON_API_HEADERS)
            assert [found["id"] for found in full.json()["data"]] == [record.id], kind
        flat = call("GET", f"{path}/{record.id}")
        assert (flat.json()["id"], flat.json()["type"]) == (record.id, record.type)
        full = call("GET", f"{path}/{record.id}", headers=JSON_API_HEADERS)
        assert (full.json()["data"]["id"], full.json()["data"]["type"]) == (record.id, record.type)


def test_every_boolean_trigger_becomes_one_patch(api: Simulator) -> None:
    """Refused by the record's state or not: it reaches Commerce Layer as that one request."""
    for kind in catalog.types():
        resource = catalog.resource(kind)
        names = [n for n, t in resource.triggers.items() if t.type == "boolean" and t.updatable]
        if not names or "update" not in resource.operations:
            continue
        record = api.store.put(kind)
        for name in names:
            connections.forget()
            before = len(api.requests)
            result = call("POST", f"{API}/{resource.path}/{record.id}/triggers/{name[1:]}")
            assert result.status in (200, 422), (kind, name, result.body)
            patches = [r for r in list(api.requests)[before:] if r.method != "POST"]
            assert [(r.method, r.path) for r in patches] == [
                ("PATCH", f"/api/{resource.path}/{record.id}")
            ]


def test_an_order_is_approved_by_a_trigger_with_attributes_beside_it(api: Simulator) -> None:
    placed = "filter[q][status_eq]=placed&page[size]=1"
    order = call("GET", f"{API}/orders", placed).json()["data"][0]["id"]
    result = call(
        "POST",
        f"{API}/orders/{order}/triggers/approve",
        body={"attributes": {"reference": "ERP-2"}},
    )
    assert result.status == 200
    assert (result.json()["status"], result.json()["reference"]) == ("approved", "ERP-2")


@pytest.mark.parametrize("name", ["add_tags", "_add_tags"])
def test_a_trigger_that_takes_a_value_gets_it(api: Simulator, name: str) -> None:
    connections.forget()
    api.store.put("tags", {"name": "sale"})
    sku = a_sku(2)
    result = call(
        "POST",
        f"{API}/skus/{sku}/triggers/{name}",
        "include=tags",
        {"value": "sale"},
        JSON_API_HEADERS,
    )
    assert result.status == 200, result.body
    assert result.json()["data"]["type"] == "skus"


def test_the_correlation_id_is_the_callers_or_the_gateways(
    api: Simulator, logs: io.StringIO
) -> None:
    own = call("GET", "/instances", headers={"X-Correlation-Id": "order-42"})
    assert own.headers["x-correlation-id"] == "order-42"
    assert call("GET", "/instances").headers["x-correlation-id"] == "JKJaXmPLvHcESHA="
    strange = {"x-correlation-id": "ada@example.com"}
    assert call("GET", "/instances", headers=strange).headers["x-correlation-id"] == (
        "JKJaXmPLvHcESHA="
    )
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    assert [line["correlation_id"] for line in lines] == [
        "order-42",
        "JKJaXmPLvHcESHA=",
        "JKJaXmPLvHcESHA=",
    ]


def test_a_log_line_has_the_allowed_fields_alone(api: Simulator, logs: io.StringIO) -> None:
    call("GET", f"{API}/customers", "filter[q][email_eq]=ada@example.com")
    (line,) = [json.loads(text) for text in logs.getvalue().splitlines()]
    assert set(line) == {
        "level", "location", "message", "timestamp", "service", "correlation_id",
        "route", "status", "duration_ms",
    }  # fmt: skip
    assert line["route"] == "GET /instances/{instance}/api/{resource}"


def test_the_stage_stays_in_page_links(api: Simulator) -> None:
    sent = event("GET", f"{API}/skus", "page[size]=5")
    sent["rawPath"] = f"/prod{sent['rawPath']}"
    links = invoke(sent).json()["links"]
    assert links["next"].startswith(f"https://{HOST}/prod{API}/skus?")


@pytest.mark.parametrize("route", ["$default", "ANY /instances/{proxy+}"])
def test_a_catch_all_route_is_served_by_its_path(api: Simulator, route: str) -> None:
    sent = event("GET", f"{API}/skus/{a_sku()}")
    sent["routeKey"] = route
    sent["pathParameters"] = None
    assert invoke(sent).json()["code"] == "SKU-00001"


def test_a_base64_body_is_decoded_on_every_route(api: Simulator) -> None:
    for method, path in [
        ("GET", "/instances"),
        ("GET", f"{API}/skus"),
        ("DELETE", f"{API}/skus/x"),
    ]:
        sent = event(method, path)
        sent["body"], sent["isBase64Encoded"] = base64.b64encode(b"ignored").decode(), True
        assert invoke(sent).status in (200, 404)
        sent["body"] = "not base64"
        assert invoke(sent).json()["detail"] == "The body is not valid base64."
