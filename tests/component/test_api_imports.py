"""Imports by the HTTP API: rows or an address to upload to, then the status and the reports."""

import gzip
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connector import aws
from tests.component.http_api import call
from tests.component.import_world import BUCKET, Imports

PATH = "/instances/default/imports"


@pytest.fixture
def location(imports: Imports) -> str:
    for number in range(3):
        imports.simulator.store.put("skus", {"code": f"SKU{number}", "name": "x"})
    return imports.simulator.store.put("stock_locations", {"code": "main", "name": "Main"}).id


def rows(location: str, count: int = 3) -> list[dict[str, Any]]:
    return [
        {"sku_code": f"SKU{number}", "stock_location_id": location, "quantity": number}
        for number in range(count)
    ]


def start(
    body: Any, status: int = 202, resource: str = "stock_items", key: str | None = None
) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    result = call("POST", f"{PATH}/{resource}", body=body, headers=headers)
    assert result.status == status, result.body
    return result.json()


def show(identifier: str, status: int = 200) -> Any:
    result = call("GET", f"{PATH}/{identifier}")
    assert result.status == status, result.body
    return result.json()


def arrived(imports: Imports, started: dict[str, Any]) -> dict[str, Any]:
    """What EventBridge tells of the object."""
    key = started["file"]["key"]
    head = aws.client("s3").head_object(Bucket=BUCKET, Key=key)
    thing = {"key": key, "size": head["ContentLength"], "etag": head["ETag"].strip('"')}
    return {"bucket": {"name": BUCKET}, "object": thing}


def test_rows_are_imported_and_the_import_tells_how_it_goes(
    imports: Imports, location: str
) -> None:
    started = start({"rows": rows(location), "chunk_size": 100})
    assert started["status"] == "waiting"
    planned = imports.plan(arrived(imports, started))
    assert planned["import"] == started["import"]
    assert show(started["import"])["status"] == "importing"
    imports.carry_all(planned)
    ended = show(started["import"])
    assert (ended["status"], ended["counts"]["ok"]) == ("done", 3)
    query = parse_qs(urlsplit(ended["links"]["report"]).query)
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "digest" not in ended


def test_options_go_with_the_file(imports: Imports, location: str) -> None:
    started = start({"rows": rows(location, 1), "dry_run": True, "parent": location})
    summary = imports.carry_all(imports.plan(arrived(imports, started)))
    assert summary["status"] == "dry run"


def test_a_file_gets_an_address_to_be_uploaded_to(imports: Imports, location: str) -> None:
    started = start({"format": "csv.gz", "events": True})
    upload = started["upload"]
    assert upload["method"] == "PUT"
    assert upload["headers"] == {"x-amz-meta-events": "true"}
    assert urlsplit(upload["url"]).path.endswith(f"api-{started['import']}.csv.gz")
    text = f"sku_code,stock_location_id,quantity\nSKU0,{location},3\n"
    detail = imports.upload(started["file"]["key"], gzip.compress(text.encode()))
    assert imports.carry_all(imports.plan(detail))["import"] == started["import"]


def test_the_same_call_under_a_key_is_one_import(imports: Imports, location: str) -> None:
    first = start({"rows": rows(location)}, key="stock-1")
    second = start({"rows": rows(location)}, key="stock-1")
    assert first["import"] == second["import"]
    assert start({"rows": rows(location)})["import"] != first["import"]
    refused = start({"rows": rows(location, 2)}, 422, key="stock-1")
    assert refused["category"] == "key-reused"
    imports.carry_all(imports.plan(arrived(imports, first)))
    again = start({"rows": rows(location)}, key="stock-1")
    assert again["status"] == "done", "it is told how it went, and not begun again"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({}, ""),
        ({"rows": [{}], "format": "csv"}, ""),
        ({"rows": []}, "/rows"),
        ({"rows": {"a": 1}}, "/rows"),
        ({"format": "xlsx"}, "/format"),
        ({"rows": [{}], "dry_run": "yes"}, "/dry_run"),
        ({"rows": [{}], "parent": "a b"}, "/parent"),
        ({"rows": [{}], "dryrun": True}, "/dryrun"),
    ],
)
def test_a_body_that_means_nothing(imports: Imports, body: Any, pointer: str) -> None:
    refused = start(body, 422)
    assert refused["errors"][0]["source"]["pointer"] == pointer
    assert not aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents")


def test_what_cannot_be_imported(imports: Imports) -> None:
    assert "one by one" in start({"rows": [{}]}, 422, "markets")["detail"]
    assert "stock_items" in start({"rows": [{}]}, 404, "stock_itmes")["detail"]


def test_an_import_that_is_not_there(imports: Imports, location: str) -> None:
    show("0" * 32, 404)
    show("nonsense", 404)
