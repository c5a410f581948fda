"""What the caller is told when Commerce Layer, or the way there, does not work."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from connector import connections
from connector.settings import settings
from local.simulator import Simulator
from tests.component.http_api import Result, call, event, invoke
from tests.component.wire import answer, wire
from tests.conftest import LambdaContext, put_secret

API = "/instances/default/api"


def problem(result: Result, status: int, category: str) -> dict[str, Any]:
    assert result.status == status, result.body
    found = dict(result.json())
    assert found["category"] == category
    return found


def within(seconds: float, method: str, path: str, body: Any = None) -> tuple[Result, float]:
    """The answer in an invocation that has so much time left, and how long it took."""
    started = time.monotonic()
    result = invoke(event(method, path, body=body), LambdaContext(remaining_ms=int(seconds * 1000)))
    return result, time.monotonic() - started


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "html", "html_200", "truncate"])
def test_an_answer_that_makes_no_sense_is_a_retryable_502(api: Simulator, kind: str) -> None:
    api.faults.add(kind, path="/api/skus")
    result, took = within(2, "GET", f"{API}/skus")
    assert problem(result, 502, "unreachable" if kind == "truncate" else "server-fault")[
        "retryable"
    ]
    assert took < 2


@pytest.mark.parametrize(
    "document",
    [
        {"ok": True},
        {"data": "x"},
        {"data": [1]},
        {"data": {"type": "skus"}},
        {"data": [], "included": None},
        {"data": [], "links": "x"},
    ],
    ids=str,
)
def test_json_of_another_shape_is_an_answer_that_makes_no_sense(
    api: Simulator, monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]
) -> None:
    with wire(answer(document=document)) as server:
        monkeypatch.setenv("COMMERCE_LAYER_API_URL", f"{server.url}/api")
        settings.cache_clear()
        result, _ = within(2, "GET", f"{API}/skus")
        assert "cannot be read" in problem(result, 502, "server-fault")["detail"]
        if "links" not in document:  # none are looked for in the answer to a write
            result, _ = within(2, "POST", f"{API}/skus", {"code": "TEE"})
            assert "read the record back" in problem(result, 504, "outcome-unknown")["detail"]


def test_a_reset_connection_is_a_retryable_502(api: Simulator) -> None:
    api.faults.add("reset", path="/api/skus")
    result, took = within(2, "GET", f"{API}/skus")
    assert problem(result, 502, "unreachable")["retryable"]
    assert took < 2


def test_one_fault_of_a_read_is_not_seen_by_the_caller(api: Simulator) -> None:
    for kind in ("500", "reset", "truncate", "html"):
        api.faults.add(kind, path="/api/skus", times=1)
        assert call("GET", f"{API}/skus").status == 200
        api.faults.clear()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_deadline_is_kept_when_no_answer_comes(api: Simulator, method: str) -> None:
    api.faults.add("hang", path="/api/customers")
    body = {"email": "ada@example.com"} if method == "POST" else None
    result, took = within(2, method, f"{API}/customers", body)
    assert took < 2
    assert result.status == 504
    assert result.json()["category"] in ("upstream-timeout", "deadline-exceeded", "outcome-unknown")


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "hang"])
def test_a_write_whose_outcome_is_unknown_says_so_and_is_sent_once(
    api: Simulator, kind: str
) -> None:
    api.faults.add(kind, method="POST", path="/api/customers")
    result, took = within(2, "POST", f"{API}/customers", {"email": "ada@example.com"})
    found = problem(result, 504, "outcome-unknown")
    assert found["outcome"] == "unknown"
    assert found["retryable"] is False
    assert took < 2
    assert len([r for r in api.requests if r.path == "/api/customers"]) == 1


@pytest.mark.parametrize("kind", ["429_object", "429_list"])
def test_a_429_carries_retry_after_and_is_never_zero(api: Simulator, kind: str) -> None:
    api.faults.add(kind, path="/api/skus")
    result, took = within(2, "GET", f"{API}/skus")
    assert problem(result, 429, "rate-limited")["retryable"]
    assert int(result.headers["retry-after"]) >= 1
    assert took < 2


def test_no_time_left_is_a_504_and_nothing_is_sent(api: Simulator) -> None:
    result, _ = within(0.5, "GET", f"{API}/skus")
    assert problem(result, 504, "deadline-exceeded")["retryable"]
    assert not [r for r in api.requests if r.path.startswith("/api")]


def test_no_permission_is_a_403(api: Simulator) -> None:
    put_secret(client_id="demo-sales", scope="market:code:europe")
    connections.forget()
    result = call("DELETE", f"{API}/markets/x")
    assert problem(result, 403, "permission-denied")["retryable"] is False


def test_refused_tokens_are_replaced_once(api: Simulator) -> None:
    assert call("GET", f"{API}/skus").status == 200
    api.faults.add("expire_tokens", path="/api/skus", times=1)
    assert call("GET", f"{API}/skus").status == 200


def test_nobody_at_the_other_end_is_a_retryable_502(
    point_to: Callable[[Simulator], Simulator],
) -> None:
    with Simulator() as simulator:
        point_to(simulator)
    result, _ = within(2, "GET", "/instances/default")
    assert problem(result, 502, "unreachable")["retryable"]
