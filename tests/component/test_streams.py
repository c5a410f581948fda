"""Streams steered through the HTTP API, and the sync function that does what is wished."""

from datetime import timedelta
from typing import Any

import pytest

from connector import streams
from connector.commerce_layer.changes import print_time
from tests.component.http_api import call
from tests.component.sync_world import Sync

PATH = "/instances/default/streams"
SKUS = {"instance": "default", "stream": "skus"}


def steer(body: Any, stream: str = "orders", status: int = 200) -> Any:
    result = call("PATCH", f"{PATH}/{stream}", body=body)
    assert result.status == status, result.body
    return result.json()


def shown(stream: str = "orders") -> Any:
    result = call("GET", f"{PATH}/{stream}")
    assert result.status == 200
    return result.json()


def replay(body: Any, status: int = 202) -> Any:
    result = call("POST", "/instances/default/replays", body=body)
    assert result.status == status, result.body
    return result.json()


def topics(sync: Sync) -> list[str]:
    return [detail["topic"] for detail in sync.details]


def test_all_streams_are_listed_also_those_that_never_ran(sync: Sync) -> None:
    sync.run()
    listed = {each["name"]: each for each in call("GET", PATH).json()["data"]}
    assert tuple(listed) == streams.names()
    assert listed["customers"]["bookmark"] is None
    assert listed["customers"]["last_run"] is None
    assert listed["orders"]["bookmark"] is not None
    assert listed["orders"]["deletions"] is None
    assert listed["skus"]["deletions"]["state"] == "waiting"


def test_a_stream_tells_how_its_last_run_went(sync: Sync) -> None:
    sync.began()
    sync.put(3)
    sync.put_at(sync.now() - timedelta(seconds=5))
    sync.run()
    told = shown()
    assert told["resource"] == "orders"
    assert told["bookmark"] > told["settled"]
    assert (told["running"], told["paused_at"], told["reset_from"]) == (False, None, None)
    assert told["lag_seconds"] == 0, "the simulator's clock is ahead of ours"
    assert told["last_run"]["published"] == 4
    assert told["last_run"]["error"] is None
    assert told["last_run"]["complete"] is True
    assert told["last_run"]["requests"] == sync.lists() == 1


def test_late_arrivals_are_counted_over_all_runs(sync: Sync) -> None:
    sync.began()
    for _ in range(2):
        sync.simulator.clock.advance(1200)
        sync.run()
        sync.put_at(sync.now() - timedelta(minutes=5))
    sync.simulator.clock.advance(1200)
    sync.run()
    assert shown()["late_arrivals"] == 2


def test_a_run_that_failed_says_why(sync: Sync) -> None:
    sync.began()
    sync.put(1)
    sync.refuse = lambda *_: True
    with pytest.raises(Exception, match="refused"):
        sync.run()
    assert shown()["last_run"]["error"] == "PublishFailed"
    assert shown()["running"] is False


def test_a_paused_stream_rests_until_it_is_resumed_and_loses_nothing(sync: Sync) -> None:
    sync.began()
    assert steer({"paused": True})["paused_at"] is not None
    sync.put(3)
    assert sync.run()["outcome"] == "paused"
    assert (sync.lists(), sync.details) == (0, [])
    assert steer({"paused": False})["paused_at"] is None
    assert sync.run()["published"] == 3


def test_a_pause_stops_a_run_that_is_under_way_at_its_next_page(sync: Sync) -> None:
    sync.began()
    sync.put(100)
    sync.lose = lambda call: call == 1 and bool(steer({"paused": True})) and False
    result = sync.run()
    assert (result["outcome"], result["published"]) == ("paused", 25)
    steer({"paused": False})
    assert sync.run()["published"] == 75
    assert sync.current() == sync.versions()
    assert len(sync.ids()) == 100


def test_the_first_load_is_chosen_without_code(sync: Sync) -> None:
    sync.put(3)
    assert steer({"from": "full"})["reset_from"] == "full"
    assert sync.run()["published"] == 3
    assert shown()["reset_from"] is None
    assert sync.run()["published"] == 0


def test_a_reset_is_done_once_by_the_next_run(sync: Sync) -> None:
    sync.began()
    orders = sync.put(10)
    sync.run()
    stamp = sync.now() - timedelta(minutes=10) + timedelta(milliseconds=6)
    steer({"from": print_time(stamp)})
    # The overlap of a minute reads the earlier ones too.
    assert sync.run()["published"] == len(orders)
    assert len(set(sync.ids())) == len(orders)
    assert sync.run()["published"] == 0


@pytest.mark.parametrize(
    ("body", "stream", "status", "complaint"),
    [
        ({}, "orders", 422, "Say at least one of: paused, from, deletions, replay"),
        ([], "orders", 422, "must be a JSON object"),
        ({"pause": True}, "orders", 422, "`pause` is not a name here"),
        ({"paused": "yes"}, "orders", 422, "`paused` must be true or false"),
        ({"from": "soon"}, "orders", 422, '`from` must be "now", "full"'),
        ({"from": None}, "orders", 422, '`from` must be "now", "full"'),
        ({"deletions": "check"}, "orders", 422, "does not look for deletions"),
        ({"deletions": "now"}, "skus", 422, '`deletions` must be "check"'),
        ({"replay": {}}, "orders", 422, "`replay` must be null"),
        ({"paused": True}, "order", 404, "Did you mean orders?"),
    ],
)
def test_what_cannot_be_wished_is_refused_by_name(
    sync: Sync, body: Any, stream: str, status: int, complaint: str
) -> None:
    assert complaint in steer(body, stream, status)["detail"]
    assert shown()["paused_at"] is None


def test_an_unknown_instance_is_refused_before_the_table_is_asked(sync: Sync) -> None:
    for method, path in (("GET", ""), ("GET", "/orders"), ("PATCH", "/orders")):
        result = call(method, f"/instances/other/streams{path}", body={"paused": True})
        assert (result.status, result.json()["category"]) == (404, "unknown-instance")


def test_records_are_replayed_by_their_ids_as_they_are_now(sync: Sync) -> None:
    sync.began()
    orders = sync.put(30)
    sync.run()
    before = set(sync.ids())
    sync.details.clear()
    asked = [order.id for order in orders[:27]]
    wish = replay({"resource": "orders", "ids": [*asked, "nowhere"]})
    assert wish["topic"] == "orders.changed"
    assert wish["stream"]["replay"]["ids"] == 28
    result = sync.run()
    assert (result["published"], result["replayed"]) == (0, 27)
    assert [detail["change"]["id"] for detail in sync.details] == asked
    assert {detail["origin"] for detail in sync.details} == {"replay"}
    assert not before & set(sync.ids()), "or a consumer would drop them"
    told = shown()
    assert told["replay"] is None
    assert (told["last_replay"]["published"], told["last_replay"]["missing"]) == (27, 1)
    assert told["last_replay"]["id"] == wish["id"]
    assert sync.run()["replayed"] == 0


def test_a_window_of_changes_is_replayed_under_another_topic(sync: Sync) -> None:
    sync.began()
    sync.put(60)
    first = sync.now() - timedelta(minutes=10)
    window = {
        "from": print_time(first + timedelta(milliseconds=10)),
        "to": print_time(first + timedelta(milliseconds=50)),
    }
    sync.run()
    sync.details.clear()
    replay({"topic": "orders.place", **window})
    assert sync.run()["replayed"] == 40
    assert set(topics(sync)) == {"orders.place"}
    stamps = sorted(detail["change"]["updated_at"] for detail in sync.details)
    assert window["from"] <= stamps[0]
    assert stamps[-1] < window["to"]


def test_a_long_replay_goes_on_run_by_run_and_lets_changes_through(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.work.SLICE_SECONDS", 0)
    sync.began()
    sync.put(60)
    sync.run()
    sync.details.clear()
    replay({"stream": "orders", "from": "2020-01-01", "to": print_time(sync.now())})
    assert sync.run()["replayed"] == 25
    assert shown()["replay"]["published"] == 25
    late = sync.put(1)[0]
    result = sync.run()
    assert (result["published"], result["replayed"]) == (1, 25)
    assert late.id in {d["change"]["id"] for d in sync.details if d["origin"] == "sync"}
    for _ in range(3):
        sync.run()
    replayed = [d for d in sync.details if d["origin"] == "replay"]
    assert len({d["change"]["id"] for d in replayed}) == 60
    assert shown()["replay"] is None


def test_one_replay_of_a_stream_at_a_time_and_it_can_be_taken_back(sync: Sync) -> None:
    sync.began()
    sync.put(1)
    sync.run()
    wish = {"stream": "orders", "from": "2020-01-01"}
    replay(wish)
    assert "has a replay under way" in replay(wish, 409)["detail"]
    assert steer({"replay": None})["replay"] is None
    assert sync.run()["replayed"] == 0
    replay(wish)


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        ({"ids": ["a"]}, 422, "Say one of: stream, resource, topic"),
        ({"stream": "orders", "topic": "orders.place", "ids": ["a"]}, 422, "Say one of"),
        ({"stream": "orders"}, 422, "Say either ids, or from"),
        ({"stream": "orders", "ids": ["a"], "from": "2026-01-01"}, 422, "Say either ids, or from"),
        ({"stream": "orders", "to": "2026-01-01"}, 422, "Say either ids, or from"),
        ({"stream": "orders", "ids": []}, 422, "a list of 1 to 1000 ids"),
        ({"stream": "orders", "ids": ["a,b"]}, 422, "a list of 1 to 1000 ids"),
        ({"stream": "orders", "from": "soon"}, 422, "`from` must be an ISO date"),
        ({"stream": "orders", "from": "2026-01-02", "to": "2026-01-01"}, 422, "earlier than"),
        ({"topic": "orders", "ids": ["a"]}, 422, "`topic` must be one that tells of records"),
        ({"topic": "orders.deleted", "ids": ["a"]}, 422, "`topic` must be one"),
        ({"topic": "coupons.create", "ids": ["a"]}, 404, "No stream reads coupons"),
        ({"resource": "order", "ids": ["a"]}, 404, "No stream reads order"),
        ({"stream": "order", "ids": ["a"]}, 404, "Did you mean orders?"),
    ],
)
def test_a_replay_that_cannot_be_meant_is_refused(
    sync: Sync, body: Any, status: int, complaint: str
) -> None:
    assert complaint in replay(body, status)["detail"]
    assert shown()["replay"] is None


def test_deleted_records_are_found_and_told_once(sync: Sync) -> None:
    skus = [sync.simulator.store.put("skus") for _ in range(60)]
    sync.simulator.clock.advance(60)
    sync.run({**SKUS, "from": "full"})
    assert shown("skus")["deletions"]["state"] == "waiting"
    sync.details.clear()
    sync.simulator.store.delete("skus", skus[30].id)
    assert sync.run(SKUS)["deleted"] == 0, "it is not time yet"
    assert steer({"deletions": "check"}, "skus")["deletions"]["state"] == "wished"
    assert sync.run(SKUS)["deleted"] == 1
    assert topics(sync) == ["skus.deleted"]
    (detail,) = sync.details
    assert detail["topic"] == "skus.deleted"
    assert detail["change"] == {"type": "skus", "id": skus[30].id, "updated_at": None}
    steer({"deletions": "check"}, "skus")
    assert sync.run(SKUS)["deleted"] == 0


def test_too_many_missing_records_are_not_believed_until_somebody_says_so(sync: Sync) -> None:
    skus = [sync.simulator.store.put("skus") for _ in range(40)]
    sync.simulator.clock.advance(60)
    sync.run({**SKUS, "from": "full"})
    sync.details.clear()
    for sku in skus[:11]:
        sync.simulator.store.delete("skus", sku.id)
    for _ in range(2):
        steer({"deletions": "check"}, "skus")
        result = sync.run(SKUS)
        assert (result["deleted"], result["refused"]) == (0, 11)
        assert shown("skus")["deletions"]["refused"] == 11
    assert sync.details == []
    steer({"deletions": "accept"}, "skus")
    assert sync.run(SKUS)["deleted"] == 11
    assert set(topics(sync)) == {"skus.deleted"}
    assert shown("skus")["deletions"]["refused"] == 0
