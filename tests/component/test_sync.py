"""The sync function in this process, between a simulated Commerce Layer and a mocked AWS."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector import aws as clients
from connector import connections, streams
from connector.commerce_layer import changes
from connector.commerce_layer.query import Query
from connector.deadline import Deadline
from connector.echoes import Echoes
from connector.errors import (
    DeadlineExceeded,
    InvalidRequest,
    PublishFailed,
    StreamChanged,
    UnknownInstance,
)
from local.simulator import Simulator
from local.simulator.clock import printed
from tests.component.sync_world import ORDERS, ROOT, Sync
from tests.conftest import REGION, LambdaContext
from tests.property.list_model import Lists


def test_the_first_run_begins_now_and_the_next_one_publishes_what_changed(sync: Sync) -> None:
    sync.put(3)
    first = sync.run()
    assert (first["outcome"], first["published"], first["complete"]) == ("done", 0, True)
    order = sync.simulator.store.put("orders")
    sync.simulator.clock.advance(60)
    again = sync.run()
    assert again["published"] == 1
    assert [d["change"]["id"] for d in sync.details] == [order.id]
    assert again["bookmark"] > first["bookmark"]


def test_every_declared_stream_publishes_by_its_schema(
    simulator: Simulator, sync: Sync, point_to: Callable[[Simulator], Simulator]
) -> None:
    point_to(simulator)
    for name in streams.names():
        if not list(simulator.store.all(streams.find(name).resource)):
            simulator.store.put(name)
        before = len(sync.details)
        result = sync.run({"instance": "default", "stream": name, "from": "full"})
        assert result["published"] == len(sync.details) - before > 0
        assert {d["topic"] for d in sync.details[before:]} == {f"{name}.changed"}


def test_an_event_carries_the_record_with_what_the_stream_includes(
    simulator: Simulator, sync: Sync, point_to: Callable[[Simulator], Simulator]
) -> None:
    point_to(simulator)
    sync.run({**ORDERS, "from": "full"})
    detail = sync.details[0]
    assert detail["organization"] == "demo"
    assert detail["mode"] == "test"
    assert detail["correlation_id"] == LambdaContext().aws_request_id
    assert detail["resource"]["customer"]["type"] == "customers"
    assert "email" in detail["resource"]["customer"]


@pytest.mark.slow
def test_10_000_changed_orders_cost_405_requests_at_most_while_one_changes_all_the_time(
    sync: Sync,
) -> None:
    """With 200 of them in one millisecond, and the API's clock 90 seconds off ours."""
    sync.simulator.clock.advance(90)
    sync.began()
    sync.simulator.clock.advance(3600)
    start = sync.now() - timedelta(minutes=30)

    def stamp(number: int) -> datetime:
        shared = min(max(number - 5_000, 0), 199)
        return start + (number - shared) * changes.MILLISECOND + timedelta(microseconds=number % 9)

    orders = [sync.put_at(stamp(number)) for number in range(10_000)]
    stop = threading.Event()

    def keep_busy() -> None:
        while not stop.wait(0.05):
            sync.simulator.store.update("orders", orders[7_000].id, {"reference": "hot"})

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        result = sync.run()
    finally:
        stop.set()
        busy.join()
    assert result["complete"]
    assert sync.lists() == result["requests"] <= 405
    sync.simulator.clock.advance(1)
    sync.run()
    assert sync.current() <= sync.versions()
    assert len(sync.ids()) == len(set(sync.ids()))


def test_a_commit_that_lands_within_the_overlap_comes_with_the_next_run(sync: Sync) -> None:
    sync.began()
    late = sync.put_at(sync.now() - timedelta(seconds=30))
    result = sync.run()
    assert [d["change"]["id"] for d in sync.details] == [late.id]
    assert result["late_arrivals"] == 0


def test_a_commit_that_lands_later_is_found_by_the_settle_sweep_and_counted(sync: Sync) -> None:
    sync.began()
    sync.simulator.clock.advance(120)
    stamp = sync.now()
    sync.simulator.clock.advance(480)
    sync.run()
    late = sync.put_at(stamp)
    assert sync.run()["published"] == 0
    sync.simulator.clock.advance(430)
    result = sync.run()
    assert [d["change"]["id"] for d in sync.details] == [late.id]
    assert (result["published"], result["late_arrivals"]) == (1, 1)
    sync.simulator.clock.advance(400)
    assert sync.run()["published"] == 0


def test_entries_that_the_bus_refuses_at_first_are_published_once(sync: Sync) -> None:
    sync.began()
    sync.put(60)
    sync.refuse = lambda call, position: call % 2 == 1 and position % 3 == 0
    assert sync.run()["published"] == 60
    assert sync.current() == sync.versions()
    assert len(sync.ids()) == 60


def test_a_bus_that_goes_on_refusing_stops_the_bookmark_and_doubles_nothing(sync: Sync) -> None:
    sync.began()
    sync.put(60)
    before = sync.state()
    sync.refuse = lambda _, position: position == 0
    with pytest.raises(PublishFailed, match="refused"):
        sync.run()
    assert sync.state()["bookmark"] == before["bookmark"]
    assert sync.details
    sync.refuse = lambda *_: False
    sync.run()
    assert sync.current() == sync.versions()
    assert len(sync.ids()) == 60


def test_a_publish_without_an_answer_doubles_its_own_entries_at_most(sync: Sync) -> None:
    sync.began()
    sync.put(60)
    sync.lose = lambda call: call == 2
    with pytest.raises(PublishFailed, match="did not acknowledge"):
        sync.run()
    sync.run()
    assert sync.current() == sync.versions()
    assert len(sync.ids()) <= 70
    assert len(set(sync.ids())) == 60


def test_a_second_run_at_the_same_time_is_quiet(sync: Sync) -> None:
    sync.began()
    sync.put(30)
    outcomes: list[Any] = []

    def rival(_: int) -> bool:
        outcomes.append(sync.run())
        return False

    sync.lose = lambda call: call == 1 and rival(call)
    assert sync.run()["published"] == 30
    assert [(o["outcome"], "published" in o) for o in outcomes] == [("busy", False)]
    assert len(sync.ids()) == 30


def test_near_the_deadline_a_run_stops_and_the_next_one_goes_on(sync: Sync) -> None:
    sync.began()
    sync.put(100)
    sync.simulator.settings.latency = 0.3
    first = sync.run(milliseconds=11_100)
    assert (first["outcome"], first["complete"]) == ("time is up", False)
    assert 0 < first["published"] < 100
    sync.simulator.settings.latency = 0
    assert sync.run()["complete"]
    assert sync.current() == sync.versions()
    assert len(sync.ids()) == 100


def test_a_function_without_the_time_for_any_page_fails_aloud(sync: Sync) -> None:
    with pytest.raises(DeadlineExceeded, match=r"needs 10\.0 s"):
        sync.run(milliseconds=5_000)


def test_a_stream_with_another_filter_waits_for_its_reset(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.began()
    sync.put(2)
    sync.run()
    changed = replace(streams.find("orders"), query=Query(filters={"status_eq": "draft"}))
    monkeypatch.setattr(streams, "find", lambda _: changed)
    with pytest.raises(StreamChanged, match=r"orders .* another resource or filter"):
        sync.run()
    assert sync.run({**ORDERS, "from": "full"})["published"] == 2
    assert sync.run()["published"] == 0


def test_a_full_load_publishes_again_what_was_published_before(sync: Sync) -> None:
    sync.began()
    sync.put(2)
    sync.run()
    assert sync.run({**ORDERS, "from": "full"})["published"] == 2
    assert len(set(sync.ids())) == 2


def test_a_record_too_large_for_the_bus_is_left_in_the_bucket(sync: Sync) -> None:
    clients.client("s3").create_bucket(
        Bucket="claims", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    sync.began()
    sync.simulator.store.put("orders", {"metadata": {"note": "x" * 300_000}})
    sync.run()
    (detail,) = sync.details
    stored = clients.client("s3").get_object(Bucket="claims", Key=detail["payload"]["key"])
    assert json.loads(stored["Body"].read())["metadata"]["note"] == "x" * 300_000


@pytest.mark.parametrize(
    ("event", "error", "complaint"),
    [
        ({"stream": "orders"}, InvalidRequest, "instance is missing"),
        ({"instance": "default"}, InvalidRequest, "stream is missing"),
        ({"instance": "other", "stream": "orders"}, UnknownInstance, "'other'. Configured: def"),
        ({"instance": "../a", "stream": "orders"}, UnknownInstance, "Unknown instance"),
        ({"instance": "", "stream": "orders"}, UnknownInstance, "Unknown instance"),
        ({"instance": "default", "stream": "order"}, InvalidRequest, "Did you mean orders?"),
        ({**ORDERS, "form": "full"}, InvalidRequest, "Unknown key 'form'"),
        ({**ORDERS, "from": "soon"}, InvalidRequest, "'soon' is no beginning"),
        ({**ORDERS, "scheduled_time": "noon"}, InvalidRequest, "scheduled_time"),
        ({**ORDERS, "from": 3}, InvalidRequest, "from must be text"),
    ],
)
def test_an_event_that_cannot_be_meant_is_refused_before_anything_is_asked(
    sync: Sync, event: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=re.escape(complaint)):
        sync.run(event)
    assert not list(sync.simulator.requests)


@pytest.mark.parametrize("time", ["<aws.scheduler.scheduled-time>", None, "2026-03-01T12:00:00Z"])
def test_a_schedule_may_leave_its_time_unfilled(sync: Sync, time: str | None) -> None:
    event = ORDERS if time is None else {**ORDERS, "scheduled_time": time}
    result = sync.run(event)
    assert result["complete"]
    datetime.fromisoformat(result["scheduled_time"])


@pytest.mark.parametrize(
    "sample", sorted((ROOT / "events/sync").glob("*.json")), ids=lambda p: p.stem
)
def test_the_samples_run(sync: Sync, sample: Path) -> None:
    assert sync.run(json.loads(sample.read_text(encoding="utf-8")))["outcome"] == "done"


def test_the_model_of_the_property_tests_answers_as_the_simulator_does(sync: Sync) -> None:
    """Whatever is proved on the model holds for the simulator: same lists for same questions."""
    base = datetime(2026, 3, 1, 12, tzinfo=UTC)
    micros = [0, 999, 1_000, 1_000, 1_001, 1_999, 2_000, 2_500, 3_000, 700_000]
    model = Lists(now=base + timedelta(minutes=5))
    ids: dict[str, str] = {}
    # The model numbers records as they come; so does the simulator, under other names.
    for number, micro in enumerate(micros):
        stamp = base + timedelta(microseconds=micro)
        version = model.write(number, stamp=stamp)
        ids[sync.simulator.store.put("orders", updated_at=stamp).id] = version.id
    known = {ours: theirs for theirs, ours in ids.items()}
    order = [known[f"{n:06d}"[::-1]] for n in range(len(micros))]
    at = [changes.print_time(base + n * changes.MILLISECOND) for n in range(4)]
    questions: list[tuple[dict[str, str], tuple[str, ...]]] = [
        ({"updated_at_gteq": at[0]}, ("updated_at", "id")),
        ({"updated_at_gteq": at[1]}, ("updated_at", "id")),
        ({"updated_at_gteq": at[1], "updated_at_lt": at[2]}, ("updated_at", "id")),
        ({"updated_at_gteq": at[1], "id_not_in": ",".join(order[2:4])}, ("updated_at", "id")),
        ({"updated_at_gteq": at[1], "updated_at_lt": at[2]}, ("id",)),
        ({"updated_at_gteq": at[1], "updated_at_lt": at[2], "id_gt": order[3]}, ("id",)),
    ]
    client = connections.connect("default", Deadline.after(3600))
    for filters, sort in questions:
        query = Query(filters=filters, sort=sort, page_size=3, page_number=1)
        theirs = client.send("GET", "orders", query)
        translated = {
            name: ",".join(ids.get(part, part) for part in value.split(","))
            for name, value in filters.items()
        }
        document, date = model.fetch(replace(query, filters=translated))
        assert [
            (ids[r["id"]], r["attributes"]["updated_at"]) for r in theirs.document()["data"]
        ] == [(r["id"], r["attributes"]["updated_at"]) for r in document["data"]]
        assert changes.server_time(theirs.headers.get("date")).microsecond == 0
        assert changes.server_time(date) == model.now


def test_what_a_command_did_says_so(sync: Sync) -> None:
    """And costs no call more: its echo is asked for with the marks."""
    sync.began()
    ours, other = sync.put(2)
    table = clients.client("dynamodb")
    stamp = printed(ours.updated_at)
    Echoes(table, "table").remember("default", "orders", ours.id, stamp, "erp-1")
    calls: list[str] = []
    table.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    sync.run()
    causes = {each["change"]["id"]: each["caused_by"] for each in sync.details}
    assert causes == {ours.id: "erp-1", other.id: None}
    assert calls.count("BatchGetItem") == len(
        sync.simulator.requests.matching("GET", "/api/orders")
    )
    assert "GetItem" not in calls
