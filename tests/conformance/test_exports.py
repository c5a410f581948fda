"""Exports: what filters mean, printed into a file that only its signed address serves."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connector.commerce_layer import catalog
from local.simulator import Simulator
from tests.conformance.jobs import (
    announced,
    ask,
    records_of,
    refusal,
    run,
    start,
    state,
    text_of,
)
from tests.conformance.receiver import Receiver
from tests.conformance.shop import Shop


@pytest.fixture(scope="module")
def shared() -> Iterator[Shop]:
    with Simulator(seed=12) as simulator:
        shop = Shop(simulator)
        yield shop
        shop.close()


# --- the life of a job


def test_an_export_advances_record_by_record(shop: Shop) -> None:
    shop.simulator.hold_jobs()
    codes = "SKU-00001,SKU-00002,SKU-00003,SKU-00004"
    answer = ask(shop, "exports", "skus", filters={"code_in": codes})
    created = answer.json()["data"]
    assert (answer.status_code, created["attributes"]["status"]) == (201, "pending")
    assert created["attributes"]["records_count"] == 4
    assert created["attributes"]["progress"] == 0
    seen = []
    for _ in range(5):
        shop.simulator.step_jobs()
        now = state(shop, "exports", created["id"])
        seen.append((now["status"], now["processed_count"], now["progress"]))
        assert now["estimated_completion_at"] >= now["started_at"]
        assert (now["attachment_url"] is None) == (now["status"] == "in_progress")
    assert seen == [
        ("in_progress", 0, 0),
        ("in_progress", 1, 25),
        ("in_progress", 2, 50),
        ("in_progress", 3, 75),
        ("completed", 4, 100),
    ]
    assert now["completed_at"] is not None


def test_an_interrupted_export_starts_again(shop: Shop, http: httpx.Client) -> None:
    shop.simulator.hold_jobs()
    topics = announced(shop.simulator)
    running = start(shop, "exports", "skus", filters={"code_in": "SKU-00001,SKU-00002"})
    shop.simulator.step_jobs()
    shop.simulator.step_jobs()
    shop.patch("exports", running, _interrupt=True)
    stopped = state(shop, "exports", running)
    assert (stopped["status"], stopped["processed_count"]) == ("interrupted", 1)
    shop.simulator.step_jobs()
    assert state(shop, "exports", running) == stopped
    assert shop.patch("exports", running, _start=True).status_code == 200
    shop.simulator.step_jobs()
    again = state(shop, "exports", running)
    assert (again["status"], again["processed_count"]) == ("in_progress", 0)
    shop.simulator.release_jobs()
    shop.simulator.wait_until_idle()
    done = state(shop, "exports", running)
    assert (done["status"], done["interrupted_at"]) == ("completed", None)
    assert len(records_of(done, http)) == 2
    assert shop.patch("exports", running, _start=True).status_code == 422
    began, ended = ["exports.create", "exports.start"], ["exports.start", "exports.complete"]
    assert topics == [*began, "exports.interrupt", *ended]


def test_an_export_can_be_made_to_fail(shop: Shop) -> None:
    rule = shop.simulator.faults.add("query_timeout", times=1)
    other = shop.simulator.faults.add("500", path="/api/skus")
    topics = announced(shop.simulator)
    failed, done = (run(shop, "exports", "skus") for _ in range(2))
    assert failed["status"] == "failed"
    assert failed["errors_log"] == {"RuntimeError": "query timeout"}
    assert failed["attachment_url"] is None
    assert (done["status"], done["errors_log"]) == ("completed", None)
    assert (rule.hits, other.hits) == (1, 0)
    assert topics == ["exports.create", "exports.start"] * 2 + ["exports.complete"]


def test_records_that_go_meanwhile_are_left_out(shop: Shop, http: httpx.Client) -> None:
    shop.simulator.hold_jobs()
    running = start(shop, "exports", "skus", filters={"code_in": "SKU-00001,SKU-00002"})
    shop.simulator.step_jobs()
    (gone,) = shop.ids("skus", **{"filter[q][code_eq]": "SKU-00002"})
    shop.simulator.store.delete("skus", gone)
    shop.simulator.release_jobs()
    shop.simulator.wait_until_idle()
    records = records_of(state(shop, "exports", running), http)
    assert [each["code"] for each in records] == ["SKU-00001"]


# --- what is refused at once


@pytest.mark.parametrize(
    ("attributes", "name", "key"),
    [
        ({"resource_type": "nonsense"}, "resource_type", "inclusion"),
        ({"resource_type": "organizations"}, "resource_type", "inclusion"),
        ({"resource_type": "flex_promotions"}, "resource_type", "inclusion"),
        ({"resource_type": "skus", "format": "xml"}, "format", "inclusion"),
        ({"resource_type": "skus", "filters": {"nonsense_eq": 1}}, "filters", "invalid"),
        ({"resource_type": "skus", "filters": {"created_at_gt": "x"}}, "filters", "invalid"),
        ({"resource_type": "skus", "includes": ["nonsense"]}, "includes", "invalid"),
        ({"resource_type": "skus", "includes": [1]}, "includes", "invalid"),
        ({"resource_type": "skus", "fields": ["nonsense"]}, "fields", "invalid"),
        ({"resource_type": "skus", "fields": ["prices.nonsense"]}, "fields", "invalid"),
        ({"resource_type": "skus", "fields": "code"}, "fields", "invalid"),
        ({"resource_type": "skus", "filters": {"code_eq": "-"}}, "records_count", "greater_than"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    shared: Shop, attributes: dict[str, Any], name: str, key: str
) -> None:
    pointer, meta = refusal(shared.post("exports", {"type": "exports", "attributes": attributes}))
    assert pointer == f"/data/attributes/{name}"
    assert meta["error"] == key


def test_no_more_records_than_the_switch_allows() -> None:
    with Simulator(seed=4, export_limit=3) as simulator:
        shop = Shop(simulator)
        assert refusal(ask(shop, "exports", "skus")) == (
            "/data/attributes/records_count",
            {"error": "less_than_or_equal_to", "value": len(shop.ids("skus")), "count": 3},
        )
        window = {"id_lteq": shop.ids("skus", sort="id")[2]}
        assert run(shop, "exports", "skus", filters=window)["records_count"] == 3
        shop.close()


# --- what is printed


def test_json_is_an_array_of_flat_records(shared: Shop, http: httpx.Client) -> None:
    records = records_of(run(shared, "exports", "skus"), http)
    read = shared.get("skus", **{"page[size]": 25, "sort": "id"}).json()["data"]
    assert [each["id"] for each in records] == [each["id"] for each in read]
    for record, each in zip(records, read, strict=True):
        assert each["attributes"].items() <= record.items()
        (category,) = shared.ids("shipping_categories")
        assert record["shipping_category_id"] == category
        assert "prices" not in record


def test_included_records_are_nested(shared: Shop, http: httpx.Client) -> None:
    includes = ["shipping_category", "prices.price_list"]
    record = records_of(run(shared, "exports", "skus", includes=includes), http)[0]
    assert "shipping_category_id" not in record
    assert record["shipping_category"]["id"] == shared.ids("shipping_categories")[0]
    (price,) = record["prices"]
    assert (
        price["amount_cents"]
        == shared.get(f"prices/{price['id']}").json()["data"]["attributes"]["amount_cents"]
    )
    assert price["price_list"]["currency_code"] == "EUR"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["code", "name"], {"code", "name"}),
        (["id", "shipping_category_id"], {"id", "shipping_category_id"}),
        (["code", "prices.amount_cents"], {"code", "prices"}),
        (["code", "shipping_category"], {"code", "shipping_category"}),
    ],
)
def test_fields_narrow_what_is_printed(
    shared: Shop, http: httpx.Client, fields: list[str], expected: set[str]
) -> None:
    for record in records_of(run(shared, "exports", "skus", fields=fields), http):
        assert set(record) == expected
        if "prices" in record:
            assert [set(price) for price in record["prices"]] == [{"amount_cents"}]
        if "shipping_category" in record:
            assert "name" in record["shipping_category"]


def test_an_asterisk_stands_for_all_fields(shared: Shop, http: httpx.Client) -> None:
    everything = records_of(run(shared, "exports", "skus", includes=["prices"]), http)
    asked = run(shared, "exports", "skus", fields=["*", "prices.*"])
    assert records_of(asked, http) == everything


def test_dry_data_can_be_imported_again(shop: Shop, http: httpx.Client) -> None:
    price_list = shop.ids("price_lists")[0]
    done = run(shop, "exports", "prices", dry_data=True)
    rows = records_of(done, http)
    assert all({"sku_code", "amount_cents"} <= set(row) for row in rows)
    assert not any(name.endswith(("_id", "_at")) or name == "id" for row in rows for name in row)
    assert not any(value in (None, "", [], {}) for row in rows for value in row.values())
    for each in shop.ids("prices"):
        shop.http.delete(f"prices/{each}")
    again = run(shop, "imports", "prices", inputs=rows, parent_resource_id=price_list)
    assert (again["errors_log"], again["processed_count"]) == (None, len(rows))
    assert len(rows) > 0


def test_a_csv_has_one_header_and_a_cell_a_value(shared: Shop, http: httpx.Client) -> None:
    fields = ["code", "do_not_ship", "created_at", "metadata", "prices.amount_cents", "tags.name"]
    sku = shared.ids("skus", sort="id")[0]
    shared.patch("skus", sku, metadata={"a": [1, "x"]})
    one, two = (shared.create("tags", name=name)["id"] for name in ("one", "two"))
    shared.simulator.store.update("skus", sku, {}, {"tags": [("tags", one), ("tags", two)]})
    done = run(shared, "exports", "skus", format="csv", fields=fields)
    header, *_ = text_of(done, http).splitlines()
    assert header == "code,do_not_ship,created_at,metadata,prices.amount_cents,tags.name"
    records = records_of(done, http)
    read = shared.get("skus", sort="id", **{"page[size]": 25}).json()["data"]
    assert [each["code"] for each in records] == [each["attributes"]["code"] for each in read]
    assert records[0]["metadata"] == '{"a": [1, "x"]}'
    assert records[0]["created_at"] == read[0]["attributes"]["created_at"]
    assert (records[0]["tags.name"], records[1]["tags.name"]) == ("one,two", "")
    price = shared.get(f"skus/{sku}/prices").json()["data"][0]["attributes"]["amount_cents"]
    assert records[0]["prices.amount_cents"] == str(price)


def test_a_base_type_exports_its_variants(shop: Shop, http: httpx.Client) -> None:
    kinds = catalog.resource("promotions").variants
    made = [shop.simulator.store.put(each, {"name": each}).id for each in kinds]
    for form in ("json", "csv"):
        records = records_of(run(shop, "exports", "promotions", format=form), http)
        assert [each["id"] for each in records] == made
        assert [each["type"] for each in records] == list(kinds)


def test_every_type_can_be_exported(shop: Shop, http: httpx.Client) -> None:
    kinds = [
        each
        for each in catalog.types()
        if ask(shop, "exports", each, filters={"id_eq": "-"}).json()["errors"][0]["meta"]["error"]
        != "inclusion"
    ]
    assert len(kinds) > 80
    for kind in kinds:
        concrete = (catalog.resource(kind).variants or (kind,))[0]
        record = shop.simulator.store.put(concrete)
        done = run(shop, "exports", kind, filters={"id_eq": record.id})
        (printed,) = records_of(done, http)
        assert printed["id"] == record.id, kind


@pytest.mark.parametrize(
    "filters",
    [
        {"code_in": ["SKU-00001", "SKU-00003"]},
        {"code_in": "SKU-00001,SKU-00003"},
        {"metadata_jcont": {"nothing": "here"}, "code_or_name_eq": "SKU-00001"},
        {"prices_amount_cents_gteq": 5000},
        {"reference_null": True, "code_not_eq": "SKU-00001"},
        {},
        None,
    ],
)
def test_filters_are_those_of_a_list(shared: Shop, http: httpx.Client, filters: Any) -> None:
    query = {f"filter[q][{name}]": _text(value) for name, value in (filters or {}).items()}
    expected = shared.ids("skus", sort="id", **{"page[size]": 25, **query})
    answer = ask(shared, "exports", "skus", filters=filters)
    if not expected:
        assert refusal(answer)[1]["error"] == "greater_than"
        return
    shared.simulator.wait_until_idle()
    done = state(shared, "exports", answer.json()["data"]["id"])
    assert [each["id"] for each in records_of(done, http)] == expected


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value).replace("'", '"')


# --- the file


def test_the_address_of_a_file_expires(shop: Shop, http: httpx.Client) -> None:
    done = run(shop, "exports", "skus")
    (identifier,) = shop.ids("exports")
    assert done["attachment_url"].startswith(f"{shop.simulator.url}/attachments/exports/")
    answer = http.get(done["attachment_url"])
    assert answer.content.startswith(b"\x1f\x8b")
    assert "content-encoding" not in answer.headers
    shop.simulator.clock.advance(299)
    assert http.get(done["attachment_url"]).status_code == 200
    shop.simulator.clock.advance(1)
    late = http.get(done["attachment_url"])
    assert (late.status_code, late.headers["content-type"]) == (403, "application/xml")
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in late.text
    fresh = state(shop, "exports", identifier)["attachment_url"]
    assert fresh != done["attachment_url"]
    assert http.get(fresh).content == answer.content


def test_a_wrong_signature_is_refused(shop: Shop, http: httpx.Client) -> None:
    address = run(shop, "exports", "skus")["attachment_url"]
    path, _, query = address.partition("?")
    expires = httpx.URL(address).params["expires"]
    for wrong in (
        f"{address}0",
        path,
        f"{path}?{query.replace(expires, str(int(expires) + 1))}",
        f"{path.replace('json', 'csv')}?{query}",
        f"{path}?expires=x&signature=é",
    ):
        answer = http.get(wrong)
        assert answer.status_code == 403
        assert "<Code>SignatureDoesNotMatch</Code>" in answer.text


def test_a_file_goes_with_its_job(shop: Shop, http: httpx.Client) -> None:
    address = run(shop, "exports", "skus")["attachment_url"]
    (identifier,) = shop.ids("exports")
    shop.http.delete(f"exports/{identifier}")
    assert http.get(address).status_code == 404


def test_files_are_served_at_the_address_that_was_asked(shop: Shop) -> None:
    run(shop, "exports", "skus")
    (identifier,) = shop.ids("exports")
    answer = shop.http.get(f"exports/{identifier}", headers={"Host": "demo.localhost:80"})
    url = answer.json()["data"]["attributes"]["attachment_url"]
    assert url.startswith("http://demo.localhost:80/attachments/exports/")


def test_webhooks_tell_where_the_file_is(shop: Shop, http: httpx.Client) -> None:
    with Receiver() as receiver:
        shop.create("webhooks", topic="exports.complete", callback_url=receiver.url)
        identifier = start(shop, "exports", "skus", fields=["code"])
        shop.simulator.wait_until_idle()
        (delivery,) = receiver.received
    data = delivery.document["data"]
    assert data["id"] == identifier
    assert data["attributes"]["attachment_url"].startswith(shop.simulator.url)
    assert len(records_of(data["attributes"], http)) == data["attributes"]["records_count"]


def test_downloads_can_go_wrong_too(shop: Shop, http: httpx.Client) -> None:
    address = run(shop, "exports", "skus")["attachment_url"]
    shop.simulator.faults.add("503", path="/attachments/*", times=1)
    assert [http.get(address).status_code for _ in range(2)] == [503, 200]
