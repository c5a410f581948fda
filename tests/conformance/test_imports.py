"""Imports: rows become records, asynchronously, with errors counted and the rest done."""

import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connector.commerce_layer import catalog
from local.simulator import Simulator
from local.simulator.jobs.tables import FILE, KEYS
from local.simulator.topics import HEARD_IN_IMPORTS
from local.simulator.validation import rules
from tests.conformance.jobs import announced, as_csv, ask, refusal, run, start, state, text_of
from tests.conformance.shop import Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    """With nothing in it."""
    with Simulator() as simulator:
        shop = Shop(simulator)
        yield shop
        shop.close()


@pytest.fixture
def category(shop: Shop) -> str:
    return str(shop.create("shipping_categories")["id"])


def skus(category: str, *codes: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"code": code, "name": f"Name of {code}", "shipping_category_id": category, **more}
        for code in codes
    ]


def read(shop: Shop, kind: str, **query: Any) -> list[dict[str, Any]]:
    found = shop.get(kind, **{"page[size]": 25, "sort": "id", **query}).json()["data"]
    return [each["attributes"] for each in found]


# --- the life of a job


def test_an_import_advances_row_by_row(shop: Shop, category: str) -> None:
    shop.simulator.hold_jobs()
    answer = ask(shop, "imports", "skus", inputs=skus(category, "A", "B", "C"), reference="g-0001")
    created = answer.json()["data"]
    assert answer.status_code == 201
    assert created["attributes"]["status"] == "pending"
    assert created["attributes"]["format"] == "json"
    assert created["attributes"]["inputs_size"] == 3
    assert created["attributes"]["attachment_url"] is None
    assert created["attributes"]["started_at"] is None
    seen = []
    for _ in range(4):
        shop.simulator.step_jobs()
        now = state(shop, "imports", created["id"])
        seen.append((now["status"], now["processed_count"], len(read(shop, "skus"))))
    assert seen == [
        ("in_progress", 0, 0),
        ("in_progress", 1, 1),
        ("in_progress", 2, 2),
        ("completed", 3, 3),
    ]
    assert now["started_at"] <= now["completed_at"] <= now["updated_at"]
    assert now["interrupted_at"] is None
    assert (now["errors_count"], now["warnings_count"]) == (0, 0)
    assert now["reference"] == "g-0001"


def test_wall_time_is_set_by_a_switch() -> None:
    with Simulator(job_speed=1_000_000) as simulator:
        shop = Shop(simulator)
        category = shop.create("shipping_categories")["id"]
        codes = [f"A{number}" for number in range(60)]
        done = run(shop, "imports", "skus", inputs=skus(category, *codes))
        assert (done["status"], done["processed_count"]) == ("completed", 60)
        shop.close()


def test_interrupting_keeps_what_was_done(shop: Shop, category: str) -> None:
    shop.simulator.hold_jobs()
    topics = announced(shop.simulator)
    running = start(shop, "imports", "skus", inputs=skus(category, "A", "B", "C"))
    shop.simulator.step_jobs()
    shop.simulator.step_jobs()
    stopped = shop.patch("imports", running, _interrupt=True).json()["data"]["attributes"]
    assert (stopped["status"], stopped["processed_count"]) == ("interrupted", 1)
    assert stopped["interrupted_at"] is not None
    shop.simulator.release_jobs()
    shop.simulator.wait_until_idle()
    assert state(shop, "imports", running) == stopped
    assert [each["code"] for each in read(shop, "skus")] == ["A"]
    again = shop.patch("imports", running, _interrupt=True)
    assert again.status_code == 200
    assert topics == ["imports.create", "imports.start", "imports.interrupt"]


def test_a_pending_import_can_be_interrupted_and_a_completed_one_not(
    shop: Shop, category: str
) -> None:
    done = start(shop, "imports", "skus", inputs=skus(category, "A"))
    shop.simulator.wait_until_idle()
    assert shop.patch("imports", done, _interrupt=True).status_code == 422
    shop.simulator.hold_jobs()
    waiting = start(shop, "imports", "skus", inputs=skus(category, "B"))
    shop.patch("imports", waiting, _interrupt=True)
    shop.simulator.release_jobs()
    shop.simulator.wait_until_idle()
    assert state(shop, "imports", waiting)["status"] == "interrupted"
    assert [each["code"] for each in read(shop, "skus")] == ["A"]


def test_a_deleted_import_stops(shop: Shop, category: str) -> None:
    shop.simulator.hold_jobs()
    topics = announced(shop.simulator)
    running = start(shop, "imports", "skus", inputs=skus(category, "A", "B"))
    shop.simulator.step_jobs()
    assert shop.http.delete(f"imports/{running}").status_code == 204
    shop.simulator.release_jobs()
    shop.simulator.wait_until_idle()
    assert read(shop, "skus") == []
    assert topics == ["imports.create", "imports.start", "imports.destroy"]


def test_jobs_are_filtered_by_their_state(shop: Shop, category: str) -> None:
    done = start(shop, "imports", "skus", inputs=skus(category, "A"))
    shop.simulator.wait_until_idle()
    shop.simulator.hold_jobs()
    waiting = start(shop, "imports", "skus", inputs=skus(category, "B"))
    assert shop.ids("imports", **{"filter[q][status_eq]": "completed"}) == [done]
    assert shop.ids("imports", **{"filter[q][status_in]": "pending,in_progress"}) == [waiting]
    assert shop.ids("imports", **{"filter[q][attachment_url_null]": "true"}) == [waiting]
    assert shop.ids("imports", **{"filter[q][processed_count_gteq]": "1"}) == [done]


def test_jobs_of_several_environments_do_not_mix() -> None:
    with Simulator(organizations="demo,acme") as simulator:
        demo, acme = Shop(simulator), Shop(simulator, "acme-client", secret="acme-secret")
        rows = [{"name": "same"}]
        assert run(demo, "imports", "tags", inputs=rows)["status"] == "completed"
        assert run(acme, "imports", "tags", inputs=rows)["status"] == "completed"
        assert [len(read(each, "tags")) for each in (demo, acme)] == [1, 1]
        demo.close()
        acme.close()


# --- what is refused at once


@pytest.mark.parametrize(
    ("attributes", "name", "key"),
    [
        ({"resource_type": "markets", "inputs": [{}]}, "resource_type", "inclusion"),
        ({"resource_type": "nonsense", "inputs": [{}]}, "resource_type", "inclusion"),
        ({"resource_type": "skus", "inputs": []}, "inputs", "blank"),
        ({"resource_type": "skus"}, "inputs", "blank"),
        ({"resource_type": "skus", "inputs": [1]}, "inputs", "invalid"),
        ({"resource_type": "skus", "inputs": "code\nA"}, "inputs", "invalid"),
        ({"resource_type": "skus", "inputs": [{}], "format": "csv"}, "inputs", "invalid"),
        ({"resource_type": "skus", "inputs": "code,name\n", "format": "csv"}, "inputs", "blank"),
        ({"resource_type": "skus", "inputs": "a\n1,2", "format": "csv"}, "inputs", "invalid"),
        ({"resource_type": "skus", "inputs": 'a\n"1', "format": "csv"}, "inputs", "invalid"),
        ({"resource_type": "skus", "inputs": [{}], "format": "xml"}, "format", "inclusion"),
    ],
)
def test_what_cannot_be_imported_is_refused(
    shared: Shop, attributes: dict[str, Any], name: str, key: str
) -> None:
    before = shared.ids("imports")
    answer = shared.post("imports", {"type": "imports", "attributes": attributes})
    pointer, meta = refusal(answer)
    assert pointer == f"/data/attributes/{name}"
    assert meta["error"] == key
    assert shared.ids("imports") == before


@pytest.mark.parametrize("as_text", [False, True])
def test_no_more_inputs_than_the_switch_allows(*, as_text: bool) -> None:
    with Simulator(import_limit=3) as simulator:
        shop = Shop(simulator)
        rows = [{"name": f"tag{number}"} for number in range(4)]
        asked: dict[str, Any] = {"inputs": as_csv(rows), "format": "csv"} if as_text else {}
        answer = ask(shop, "imports", "tags", **{"inputs": rows, **asked})
        assert refusal(answer) == (
            "/data/attributes/inputs",
            {"error": "less_than_or_equal_to", "value": 4, "count": 3},
        )
        assert run(shop, "imports", "tags", inputs=rows[:3])["status"] == "completed"
        shop.close()


@pytest.mark.parametrize("kind", ["imports", "exports", "cleanups"])
def test_ten_of_a_kind_at_a_time(shop: Shop, category: str, kind: str) -> None:
    shop.simulator.store.put("skus", {"code": "X", "name": "X"})
    others = {"imports": {"inputs": skus(category, "A")}}.get(kind, {"filters": {"code_eq": "X"}})
    shop.simulator.hold_jobs()
    first, *_ = [start(shop, kind, "skus", **others) for _ in range(10)]
    shop.simulator.step_jobs()
    refused = ask(shop, kind, "skus", **others)
    assert refusal(refused) == (
        "/data/attributes/base",
        {"error": "max_concurrent_count", "value": 11, "count": 10},
    )
    assert shop.patch(kind, first, _interrupt=True).status_code == 200
    assert ask(shop, kind, "skus", **others).status_code == 201


# --- rows


def test_rows_are_matched_by_their_natural_key(shop: Shop, category: str) -> None:
    run(shop, "imports", "skus", inputs=skus(category, "A", "B"))
    before = shop.ids("skus", sort="id")
    done = run(shop, "imports", "skus", inputs=[{"code": "B", "name": "New"}, *skus(category, "C")])
    assert (done["processed_count"], done["errors_count"]) == (2, 0)
    assert shop.ids("skus", sort="id")[:2] == before
    assert [(each["code"], each["name"]) for each in read(shop, "skus")] == [
        ("A", "Name of A"),
        ("B", "New"),
        ("C", "Name of C"),
    ]


def test_an_id_comes_before_the_natural_key(shop: Shop, category: str) -> None:
    first = shop.create("skus", code="A")["id"]
    run(shop, "imports", "skus", inputs=[{"id": first, "code": "Z"}])
    assert [each["code"] for each in read(shop, "skus")] == ["Z"]
    taken = shop.create("skus", code="T")
    done = run(shop, "imports", "skus", inputs=[{"id": first, "code": "T"}], skip_errors=True)
    assert done["errors_log"] == {"T": {"code": ["has already been taken"]}}
    assert read(shop, f"skus/{taken['id']}/prices") == []


@pytest.fixture(scope="module")
def trade() -> Iterator[Shop]:
    with Simulator(seed=3) as simulator:
        shop = Shop(simulator)
        yield shop
        shop.close()


def first(shop: Shop, kind: str) -> str:
    return shop.ids(kind)[0]


def parents(shop: Shop) -> dict[str, tuple[str, dict[str, Any]]]:
    """Type -> its parent, and a row that needs it."""
    sku = str(shop.create("skus")["attributes"]["code"])
    sku_list = str(shop.create("sku_lists")["id"])
    return {
        "orders": (first(shop, "markets"), {"number": f"N-{sku}"}),
        "bundles": (
            first(shop, "markets"),
            {"code": f"B-{sku}", "name": "b", "price_amount_cents": 900, "sku_list_id": sku_list},
        ),
        "sku_options": (first(shop, "markets"), {"name": "engraving"}),
        "prices": (
            first(shop, "price_lists"),
            {"sku_code": sku, "amount_cents": 100},
        ),
        "stock_items": (first(shop, "stock_locations"), {"sku_code": sku, "quantity": 4}),
        "sku_list_items": (sku_list, {"sku_code": sku}),
    }


@pytest.mark.parametrize(
    "kind", ["orders", "bundles", "sku_options", "prices", "stock_items", "sku_list_items"]
)
def test_a_parent_is_given_once_for_all_rows(trade: Shop, kind: str) -> None:
    parent, row = parents(trade)[kind]
    before = len(trade.simulator.store.all(kind))
    done = run(trade, "imports", kind, inputs=[row], parent_resource_id=parent)
    assert done["errors_log"] is None
    assert (done["status"], done["parent_resource_id"]) == ("completed", parent)
    made = trade.simulator.store.all(kind)[-1]
    assert len(trade.simulator.store.all(kind)) == before + 1
    holders = {trade.simulator.store.records[n].id for n in made.links.values() if n}
    assert parent in holders


def test_a_rows_own_id_wins_over_the_parent(shop: Shop) -> None:
    lists = [shop.create("price_lists")["id"] for _ in range(2)]
    shop.create("skus", code="A")
    shop.create("skus", code="B")
    rows = [
        {"sku_code": "A", "amount_cents": 1, "price_list_id": lists[1]},
        {"sku_code": "B", "amount_cents": 2},
    ]
    run(shop, "imports", "prices", inputs=rows, parent_resource_id=lists[0])
    for price_list, code in zip(lists, "BA", strict=True):
        (price,) = read(shop, f"price_lists/{price_list}/prices")
        assert price["sku_code"] == code


def test_a_price_is_one_per_sku_and_list(shop: Shop) -> None:
    lists = [shop.create("price_lists")["id"] for _ in range(2)]
    sku = shop.create("skus", code="A")["id"]
    for price_list, cents in ((lists[0], 1), (lists[1], 2), (lists[0], 3)):
        row = {"sku_id": sku, "amount_cents": cents}
        run(shop, "imports", "prices", inputs=[row], parent_resource_id=price_list)
    assert [each["amount_cents"] for each in read(shop, "prices")] == [3, 2]


def test_what_a_row_repeats_may_be_what_cannot_change(shop: Shop) -> None:
    """`sku`, `sku_list` and `customer_email` can be set once and be repeated ever after."""
    sku_list = shop.create("sku_lists")["id"]
    shop.create("skus", code="A")
    customer = shop.create("customers", email="a@example.com")["id"]
    for quantity in (1, 2):
        row = {"sku_code": "A", "sku_list_id": sku_list, "quantity": quantity}
        assert run(shop, "imports", "sku_list_items", inputs=[row])["errors_log"] is None
        row = {"customer_id": customer, "reference": "news", "metadata": {"times": quantity}}
        done = run(shop, "imports", "customer_subscriptions", inputs=[row])
        assert done["errors_log"] is None
    assert [each["quantity"] for each in read(shop, "sku_list_items")] == [2]
    (subscription,) = read(shop, "customer_subscriptions")
    assert subscription["customer_email"] == "a@example.com"
    assert subscription["metadata"] == {"times": 2}


def test_a_link_that_exists_is_kept_and_one_that_does_not_is_refused(
    shop: Shop, category: str
) -> None:
    rows = skus(category, "A")
    run(shop, "imports", "skus", inputs=rows)
    assert run(shop, "imports", "skus", inputs=rows)["errors_log"] is None
    (sku,) = shop.ids("skus")
    done = run(shop, "imports", "skus", inputs=skus("xYZkjABcde", "A"))
    assert done["errors_log"] == {"A": {"shipping_category": ["must exist"]}}
    link = shop.get(f"skus/{sku}", include="shipping_category").json()["included"]
    assert [each["id"] for each in link] == [category]


def test_rows_of_one_name_share_their_errors(shop: Shop) -> None:
    rows = [{"code": "A", "name": "a"}, {"code": "A", "nonsense": 1}]
    done = run(shop, "imports", "skus", inputs=rows, skip_errors=True)
    assert done["errors_log"] == {
        "A": {"shipping_category": ["can't be blank"], "nonsense": ["is not allowed"]}
    }
    assert done["errors_count"] == 2


def test_rows_hold_rows(shop: Shop) -> None:
    price_list = shop.create("price_lists")["id"]
    shop.create("skus", code="A")
    for cents in (90, 80):
        row = {
            "sku_code": "A",
            "amount_cents": 100,
            "price_list_id": price_list,
            "price_tiers": [
                {"name": "ten", "up_to": 10, "price_amount_cents": cents},
                {"name": "rest", "up_to": 20, "price_amount_cents": 70},
            ],
        }
        assert run(shop, "imports", "prices", inputs=[row])["errors_log"] is None
    (price,) = shop.ids("prices")
    tiers = read(shop, f"prices/{price}/price_volume_tiers")
    assert [(each["up_to"], each["price_amount_cents"]) for each in tiers] == [(10, 80), (20, 70)]


def test_an_order_comes_with_its_line_items(trade: Shop) -> None:
    code = read(trade, "skus")[0]["code"]
    row = {
        "number": "ERP-1",
        "customer_email": "new@example.com",
        "line_items": [{"sku_code": code, "quantity": 3}],
    }
    market = first(trade, "markets")
    for _ in range(2):
        done = run(trade, "imports", "orders", inputs=[row], parent_resource_id=market)
        assert done["errors_log"] is None
    (order,) = trade.ids("orders", **{"filter[q][number_eq]": "ERP-1"})
    (item,) = read(trade, f"orders/{order}/line_items")
    assert (item["sku_code"], item["quantity"]) == (code, 3)
    read_order = read(trade, "orders", **{"filter[q][id_eq]": order})[0]
    assert read_order["total_amount_cents"] == item["total_amount_cents"] > 0


def test_a_row_with_a_wrong_row_in_it_writes_nothing(shop: Shop) -> None:
    price_list = shop.create("price_lists")["id"]
    shop.create("skus", code="A")
    tiers = [{"name": "x", "price_amount_cents": "many"}]
    row = {"sku_code": "A", "amount_cents": 1, "price_list_id": price_list, "price_tiers": tiers}
    done = run(shop, "imports", "prices", inputs=[row])
    assert done["errors_log"] == {
        "A": {"price_tiers.price_amount_cents": ["is not a number"]},
    }
    assert read(shop, "prices") == []


def test_tags_are_given_by_id_or_name(shop: Shop, category: str) -> None:
    tag = shop.create("tags", name="old")["id"]
    rows = skus(category, "A", tags=[{"id": tag}, {"name": "new"}]) + skus(category, "B", tags=[])
    assert run(shop, "imports", "skus", inputs=rows)["errors_log"] is None
    (tagged,) = shop.ids("skus", **{"filter[q][tags_name_eq]": "new"})
    assert {each["name"] for each in read(shop, f"skus/{tagged}/tags")} == {"old", "new"}


def test_an_order_of_the_past_is_archived(trade: Shop) -> None:
    market = first(trade, "markets")
    past = {"status": "approved", "payment_status": "paid", "placed_at": "2020-01-02T03:04:05Z"}
    rows = [{"number": "P-1", "_archive": True, **past}, {"number": "P-2", **past}]
    done = run(trade, "imports", "orders", inputs=rows, parent_resource_id=market, skip_errors=True)
    assert list(done["errors_log"]) == ["P-2"]
    assert set(done["errors_log"]["P-2"]) == set(past)
    (order,) = read(trade, "orders", **{"filter[q][number_start]": "P-"})
    assert order["archived_at"] is not None
    assert (order["status"], order["payment_status"]) == ("approved", "paid")
    assert order["placed_at"] == "2020-01-02T03:04:05.000Z"


# --- CSV


def test_a_csv_is_one_string(shop: Shop, category: str) -> None:
    shop.create("tags", name="summer")
    text = (
        "code,name,shipping_category_id,pieces_per_pack,do_not_track,metadata.erp,tags.name\r\n"
        f'A,"Shirt, red ""XL""\nfor summer",{category},4,true,42,"summer,sale"\r\n'
        f"B,Plain,{category},,,,\r\n"
    )
    done = run(shop, "imports", "skus", inputs=text, format="csv")
    assert (done["errors_log"], done["inputs_size"], done["format"]) == (None, 2, "csv")
    assert done["inputs"] == text
    shirt, plain = read(shop, "skus")
    assert shirt["name"] == 'Shirt, red "XL"\nfor summer'
    assert (shirt["pieces_per_pack"], shirt["do_not_track"]) == (4, True)
    assert shirt["metadata"] == {"erp": "42"}
    assert (plain["pieces_per_pack"], plain["do_not_track"]) == (None, None)
    assert {each["name"] for each in read(shop, "tags")} == {"summer", "sale"}


def test_cells_of_a_csv_list_nested_rows(shop: Shop) -> None:
    price_list = shop.create("price_lists")["id"]
    shop.create("skus", code="A")
    text = (
        "sku_code,amount_cents,price_tiers.name,price_tiers.up_to,price_tiers.price_amount_cents\n"
        'A,100,"few,many","10,20","90,80"\n'
    )
    done = run(shop, "imports", "prices", inputs=text, format="csv", parent_resource_id=price_list)
    assert done["errors_log"] is None
    (price,) = shop.ids("prices")
    tiers = read(shop, f"prices/{price}/price_volume_tiers")
    assert [(each["name"], each["up_to"], each["price_amount_cents"]) for each in tiers] == [
        ("few", 10, 90),
        ("many", 20, 80),
    ]


def test_a_cell_of_the_wrong_type_is_an_error_of_its_row(shop: Shop) -> None:
    text = "quantity,sku_code\nmany,A\n"
    done = run(shop, "imports", "stock_items", inputs=text, format="csv")
    assert done["errors_log"]["A"]["quantity"] == ["is not a number"]


# --- errors


def test_more_than_ten_percent_of_errors_interrupt(shop: Shop, category: str) -> None:
    topics = announced(shop.simulator)
    good, bad = skus(category, *"ABCDEFGHIJKLMNOPQR"), [{"code": "X"}, {"code": "Y"}, {"code": "Z"}]
    rows = [*good[:5], *bad, *good[5:]]
    done = run(shop, "imports", "skus", inputs=rows)
    assert (done["status"], done["inputs_size"]) == ("interrupted", 21)
    assert (done["processed_count"], done["errors_count"]) == (5, 3)
    assert done["interrupted_at"] is not None
    assert done["completed_at"] is None
    assert set(done["errors_log"]) == {"X", "Y", "Z"}
    assert done["errors_log"]["X"] == {
        "name": ["can't be blank"],
        "shipping_category": ["can't be blank"],
    }
    assert [each["code"] for each in read(shop, "skus")] == list("ABCDE")
    assert topics == ["imports.create", "imports.start", "imports.interrupt"]


def test_ten_percent_of_errors_are_tolerated(shop: Shop, category: str) -> None:
    rows = [{"code": "X"}, *skus(category, *"ABCDEFGHI")]
    done = run(shop, "imports", "skus", inputs=rows)
    assert (done["status"], done["processed_count"], done["errors_count"]) == ("completed", 9, 1)


@pytest.mark.parametrize("organization", [False, True])
def test_errors_can_be_skipped(shop: Shop, category: str, *, organization: bool) -> None:
    environment = shop.simulator.environment()
    if organization:
        environment.store.change(environment.organization, {"imports_skip_errors": True})
    rows = [{"code": "X"}, *skus(category, "A")]
    done = run(shop, "imports", "skus", inputs=rows, skip_errors=not organization)
    assert (done["status"], done["processed_count"], done["errors_count"]) == ("completed", 1, 1)


def test_unknown_and_read_only_attributes_are_errors(shop: Shop, category: str) -> None:
    rows = skus(category, "A", nonsense=1, created_at="2020-01-01T00:00:00Z")
    done = run(shop, "imports", "skus", inputs=rows)
    assert "nonsense" in done["errors_log"]["A"]
    assert done["status"] == "interrupted"
    assert read(shop, "skus") == []


def test_a_row_whose_parent_does_not_exist_is_an_error(shop: Shop) -> None:
    shop.create("skus", code="A")
    rows = [{"sku_code": "A", "amount_cents": 1}]
    done = run(shop, "imports", "prices", inputs=rows, parent_resource_id="xYZkjABcde")
    assert done["errors_log"] == {"A": {"price_list": ["must exist"]}}


def test_what_stood_in_no_row_is_cleaned_up_on_demand(shop: Shop, category: str) -> None:
    run(shop, "imports", "skus", inputs=skus(category, "A", "B", "C"))
    store = shop.simulator.store
    used = store.find("skus", "code", "C")
    store.put("stock_line_items", {"quantity": 1}, {"sku": used})
    store.put("stock_transfers", {"quantity": 1}, {"sku": used})
    done = run(shop, "imports", "skus", inputs=skus(category, "A"), cleanup_records=True)
    assert done["warnings_log"] == {"C": ["could not be deleted"]}
    assert (done["warnings_count"], done["destroyed_count"]) == (1, 1)
    assert [each["code"] for each in read(shop, "skus")] == ["A", "C"]


# --- around


def test_the_attachment_is_the_gzip_of_the_inputs(
    shop: Shop, http: httpx.Client, category: str
) -> None:
    rows = skus(category, "A", "É")
    done = run(shop, "imports", "skus", inputs=rows)
    assert json.loads(text_of(done, http)) == rows == done["inputs"]
    text = "code,name\nA,é\n"
    done = run(shop, "imports", "skus", inputs=text, format="csv")
    assert text_of(done, http) == text


def test_inputs_are_kept_once_and_packed(shop: Shop, category: str) -> None:
    rows = skus(category, *(f"A{number}" for number in range(200)))
    running = start(shop, "imports", "skus", inputs=rows)
    shop.simulator.wait_until_idle()
    record = shop.simulator.store.get("imports", running)
    assert record
    packed = record.attributes[FILE]
    assert len(packed) < len(json.dumps(rows)) / 5
    assert json.loads(gzip.decompress(packed)) == rows


@pytest.mark.parametrize("heard", [False, True])
def test_imports_are_muted_unless_the_organization_wants_it(shop: Shop, *, heard: bool) -> None:
    environment = shop.simulator.environment()
    environment.store.change(environment.organization, {"imports_trigger_webhooks": heard})
    topics = announced(shop.simulator)
    run(shop, "imports", "customers", inputs=[{"email": "a@example.com"}])
    between = ["customers.create"] if heard else []
    assert topics == ["imports.create", "imports.start", *between, "imports.complete"]
    shop.create("customers")
    assert topics[-1] == "customers.create"


def test_orders_are_heard_of_in_imports_as_far_as_documented(trade: Shop) -> None:
    market = first(trade, "markets")
    rows = [{"number": number, "customer_email": "heard@example.com"} for number in ("H-1", "H-2")]
    run(trade, "imports", "orders", inputs=rows, parent_resource_id=market)
    by_hand, by_import = trade.ids("orders", sort="id", **{"filter[q][number_start]": "H-"})
    topics = announced(trade.simulator)
    trade.patch("orders", by_hand, _cancel=True)
    heard = [topic for topic in topics if topic in HEARD_IN_IMPORTS]
    topics.clear()
    done = run(trade, "imports", "orders", inputs=[{"id": by_import, "_cancel": True}])
    assert done["errors_log"] is None
    assert topics == ["imports.create", "imports.start", *heard, "imports.complete"]


def test_jobs_step_over_http(shop: Shop, http: httpx.Client, category: str) -> None:
    address = f"{shop.simulator.url}/_simulator/jobs"
    http.post(f"{address}/hold")
    running = start(shop, "imports", "skus", inputs=skus(category, "A", "B"))
    for expected in ("in_progress", "in_progress"):
        http.post(f"{address}/step")
        assert state(shop, "imports", running)["status"] == expected
    http.post(f"{address}/release")
    http.get(f"{shop.simulator.url}/_simulator/idle")
    assert state(shop, "imports", running)["status"] == "completed"


def test_ten_thousand_rows_take_seconds() -> None:
    """Within the bounds of the process's own time: the machine may be busy with other things."""
    with Simulator(job_speed=0.0) as simulator:
        shop = Shop(simulator)
        category = shop.create("shipping_categories")["id"]
        rows = skus(category, *(f"A{number}" for number in range(10_000)))
        began = time.process_time()
        done = run(shop, "imports", "skus", inputs=rows)
        assert time.process_time() - began < 10
        assert (done["status"], done["processed_count"]) == ("completed", 10_000)
        shop.close()


# --- every type


def flat(shop: Shop, kind: str) -> dict[str, Any]:
    """A valid document as a row."""
    concrete = (catalog.resource(kind).variants or (kind,))[0]
    document = shop.document(concrete, full=True)
    links = {
        f"{name}_id": each["data"]["id"]
        for name, each in document["relationships"].items()
        if not isinstance(each["data"], list)
    }
    return {**document["attributes"], **links}


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("kind", sorted(rules.values("import_types")))
def test_every_type_is_imported_and_updated(trade: Shop, kind: str, form: str) -> None:
    row = flat(trade, kind)
    store = trade.simulator.store
    before = len(store.all(kind))
    for reference in ("first", "second"):
        sent = {**row, "reference": reference, "metadata": {"times": 1}}
        if kind == "customer_subscriptions":
            sent["reference"] = "news"  # part of its key
        if len(store.all(kind)) > before and kind not in KEYS:
            sent = {"id": store.all(kind)[-1].id, "reference": reference}
        cells = {k: json.dumps(v) if not isinstance(v, str) else v for k, v in sent.items()}
        inputs = as_csv([cells]) if form == "csv" else [sent]
        done = run(trade, "imports", kind, inputs=inputs, format=form)
        assert done["errors_log"] is None
        assert len(store.all(kind)) == before + 1
        made = store.all(kind)[-1]
        read_back = trade.get(f"{made.type}/{made.id}").json()["data"]["attributes"]
        known = catalog.resource(made.type).attributes
        for name, value in sent.items():
            if name in known and known[name].fetchable:
                assert read_back[name] == value, name


def test_what_an_import_holds_can_be_asked_for_by_every_way(trade: Shop) -> None:
    made = start(trade, "imports", "tags", inputs=[{"name": "asked"}])
    trade.simulator.wait_until_idle()
    for path in (f"imports/{made}", f"imports/{made}/events", f"imports/{made}/event_stores"):
        assert trade.get(path).status_code == 200, path
    assert trade.get("imports").status_code == 200
    before = trade.get(f"imports/{made}").json()["data"]["attributes"]
    changed = trade.patch("imports", made, reference="later").json()["data"]["attributes"]
    assert changed["inputs"] == before["inputs"] == [{"name": "asked"}]
