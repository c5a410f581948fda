"""The bulk_exports function: windows, jobs, files, manifest, against simulator and moto."""

import csv
import gzip
import http.client
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bulk_exports import download, files, rounds
from connector import aws
from connector.job_slots import JobSlots
from local.simulator import Simulator
from tests.component.export_world import BUCKET, ORDERS, Exports, export_world
from tests.component.sync_world import schema


@pytest.fixture
def exports(empty: Simulator, point_to: Callable[[Simulator], Simulator]) -> Iterator[Exports]:
    """Windows of ten records; everything else is as it is."""
    empty.settings.job_speed = 0
    point_to(empty)
    with export_world(empty, window=10) as world:
        yield world
    for detail in world.details:
        schema("export").validate(detail)


def test_every_id_is_exported_once_and_the_manifest_proves_it(exports: Exports) -> None:
    ids = exports.put(45)
    told = exports.run()
    assert told["status"] == "done"
    assert told["progress"] == {
        "windows": 5, "done": 5, "missing": 0, "records": 45, "expected": 45,
    }  # fmt: skip
    manifest = exports.manifest(told)
    assert exports.exported(manifest) == ids
    assert manifest["counts"] == {"at_start": 45, "exported": 45, "at_end": 45, "changed": 0}
    assert all(manifest["checks"].values())
    assert manifest["missing"] == []
    assert [part["count"] for part in manifest["parts"]] == [10, 10, 10, 10, 5]
    folder = f"exports/default/orders/date={manifest['began_at'][:10]}/e1"
    assert told["manifest"] == f"{folder}/_manifest.json"
    assert manifest["parts"][1]["key"] == f"{folder}/part-0002.jsonl.gz"


def test_it_spends_few_requests(exports: Exports) -> None:
    exports.put(45)
    exports.run()
    plan, creations, last_count = 5, 5, 1
    assert exports.spent("POST", "/api/exports") == creations
    assert exports.spent("GET", "/api/orders") == plan + last_count
    assert exports.spent("GET", "/api/exports") <= 2, "all jobs are looked at by one request"


@pytest.mark.parametrize("count", [1, 9, 10, 11, 20, 21])
def test_windows_at_their_edges(exports: Exports, count: int) -> None:
    ids = exports.put(count)
    manifest = exports.manifest(exports.run())
    assert exports.exported(manifest) == ids
    assert len(manifest["parts"]) == -(-count // 10)


def test_nothing_matches_is_nothing_to_do(exports: Exports) -> None:
    told = exports.run()
    assert told["status"] == "done"
    assert exports.manifest(told)["parts"] == []
    assert exports.jobs() == 0


def test_what_was_asked_for_is_exported_and_nothing_else(exports: Exports) -> None:
    put = exports.simulator.store.put
    market = put("markets", {"name": "Europe"})
    placed = [put("orders", {"status": "placed"}, {"market": market}).id for _ in range(12)]
    exports.put(12)
    order = {
        **ORDERS,
        "filters": {"status_eq": "placed"},
        "fields": ["status", "market.name"],
    }
    manifest = exports.manifest(exports.run(order))
    assert exports.exported(manifest) == placed
    line = json.loads(exports.text(manifest["parts"][0]).splitlines()[0])
    assert line == {"id": placed[0], "status": "placed", "market": {"name": "Europe"}}


def test_a_table_keeps_its_header_in_every_part(exports: Exports) -> None:
    put = exports.simulator.store.put
    ids = [put("skus", {"code": f'A "{n}"\nB', "name": "N"}).id for n in range(15)]
    order = {"instance": "default", "resource": "skus", "fields": ["code"], "format": "csv"}
    manifest = exports.manifest(exports.run(order))
    rows = []
    for part in manifest["parts"]:
        assert part["key"].endswith(".csv.gz")
        rows += list(csv.DictReader(io.StringIO(exports.text(part), newline="")))
    assert [row["id"] for row in rows] == ids
    assert rows[3]["code"] == 'A "3"\nB'


def test_variants_are_exported_by_their_base_type(exports: Exports) -> None:
    ids = exports.put(12, "percentage_discount_promotions")
    order = {"instance": "default", "resource": "promotions"}
    assert exports.exported(exports.manifest(exports.run(order))) == ids


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"instance": "default"},
        {"instance": "other", "resource": "orders"},
        {"instance": "default", "resource": "ordres"},
        {"instance": "default", "resource": "organizations"},
        {**ORDERS, "filters": {"id_gt": "x"}},
        {**ORDERS, "filters": {"colour_eq": "red"}},
        {**ORDERS, "fields": ["nubmer"]},
        {**ORDERS, "includes": ["lines"]},
        {**ORDERS, "format": "xml"},
        {**ORDERS, "shape": "round"},
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(exports: Exports, order: Any) -> None:
    exports.put(3)
    told = exports.run(order)
    assert told["status"] == "refused"
    assert told["problem"]["message"]
    assert exports.jobs() == 0
    assert [each["resource"]["status"] for each in exports.details] == ["refused"]


# --- What Commerce Layer does ---------------------------------------------------------------------


def test_a_window_that_fails_is_halved(exports: Exports) -> None:
    ids = exports.put(25)
    exports.simulator.faults.add("query_timeout", times=2)
    told = exports.run()
    manifest = exports.manifest(told)
    assert told["status"] == "done"
    assert exports.exported(manifest) == ids
    assert len(manifest["parts"]) > 3
    keys = [part["key"] for part in manifest["parts"]]
    assert keys == sorted(keys), "in the order of ids"


def test_what_never_works_is_reported_as_missing_and_the_rest_is_there(exports: Exports) -> None:
    ids = exports.put(25)
    broken = exports.simulator.faults.add("query_timeout")
    exports.between = lambda: exports.simulator.faults.clear() if exports.jobs() > 80 else None
    told = exports.run()
    assert broken.hits
    manifest = exports.manifest(told)
    assert told["status"] == "incomplete"
    assert not manifest["checks"]["nothing_missing"]
    assert manifest["checks"]["windows_contiguous"]
    missing = manifest["missing"]
    assert {each["reason"] for each in missing} == {"RuntimeError: query timeout"}
    assert len(exports.exported(manifest)) + len(missing) == 25
    # Started again under its id it does what is missing, and nothing else.
    exports.simulator.faults.clear()
    before, exports.between = exports.jobs(), lambda: None
    again = exports.run({**ORDERS, "export": "e1"}, "e2")
    assert again["status"] == "done"
    assert exports.exported(exports.manifest(again)) == ids
    assert exports.jobs() == before + len(missing)


def test_others_that_fill_the_slots_only_delay_it(exports: Exports) -> None:
    ids = exports.put(25)
    store = exports.simulator.store
    others = [store.put("exports", {"status": "in_progress"}) for _ in range(10)]
    rounds_left = [4]

    def end_one() -> None:
        rounds_left[0] -= 1
        if rounds_left[0] < 0 and others:
            store.change(others.pop(), {"status": "completed"})

    exports.between = end_one
    told = exports.run()
    assert told["status"] == "done"
    assert exports.exported(exports.manifest(told)) == ids


def test_our_own_slots_are_counted_and_given_back(exports: Exports) -> None:
    slots = JobSlots(aws.client("dynamodb"), "table", "demo#test", "exports", clock=exports.clock)
    for name in "abcd":
        assert slots.take(name, 5)
    exports.put(35)
    exports.simulator.hold_jobs()
    step = exports.task("plan", order=ORDERS)
    exports.task("work", export=step["export"])
    assert exports.jobs() == 1, "four of five are taken"
    exports.simulator.release_jobs()
    assert exports.run()["status"] == "done"
    assert slots.take("e", 5), "and none is kept"


def test_a_window_that_grew_is_halved(exports: Exports) -> None:
    exports.put(19)
    exports.simulator.settings.export_limit = 10
    step = exports.task("plan", order=ORDERS)
    exports.put(21)  # all of them belong to the last window
    told = exports.run()
    manifest = exports.manifest(told)
    assert step["status"] == "working"
    assert told["status"] == "done"
    assert len(exports.exported(manifest)) == 40
    assert manifest["counts"]["at_start"] == 19
    assert manifest["counts"]["at_end"] == 40


def test_what_is_deleted_meanwhile_is_no_hole(exports: Exports) -> None:
    ids = exports.put(25)
    exports.task("plan", order=ORDERS)
    store = exports.simulator.store
    for gone in (3, 9, 24):
        store.delete("orders", ids[gone])
    told = exports.run()
    assert told["status"] == "done"
    left = [each for at, each in enumerate(ids) if at not in (3, 9, 24)]
    assert exports.exported(exports.manifest(told)) == left


def test_a_window_whose_records_are_all_gone_is_done(exports: Exports) -> None:
    ids = exports.put(25)
    exports.task("plan", order=ORDERS)
    store = exports.simulator.store
    for each in ids[10:20]:
        store.delete("orders", each)
    told = exports.run()
    manifest = exports.manifest(told)
    assert told["status"] == "done"
    assert [part["count"] for part in manifest["parts"]] == [10, 0, 5]
    assert exports.exported(manifest) == ids[:10] + ids[20:]


def test_a_job_that_somebody_interrupted_is_made_again(exports: Exports) -> None:
    ids = exports.put(8)
    exports.simulator.hold_jobs()
    exports.task("plan", order=ORDERS)
    exports.task("work", export="e1")
    (job,) = exports.simulator.store.all("exports")
    exports.simulator.store.change(job, {"status": "interrupted"})
    exports.simulator.release_jobs()
    assert exports.exported(exports.manifest(exports.run())) == ids


# --- The wire -------------------------------------------------------------------------------------


def test_a_creation_whose_answer_got_lost_is_found_by_its_reference(exports: Exports) -> None:
    ids = exports.put(8)
    exports.simulator.faults.add("reset_after", method="POST", path="/api/exports", times=1)
    told = exports.run()
    assert exports.exported(exports.manifest(told)) == ids
    assert exports.jobs() == 1


def test_a_creation_that_got_lost_is_made_again_in_time(exports: Exports) -> None:
    ids = exports.put(8)
    exports.simulator.faults.add("504", method="POST", path="/api/exports", times=1)
    assert exports.exported(exports.manifest(exports.run())) == ids
    assert exports.jobs() == 1


def test_an_address_that_has_expired_is_asked_for_again(exports: Exports) -> None:
    ids = exports.put(8)
    looked: list[str] = []
    fetch = download.fetch

    def late(address: str, *rest: Any, **more: Any) -> Any:
        if not looked:
            exports.simulator.clock.advance(301)
        looked.append(address)
        return fetch(address, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "fetch", late)
        told = exports.run()
    assert exports.exported(exports.manifest(told)) == ids
    assert len(set(looked)) == 2
    assert exports.jobs() == 1


@pytest.mark.parametrize("kind", ["truncate", "reset", "reset_after", "500", "html_200"])
def test_a_download_that_breaks_is_made_again(exports: Exports, kind: str) -> None:
    ids = exports.put(8)
    exports.simulator.faults.add(kind, path="/attachments/*", times=2)
    assert exports.exported(exports.manifest(exports.run())) == ids
    assert exports.jobs() == 1


def test_a_file_that_stays_broken_costs_another_job_and_is_reported(exports: Exports) -> None:
    exports.put(8)
    exports.simulator.faults.add("truncate", path="/attachments/*")
    told = exports.run()
    assert told["status"] == "incomplete"
    (missing,) = exports.manifest(told)["missing"]
    assert missing["reason"]
    assert exports.jobs() == 3


def test_no_credential_goes_with_a_download(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    request = http.client.HTTPConnection.request

    def noting(self: Any, *args: Any, **more: Any) -> None:
        seen.append({**more, "args": args})
        request(self, *args, **more)

    monkeypatch.setattr(http.client.HTTPConnection, "request", noting)
    exports.put(3)
    exports.run()
    mine = [each for each in seen if "/attachments/" in str(each["args"])]
    assert [each["headers"] for each in mine] == [{"Accept-Encoding": "identity"}]


# --- Kills and repeats ----------------------------------------------------------------------------


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", range(6))
def test_after_a_kill_it_goes_on_with_what_is_not_done(
    exports: Exports, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after so many objects were written, the mark of the last one not yet."""
    ids = exports.put(25)
    written: list[str] = []
    write = files.Files.write_part

    def killed(self: files.Files, key: str, *rest: Any) -> dict[str, Any]:
        found = write(self, key, *rest)
        written.append(key)
        if len(written) == at:
            raise Killed
        return found

    monkeypatch.setattr(files.Files, "write_part", killed)
    told: dict[str, Any] = {}
    while not told:
        try:
            told = exports.run()
        except Killed:
            continue
    assert exports.exported(exports.manifest(told)) == ids
    assert exports.jobs() == 3
    assert len(written) == (3 if at in (0, 4, 5) else 4), "only the one that was not marked"


def test_a_step_that_is_repeated_does_nothing_again(exports: Exports) -> None:
    exports.put(25)
    told = exports.run()
    before = exports.manifest(told)
    exports.simulator.requests.clear()
    exports.task("plan", order=ORDERS)
    exports.task("work", export="e1")
    exports.task("finish", export="e1")
    assert exports.spent("POST", "/api/exports") == 0
    assert exports.manifest(told)["parts"] == before["parts"]
    assert len({each["id"] for each in exports.details}) == 1


def test_short_of_time_it_stops_and_goes_on(exports: Exports) -> None:
    ids = exports.put(25)
    exports.task("plan", order=ORDERS)
    exports.task("work", export="e1")
    step = exports.task("work", milliseconds=30_000, export="e1")
    assert step["status"] == "working"
    assert step["wait"] <= 2
    assert exports.exported(exports.manifest(exports.run())) == ids


def test_a_failure_to_the_end_is_told(exports: Exports) -> None:
    exports.put(3)
    exports.task("plan", order=ORDERS)
    exports.task("fail", order={**ORDERS, "export": "e1", "error": {"Error": "x"}})
    assert exports.told()["status"] == "failed"
    assert exports.details[-1]["resource"]["status"] == "failed"
    told = exports.run({**ORDERS, "export": "e1"}, "e2")
    assert told["status"] == "done"
    assert told["problem"] is None
    assert len({each["id"] for each in exports.details}) == 2


def test_nothing_of_a_record_is_lost_on_the_way(exports: Exports) -> None:
    put = exports.simulator.store.put
    odd = {"a": "zwei\nZeilen \u2028 😀", "n": 12345678901234567890, "f": 0.1}
    put("orders", {"metadata": odd})
    told = exports.run()
    (part,) = exports.manifest(told)["parts"]
    (line,) = gzip.decompress(exports.object(part["key"])).decode().rstrip("\n").split("\n")
    assert json.loads(line)["metadata"] == odd
    assert aws.client("s3").head_object(Bucket=BUCKET, Key=part["key"])["ContentType"]
