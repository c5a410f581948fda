"""Faults on the wire, seen by a real client over real sockets."""

import socket
import time

import httpx
import pytest

from local.simulator.faults import KINDS
from tests.conformance.shop import Shop


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        ("500", 500, "application/vnd.api+json"),
        ("502", 502, None),
        ("503", 503, None),
        ("504", 504, None),
        ("html", 503, "text/html; charset=utf-8"),
        ("html_200", 200, "text/html; charset=utf-8"),
        ("429", 429, "application/json"),
    ],
)
def test_answers_that_are_none(
    shop: Shop, kind: str, status: int, content_type: str | None
) -> None:
    shop.simulator.faults.add(kind, times=1)
    answer = shop.get("skus")
    assert (answer.status_code, answer.headers.get("content-type")) == (status, content_type)
    assert shop.get("skus").status_code == 200


def test_both_shapes_of_a_429(shop: Shop) -> None:
    shop.simulator.faults.script(["429_object", "429_list"])
    assert isinstance(shop.get("skus").json()["errors"], dict)
    assert isinstance(shop.get("skus").json()["errors"], list)


def test_a_reset_before_the_write_leaves_nothing(shop: Shop) -> None:
    shop.simulator.faults.add("reset", method="POST", times=1)
    with pytest.raises(httpx.ReadError, match="reset"):
        shop.post("tags", {"type": "tags", "attributes": {"name": "reset"}})
    assert shop.ids("tags") == []
    assert shop.simulator.requests.matching("POST", "/api")[0].status is None


def test_a_reset_after_the_write_leaves_the_record(shop: Shop) -> None:
    shop.simulator.faults.add("reset_after", method="POST", path="/api/tags", times=1)
    with pytest.raises(httpx.ReadError, match="reset"):
        shop.post("tags", {"type": "tags", "attributes": {"name": "reset"}})
    assert len(shop.ids("tags")) == 1


def test_half_an_answer(shop: Shop) -> None:
    shop.simulator.faults.add("truncate", times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        shop.get("skus")
    assert shop.get("skus").status_code == 200


def test_no_answer_at_all(http: httpx.Client, shop: Shop) -> None:
    shop.simulator.faults.add("hang", times=1)
    with pytest.raises(httpx.ReadTimeout):
        shop.http.get("skus", timeout=0.05)


def test_a_stop_does_not_wait_for_those_who_hang(shop: Shop) -> None:
    shop.simulator.faults.add("hang")
    host, port = "127.0.0.1", shop.simulator.port
    with socket.create_connection((host, port)) as waiting:
        waiting.sendall(b"GET /api/skus HTTP/1.1\r\nHost: x\r\n\r\n")
        while not shop.simulator.faults.rules()[0]["hits"]:
            time.sleep(0.005)  # until the request has arrived
        started = time.monotonic()
        shop.simulator.stop()
        assert time.monotonic() - started < 1
        assert waiting.recv(1) == b""


def test_a_slow_answer_takes_its_delay(shop: Shop) -> None:
    shop.simulator.faults.add("slow", delay=0.1, times=1)
    started = time.monotonic()
    assert shop.get("skus").status_code == 200
    assert time.monotonic() - started >= 0.1


def test_idle_connections_can_be_closed_under_the_client(shop: Shop) -> None:
    with socket.create_connection(("127.0.0.1", shop.simulator.port)) as idle:
        idle.sendall(b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(65_536).startswith(b"HTTP/1.1 200")
        assert shop.simulator.close_idle_connections() == 2  # this one and the shop's
        idle.settimeout(5)
        while idle.recv(65_536):
            pass


def test_a_connection_closed_after_its_answer_gives_no_notice(shop: Shop) -> None:
    shop.simulator.faults.add("close", times=1)
    answer = shop.get("skus")
    assert (answer.status_code, answer.headers.get("connection")) == (200, None)


def test_tokens_can_expire_in_the_middle_of_the_work(shop: Shop) -> None:
    shop.simulator.faults.script([None, "expire_tokens"], path="/api/*")
    codes = [shop.get("skus").status_code for _ in range(3)]
    assert codes == [200, 401, 401]


def test_a_script_names_the_fault_of_each_matching_request(shop: Shop) -> None:
    shop.simulator.faults.script(["500", None, "503"], method="GET", path="/api/skus*")
    paths = ["skus", "orders", "skus", "skus", "skus"]
    assert [shop.get(path).status_code for path in paths] == [500, 200, 200, 503, 200]


def test_a_probability_strikes_about_that_often_and_always_the_same(shop: Shop) -> None:
    rule = shop.simulator.faults.add("503", probability=0.5)
    codes = [shop.get("tags").status_code for _ in range(60)]
    assert 15 < codes.count(503) < 45
    assert rule.hits == codes.count(503)


def test_an_unknown_fault_is_refused_with_the_known_ones(shop: Shop) -> None:
    with pytest.raises(ValueError, match="unknown fault 'nonsense'; there are 500"):
        shop.simulator.faults.add("nonsense")


def test_switches_work_over_http_for_other_processes(http: httpx.Client, shop: Shop) -> None:
    url = f"{shop.simulator.url}/_simulator"
    assert http.get(f"{url}/health").json()["status"] == "ok"
    assert set(http.get(f"{url}/faults").json()["kinds"]) == set(KINDS)
    http.post(f"{url}/faults", json={"kind": "500", "path": "/api/skus", "times": 1})
    assert [shop.get("skus").status_code for _ in range(2)] == [500, 200]
    http.post(f"{url}/faults", json={"script": ["503", None]})
    assert [shop.get("skus").status_code for _ in range(2)] == [503, 200]
    refused = http.post(f"{url}/faults", json={"kind": "nonsense"})
    assert (refused.status_code, "unknown fault" in refused.json()["error"]) == (400, True)

    made = http.post(
        f"{url}/records",
        json=[
            {
                "type": "tags",
                "attributes": {"name": "late"},
                "updated_at": "2026-01-01T00:00:00Z",
            }
        ],
    ).json()
    assert shop.ids("tags") == [made[0]["id"]]
    assert made[0]["updated_at"] == "2026-01-01T00:00:00.000Z"
    http.post(f"{url}/records", json=[{**made[0], "attributes": {"name": "changed"}}])
    assert shop.get("tags").json()["data"][0]["attributes"]["name"] == "changed"
    http.request("DELETE", f"{url}/records", json=made)
    assert shop.ids("tags") == []

    counted = http.get(f"{url}/requests", params={"path": "/api/tags", "last": 1}).json()
    assert (counted["count"], len(counted["requests"])) == (3, 1)
    http.delete(f"{url}/requests")
    assert len(shop.simulator.requests) == 0

    clock = http.patch(f"{url}/clock", json={"offset": 90, "frozen": True}).json()
    assert (clock["offset"], clock["frozen"]) == (90, True)
    http.patch(f"{url}/settings", json={"limits": "sliding", "limit_scale": 0.1})
    assert shop.get("orders").headers["X-Ratelimit-Limit"] == "10"
    http.post(f"{url}/limits/forget")
    http.post(f"{url}/tokens/expire")
    assert shop.get("orders").status_code == 401
    assert http.post(f"{url}/connections/close").json()["closed"] >= 1
