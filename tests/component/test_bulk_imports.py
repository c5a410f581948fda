"""The bulk_imports function between a simulated Commerce Layer and a mocked AWS."""

import gzip
import json
from typing import Any

import pytest

from bulk_imports import reader
from bulk_imports.jobs import Jobs
from connector import aws
from connector.connections import connect
from connector.deadline import Deadline
from connector.errors import PermissionDenied
from connector.settings import settings
from local.simulator.store import Record
from tests.component.import_world import BUCKET, Imports

KEY = "imports/default/stock_items/levels.csv"


@pytest.fixture
def location(imports: Imports) -> str:
    """Where stock lies; ten SKUs are there to have some."""
    store = imports.simulator.store
    for number in range(10):
        store.put("skus", {"code": f"SKU{number}", "name": f"No. {number}"})
    return store.put("stock_locations", {"code": "main", "name": "Main"}).id


def levels(location: str, codes: list[str], quantity: object = 5) -> str:
    rows = [f"{code},{location},{quantity}" for code in codes]
    return "\n".join(["sku_code,stock_location_id,quantity", *rows, ""])


def codes(count: int) -> list[str]:
    return [f"SKU{number}" for number in range(count)]


def quantities(imports: Imports) -> dict[str, int]:
    return {
        each.get("sku_code"): each.get("quantity")
        for each in imports.simulator.store.all("stock_items")
    }


def jobs(imports: Imports) -> list[Record]:
    return list(imports.simulator.store.all("imports"))


def test_a_file_becomes_jobs_and_a_report(imports: Imports, location: str) -> None:
    summary = imports.run(KEY, levels(location, codes(10)), {"chunk-size": "100"})
    assert summary["status"] == "done"
    assert summary["counts"] == {
        "rows": 10,
        "ok": 10,
        "failed": 0,
        "not_attempted": 0,
        "unknown": 0,
    }
    assert quantities(imports) == dict.fromkeys(codes(10), 5)
    assert imports.lines(summary)[0] == {
        "row": 1,
        "line": 2,
        "key": f"SKU0 {location}",
        "status": "ok",
        "reasons": [],
        "id": None,
    }
    assert summary["failed"] is None
    (job,) = jobs(imports)
    assert job.get("reference") == f"{summary['import']}-00001-00"
    assert job.get("reference_origin") == "commerce-layer-connector"
    assert job.get("skip_errors") is True


def test_the_api_is_told_how_it_ended(imports: Imports, location: str) -> None:
    summary = imports.run(KEY, levels(location, codes(2)))
    key = {"pk": {"S": f"import#{summary['import']}"}, "sk": {"S": "import"}}
    item = aws.client("dynamodb").get_item(TableName="table", Key=key)["Item"]
    told = json.loads(item["doc"]["S"])
    assert (told["status"], told["counts"]["ok"]) == ("done", 2)
    assert told["report"] == summary["report"]


def test_two_thousand_rows_cost_three_requests(imports: Imports, location: str) -> None:
    for number in range(10, 2000):
        imports.simulator.store.put("skus", {"code": f"SKU{number}", "name": "x"})
    imports.run(KEY, levels(location, codes(2000)))
    assert [method for method, _ in imports.spent()] == ["POST", "GET"]


def test_chunks_run_as_jobs_of_their_own(imports: Imports, location: str) -> None:
    for number in range(10, 250):
        imports.simulator.store.put("skus", {"code": f"SKU{number}", "name": "x"})
    summary = imports.run(KEY, levels(location, codes(250)), {"chunk-size": "100"})
    assert [each.get("inputs_size") for each in jobs(imports)] == [100, 100, 50]
    assert [line["row"] for line in imports.lines(summary)] == list(range(1, 251))
    assert summary["plan"] == {
        "import_jobs": 3,
        "requests": 15,
        "requests_one_by_one": 500,
        "explanation": "250 rows in 3 import jobs: about 15 requests in all, instead of 500.",
    }


def test_the_report_names_row_field_and_reason_and_good_rows_are_applied(
    imports: Imports, location: str
) -> None:
    """Of ten rows five are wrong, some for us to see and some for Commerce Layer alone."""
    text = levels(location, ["SKU0", "SKU1"])
    text += f"SKU2,{location},many\n"
    text += f"nowhere,{location},1\n"
    text += f"SKU1,{location},7\n"
    text += f"SKU3,{location},8,9\n"
    text += f",{location},1\n"
    text += f'"SKU4",{location},4\n'
    text += f"SKU5,{location},5\n"
    text += f"SKU6,{location},-6\n"
    summary = imports.run(KEY, text)
    lines = {line["row"]: line for line in imports.lines(summary)}
    assert lines[3]["reasons"] == [{"field": "quantity", "reason": "is no whole number"}]
    assert lines[4]["status"] == "failed"
    assert lines[4]["reasons"][0]["field"] in ("sku", "sku_code")
    assert lines[5]["reasons"][0]["reason"] == f"SKU1 {location} stands in an earlier row too"
    assert lines[6]["reasons"] == [{"field": "", "reason": "has 4 cells, the header has 3"}]
    assert lines[7]["reasons"] == [{"field": "sku_code", "reason": "is missing or sku_id"}]
    assert lines[10]["reasons"][0]["field"] == "quantity"
    good = [row for row, line in lines.items() if line["status"] == "ok"]
    assert good == [1, 2, 8, 9]
    assert quantities(imports) == {"SKU0": 5, "SKU1": 5, "SKU4": 4, "SKU5": 5}
    assert summary["counts"]["failed"] == 6


def test_failed_rows_can_be_sent_again_as_they_are(imports: Imports, location: str) -> None:
    summary = imports.run(KEY, levels(location, ["SKU0", "new"]))
    again = imports.text(summary["failed"])
    assert again == levels(location, ["new"])
    imports.simulator.store.put("skus", {"code": "new", "name": "New"})
    repaired = imports.run(KEY + ".gz", gzip.compress(again.encode()))
    assert repaired["counts"]["ok"] == 1
    assert quantities(imports)["new"] == 5


def test_json_lines_with_rows_that_are_none(imports: Imports, location: str) -> None:
    rows: list[Any] = [
        {"sku_code": "SKU0", "stock_location_id": location, "quantity": 1},
        {"sku_code": "SKU1", "stock_location_id": location, "quantity": "1"},
        {"sku_code": "SKU2", "stock_location_id": location, "quantity": 2, "colour": "red"},
        [],
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\n{oops\n\n"
    summary = imports.run("imports/default/stock_items/a/b.jsonl", text)
    lines = imports.lines(summary)
    assert [line["status"] for line in lines] == ["ok", *["failed"] * 4]
    assert lines[1]["reasons"] == [{"field": "quantity", "reason": "is not of type integer"}]
    assert lines[2]["reasons"][0]["field"] == "colour"
    assert "no JSON object" in lines[4]["reasons"][0]["reason"]
    assert len(imports.text(summary["failed"]).splitlines()) == 4


def test_rows_without_a_parent_get_the_one_of_the_file(imports: Imports, location: str) -> None:
    summary = imports.run(KEY, "sku_code,quantity\nSKU1,3\n", {"parent": location})
    assert summary["counts"]["ok"] == 1
    assert quantities(imports) == {"SKU1": 3}


def test_a_dry_run_sends_nothing(imports: Imports, location: str) -> None:
    text = levels(location, ["SKU0", "SKU1"]) + f"SKU2,{location},x\n"
    summary = imports.run(KEY, text, {"dry-run": "true"})
    assert summary["status"] == "dry run"
    assert summary["counts"]["not_attempted"] == 2
    assert not imports.spent()
    assert imports.text(summary["failed"]).splitlines()[1:] == [f"SKU2,{location},x"]


def test_muted_events_are_published_where_asked_for(imports: Imports, location: str) -> None:
    codes_with_a_comma = ["SKU0", "SKU1", "a,b"]
    imports.simulator.store.put("skus", {"code": "a,b", "name": "x"})
    rows = [f'"{code}",{location},4' for code in codes_with_a_comma]
    text = "\n".join(["sku_code,stock_location_id,quantity", *rows, f"nowhere,{location},4"])
    summary = imports.run(KEY, text, {"events": "true"})
    details = [each for each in imports.details if each["topic"] == "stock_items.imported"]
    assert sorted(each["resource"]["sku_code"] for each in details) == ["SKU0", "SKU1", "a,b"]
    assert {each["caused_by"] for each in details} == {summary["import"]}
    assert {each["organization"] for each in details} == {"demo"}
    ids = {each["resource"]["sku_code"]: each["change"]["id"] for each in details}
    assert [line["id"] for line in imports.lines(summary)] == [*ids.values(), None]


def test_a_second_user_in_all_ten_slots_only_delays_ours(imports: Imports, location: str) -> None:
    store, waited = imports.simulator.store, []
    others = [store.put("imports", {"status": "in_progress"}) for _ in range(10)]

    def one_ends_after_a_while() -> None:
        waited.append(len(jobs(imports)))
        if len(waited) == 5:
            store.update("imports", others[0].id, {"status": "completed"})

    imports.between = one_ends_after_a_while
    summary = imports.run(KEY, levels(location, codes(10)))
    assert summary["counts"]["ok"] == 10
    assert len(waited) >= 5
    assert len(jobs(imports)) == 11


def test_our_own_chunks_wait_for_a_slot(
    imports: Imports, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10, 300):
        imports.simulator.store.put("skus", {"code": f"SKU{number}", "name": "x"})
    monkeypatch.setenv("IMPORT_SLOTS", "1")
    settings.cache_clear()
    active = []
    imports.between = lambda: active.append(
        sum(1 for job in jobs(imports) if job.get("status") in ("pending", "in_progress"))
    )
    summary = imports.run(KEY, levels(location, codes(300)), {"chunk-size": "100"})
    assert summary["counts"]["ok"] == 300
    assert max(active) <= 1


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "502", "504", "500", "reset", "html"])
def test_a_creation_whose_answer_is_lost_is_looked_for(
    imports: Imports, location: str, kind: str
) -> None:
    imports.simulator.faults.add(kind, method="POST", path="/api/imports", times=1)
    summary = imports.run(KEY, levels(location, codes(10)))
    assert summary["counts"]["ok"] == 10
    assert len(jobs(imports)) == 1


def test_a_row_without_a_key_is_never_sent_twice(imports: Imports) -> None:
    """Nobody knows whether the job was made; by then it would have been found."""
    imports.simulator.faults.add("504", method="POST", path="/api/imports", times=1)
    row = {"first_name": "Ada", "last_name": "L", "line_1": "1 St", "city": "B"}
    row |= {"country_code": "GB", "phone": "1", "zip_code": "2", "state_code": "LND"}
    summary = imports.run("imports/default/addresses/a.jsonl", json.dumps(row))
    assert summary["counts"]["unknown"] == 1
    assert not jobs(imports)
    assert imports.text(summary["failed"]) == "", "to send it again may make it twice"
    assert "was not found" in imports.lines(summary)[0]["reasons"][0]["reason"]


def test_an_interrupted_job_goes_on_with_the_rest(imports: Imports, location: str) -> None:
    """Somebody ends it by hand, in the middle."""
    planned = imports.plan(imports.upload(KEY, levels(location, codes(10))))
    imports.simulator.hold_jobs()
    imports.carry(planned["import"])
    for _ in range(5):
        imports.simulator.step_jobs()
    (job,) = jobs(imports)
    assert job.get("status") == "in_progress"
    done = job.get("processed_count")
    interrupt(job)
    imports.simulator.release_jobs()
    summary = imports.carry_all(planned)
    assert summary["counts"]["ok"] == 10
    assert [each.get("inputs_size") for each in jobs(imports)] == [10, 10 - done]


def interrupt(job: Record) -> None:
    connect("default", Deadline.after(30)).trigger("imports", job.id, "interrupt")


def test_with_the_brake_too_many_errors_stop_the_job_and_the_rest_is_reported(
    imports: Imports, location: str
) -> None:
    names = ["SKU0", "no1", "no2", *codes(10)[1:]]
    summary = imports.run(KEY, levels(location, names), {"skip-errors": "false"})
    counts = summary["counts"]
    assert counts["failed"] == 2
    assert counts["ok"] + counts["not_attempted"] == 10
    assert counts["not_attempted"] > 0
    assert len(quantities(imports)) <= 1 + counts["ok"] + counts["failed"]
    again = imports.text(summary["failed"]).splitlines()
    assert len(again) == 1 + 2 + counts["not_attempted"]


def test_without_it_half_of_the_rows_may_be_wrong(imports: Imports, location: str) -> None:
    names = [name for number in range(10) for name in (f"SKU{number}", f"no{number}")]
    summary = imports.run(KEY, levels(location, names))
    assert (summary["counts"]["ok"], summary["counts"]["failed"]) == (10, 10)
    assert len(jobs(imports)) == 1


def test_rows_that_the_log_calls_the_same_are_told_apart(imports: Imports, location: str) -> None:
    """Two of one SKU, one of them at a place that does not exist."""
    text = levels(location, codes(3)) + "SKU1,nowhere,3\n"
    summary = imports.run(KEY, text)
    statuses = {line["row"]: line["status"] for line in imports.lines(summary)}
    assert statuses == {1: "ok", 2: "ok", 3: "ok", 4: "failed"}


def test_the_same_event_twice_is_one_import(imports: Imports, location: str) -> None:
    detail = imports.upload(KEY, levels(location, codes(2)))
    assert imports.plan(detail)["status"] == "import"
    assert imports.task("plan", execution="e2", detail=detail)["status"] == "duplicate"
    assert imports.plan(detail)["status"] == "import", "the task itself may be repeated"


def test_a_task_that_comes_twice_changes_nothing(imports: Imports, location: str) -> None:
    planned = imports.plan(imports.upload(KEY, levels(location, codes(10))))
    for _ in range(2):
        imports.carry(planned["import"])
    summary = imports.carry_all(planned)
    assert imports.carry(planned["import"]) == {"status": "done", "seconds": 0}
    assert imports.report(planned["import"]) == {**summary, "updated_at": any_time(imports)}
    assert len(jobs(imports)) == 1


def any_time(imports: Imports) -> str:
    stamp: str = imports.details[-1]["resource"]["updated_at"]
    return stamp


def test_a_large_file_is_read_in_several_runs(
    imports: Imports, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the runs find is what one would have found."""
    names = [f"SKU{number % 290}" for number in range(300)]
    detail = imports.upload(KEY, levels(location, names), {"chunk-size": "100"})
    runs = 0
    monkeypatch.setattr(reader, "PIECE", 100)
    while (planned := imports.plan(detail, milliseconds=10_000))["status"] == "again":
        runs += 1
    assert runs >= 2
    assert planned["chunks"] == [1, 2, 3]
    summary = imports.report(planned["import"])
    lines = imports.lines(summary)
    assert [line["row"] for line in lines] == list(range(1, 301))
    assert [line["line"] for line in lines] == list(range(2, 302))
    assert summary["counts"]["failed"] == 10, "the last ten came before"


def test_a_chunk_whose_task_fails_to_the_end_is_reported(imports: Imports, location: str) -> None:
    planned = imports.plan(imports.upload(KEY, levels(location, codes(3))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Jobs, "start", not_permitted)
        with pytest.raises(PermissionDenied):
            imports.carry(planned["import"])
    summary = imports.report(planned["import"])
    assert summary["counts"]["not_attempted"] == 3
    assert "permission" in imports.lines(summary)[0]["reasons"][0]["reason"]


def not_permitted(*_: Any, **__: Any) -> None:
    raise PermissionDenied("The API credential has no permission for this.")


GARBAGE: dict[str, tuple[str, bytes, str]] = {
    "UTF-16": ("x.csv", "sku_code,quantity\nA,1\n".encode("utf-16"), "wrong-encoding"),
    "Latin-1": ("x.csv", "sku_code,reference\nA,Müller\n".encode("latin-1"), "wrong-encoding"),
    "no header": ("x.csv", b"A,1\nB,2\n", "no-header"),
    "semicolons": ("x.csv", b"sku_code;quantity\nA;1\n", "no-header"),
    "unknown column": ("x.csv", b"sku_code,quantety\nA,1\n", "wrong-header"),
    "read-only column": ("x.csv", b"sku_code,quantity,created_at\nA,1,\n", "wrong-header"),
    "a trigger": ("x.csv", b"sku_code,quantity,_validate\nA,1,true\n", "wrong-header"),
    "a column twice": ("x.csv", b"sku_code,sku_code\nA,B\n", "wrong-header"),
    "unclosed quote": ("x.csv", b'sku_code,quantity\nA,1\n"B,2\nC,3\n', "malformed"),
    "endless quote": ("x.csv", b'sku_code,quantity\n"' + b"A,1\n" * 300_000, "too-long"),
    "stray quote": ("x.csv", b'sku_code,quantity\n"A"B,1\n', "malformed"),
    "empty": ("x.csv", b"", "empty"),
    "a header alone": ("x.csv", b"sku_code,quantity\n", "empty"),
    "blank lines": ("x.jsonl", b"\n \n", "empty"),
    "binary": ("x.csv", b"\x7fELF\0\0\0\n", "not-text"),
    "gzip without its name": ("x.csv", gzip.compress(b"sku_code\nA\n"), "not-text"),
    "no gzip": ("x.csv.gz", b"sku_code,quantity\nA,1\n", "not-gzip"),
    "half a gzip": ("x.csv.gz", gzip.compress(b"sku_code,quantity\nA,1\n" * 99)[:-9], "not-gzip"),
    "one endless line": ("x.jsonl.gz", gzip.compress(b"1" * (9 << 20)), "too-long"),
    "other suffix": ("x.xlsx", b"PK", "wrong-folder"),
}  # fmt: skip


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_ends_in_a_clear_report_and_nothing_is_applied(imports: Imports, case: str) -> None:
    name, body, code = GARBAGE[case]
    summary = imports.run(f"imports/default/stock_items/{name}", body)
    assert (summary["status"], summary["problem"]["code"]) == ("refused", code)
    assert len(summary["problem"]["message"]) > 15
    assert summary["counts"]["rows"] == 0
    assert not imports.spent()
    kept = aws.client("s3").get_object(Bucket=BUCKET, Key=summary["summary"])["Body"].read()
    assert json.loads(kept)["problem"]["code"] == code


FOLDERS = {
    "imports/levels.csv": "wrong-folder",
    "imports/default/levels.csv": "wrong-folder",
    "imports/acme/stock_items/levels.csv": "unknown-instance",
    "imports/DEFAULT/stock_items/levels.csv": "unknown-instance",
    "imports/default/stock_itmes/levels.csv": "unknown-resource",
    "imports/default/markets/levels.csv": "not-importable",
}


@pytest.mark.parametrize("key", FOLDERS)
def test_a_wrong_place_is_reported(imports: Imports, key: str) -> None:
    summary = imports.run(key, "sku_code,quantity\nA,1\n")
    assert (summary["status"], summary["problem"]["code"]) == ("refused", FOLDERS[key])
    assert not imports.spent()


def test_a_zip_bomb_is_stopped(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_BYTES", 1 << 19)
    bomb = gzip.compress(b"sku_code,quantity\n" + b"A,1\n" * (1 << 18))
    summary = imports.run("imports/default/stock_items/x.csv.gz", bomb)
    assert summary["problem"]["code"] == "too-large"


def test_a_byte_order_mark_is_no_part_of_the_first_column(imports: Imports, location: str) -> None:
    text = "\ufeff" + levels(location, ["SKU1"])
    assert imports.run(KEY, text.replace("\n", "\r\n"))["counts"]["ok"] == 1


def test_a_file_that_is_replaced_meanwhile_is_not_mixed(imports: Imports, location: str) -> None:
    detail = imports.upload(KEY, levels(location, codes(2)))
    imports.upload(KEY, levels(location, codes(3)))
    planned = imports.plan(detail)
    assert planned["status"] == "report"
    assert imports.report(planned["import"])["problem"]["code"] == "changed"


@pytest.mark.parametrize(
    "metadata", [{"dry-run": "perhaps"}, {"chunk-size": "7"}, {"chunk-size": "x"}]
)
def test_an_option_that_means_nothing_is_refused(
    imports: Imports, location: str, metadata: dict[str, str]
) -> None:
    summary = imports.run(KEY, levels(location, codes(2)), metadata)
    assert summary["problem"]["code"] == "wrong-option"


def test_a_folder_is_no_file(imports: Imports) -> None:
    assert imports.plan(imports.upload("imports/default/", b""))["status"] == "ignored"


def test_a_failure_of_ours_is_told(imports: Imports, location: str) -> None:
    detail = imports.upload(KEY, levels(location, codes(2)))
    imports.plan(detail)
    imports.task("fail", execution="e1", detail=detail)
    assert imports.details[-1]["resource"]["status"] == "failed"
