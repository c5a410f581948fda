"""The routes of exports: what is asked for is checked, started and told of."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connector import aws
from connector.settings import settings
from local.simulator import Simulator
from tests.component.export_world import Exports, export_world
from tests.component.http_api import call

EXPORTS = "/instances/default/exports"


@pytest.fixture
def exports(empty: Simulator, point_to: Callable[[Simulator], Simulator]) -> Iterator[Exports]:
    empty.settings.job_speed = 0
    point_to(empty)
    with export_world(empty, window=10) as world:
        yield world


@pytest.fixture
def started(exports: Exports, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Step Functions was asked for."""
    monkeypatch.setenv("EXPORTS", "arn:aws:states:eu-west-1:123456789012:stateMachine:exports")
    settings.cache_clear()
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(
        aws.client("stepfunctions"), "start_execution", lambda **request: asked.append(request)
    )
    return asked


def test_an_export_is_started_and_told_of(exports: Exports, started: list[dict[str, Any]]) -> None:
    ids = exports.put(12)
    body = {
        "filters": {"created_at_gteq": "2020-01-01", "archived_at_null": True},
        "fields": ["number"],
    }
    answer = call("POST", f"{EXPORTS}/orders", body=body)
    assert answer.status == 202
    told = answer.json()
    assert told["status"] == "queued"
    assert told["fields"] == ["id", "number"]
    (request,) = started
    assert request["stateMachineArn"] == settings().exports
    assert request["name"].startswith(told["export"])
    order = json.loads(request["input"])
    assert order == {"export": told["export"], "instance": "default", "resource": "orders"}
    assert answer.headers["location"].endswith(f"{EXPORTS}/{told['export']}")
    ended = exports.run(order, request["name"])
    shown = call("GET", f"{EXPORTS}/{told['export']}").json()
    assert (shown["status"], shown["counts"]["exported"]) == ("done", 12)
    assert exports.exported(exports.manifest(ended)) == ids


@pytest.mark.parametrize(
    ("resource", "body", "status", "pointer"),
    [
        ("ordres", {}, 404, None),
        ("organizations", {}, 422, None),
        ("orders", [], 422, ""),
        ("orders", {"filters": {"id_gt": "x"}}, 422, "/filters/id_gt"),
        ("orders", {"filters": {"a b": "x"}}, 422, "/filters"),
        ("orders", {"filters": {"status_in": [["x"]]}}, 422, "/filters/status_in"),
        ("orders", {"includes": ["market", "lines"]}, 422, "/includes/1"),
        ("orders", {"includes": "market"}, 422, "/includes"),
        ("orders", {"fields": ["line_items.nubmer"]}, 422, "/fields/0"),
        ("orders", {"format": "xml"}, 422, "/format"),
        ("orders", {"dry_data": True}, 422, "/dry_data"),
        ("orders", {"export": "x", "format": "csv"}, 422, "/export"),
        ("orders", {"export": "none"}, 404, None),
    ],
)
def test_what_cannot_be_meant_starts_nothing(
    started: list[dict[str, Any]], resource: str, body: Any, status: int, pointer: str | None
) -> None:
    answer = call("POST", f"{EXPORTS}/{resource}", body=body)
    assert answer.status == status, answer.body
    (error,) = answer.json()["errors"]
    assert error.get("source", {}).get("pointer") == pointer
    assert started == []


def test_what_is_missing_is_asked_for_again(
    exports: Exports, started: list[dict[str, Any]]
) -> None:
    exports.put(3)
    order = {"instance": "default", "resource": "orders", "export": "e1"}
    exports.task("plan", order=order)
    again = {"export": "e1"}
    assert call("POST", f"{EXPORTS}/orders", body=again).status == 409, "it is under way"
    exports.task("fail", order=order)
    assert call("GET", f"{EXPORTS}/e1").json()["status"] == "failed"
    assert call("POST", f"{EXPORTS}/skus", body=again).status == 422
    assert call("POST", f"{EXPORTS}/orders", body=again).status == 202
    assert json.loads(started[0]["input"]) == order


def test_one_that_fell_silent_may_be_started_again(
    exports: Exports, started: list[dict[str, Any]]
) -> None:
    exports.put(3)
    exports.clock.sleep(-3600)
    exports.task("plan", order={"instance": "default", "resource": "orders", "export": "e1"})
    assert call("POST", f"{EXPORTS}/orders", body={"export": "e1"}).status == 202


@pytest.mark.parametrize("export", ["none", "a%2Fb"])
def test_no_other_export_is_told_of(started: list[dict[str, Any]], export: str) -> None:
    assert call("GET", f"{EXPORTS}/{export}").status in (400, 404)
