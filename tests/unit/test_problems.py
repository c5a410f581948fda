"""Which error becomes which problem."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from api import problems
from api.problems import UNEXPECTED, MethodNotAllowed, category, problem, status
from connector import errors

STATUS: dict[type[Exception], int] = {
    errors.UnknownInstance: 404,
    errors.ConfigurationError: 500,
    errors.DeadlineExceeded: 504,
    errors.AuthenticationRefused: 502,
    errors.PermissionDenied: 403,
    errors.NotFound: 404,
    errors.ServerFault: 502,
    errors.Unreachable: 502,
    errors.UpstreamTimeout: 504,
    errors.OutcomeUnknown: 504,
    # What this function cannot meet is a fault of ours.
    errors.StreamError: 500,
    errors.ConnectorError: 500,
    ValueError: 500,
}


def body(error: Exception) -> dict[str, Any]:
    return dict(json.loads(problem(error, "/instances", "abc").body))


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.__name__)
def test_an_error_has_its_status(kind: type[Exception]) -> None:
    answer = problem(kind("Text."), "/instances", "abc")
    assert answer.status == STATUS[kind] == json.loads(answer.body)["status"]
    assert answer.media_type == "application/problem+json"


def test_every_error_that_the_client_raises_has_been_thought_of() -> None:
    upstream = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.CommerceLayerError) and kind is not errors.CommerceLayerError
    }
    assert upstream - STATUS.keys() == {errors.RequestRefused, errors.RateLimited}


@pytest.mark.parametrize("code", [400, 405, 409, 422, 423])
def test_what_commerce_layer_refuses_keeps_its_status(code: int) -> None:
    assert status(errors.RequestRefused("No.", status=code)) == code


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (7.1, "8")])
def test_retry_after_is_rounded_up_and_never_zero(seconds: float, header: str) -> None:
    answer = problem(errors.RateLimited("Wait.", retry_after=seconds), "/", "abc")
    assert answer.status == 429
    assert answer.headers == {"retry-after": header}


def test_every_problem_is_documented_with_its_status() -> None:
    """A row of docs/api.md has categories, then statuses."""
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    rows = [row.split(" | ") for row in text.splitlines() if row.startswith("| `")]
    documented = {name: row[1] for row in rows for name in re.findall("`([a-z-]+)`", row[0])}
    for kind, code in {**problems.STATUS, MethodNotAllowed: 405}.items():
        name = category(BaseException.__new__(kind))
        assert str(code) in documented.get(name, ""), name


def test_an_unknown_outcome_says_so_and_is_not_retryable() -> None:
    found = body(errors.OutcomeUnknown("Sent."))
    assert found["outcome"] == "unknown"
    assert found["retryable"] is False
    assert "outcome" not in body(errors.UpstreamTimeout("Late."))


def test_a_problem_has_the_members_of_rfc_9457_and_ours() -> None:
    assert body(errors.Unreachable("No connection.")) == {
        "type": "urn:commerce-layer-connector:problem:unreachable",
        "title": "Unreachable",
        "status": 502,
        "detail": "No connection.",
        "instance": "/instances",
        "category": "unreachable",
        "correlation_id": "abc",
        "retryable": True,
        "errors": [
            {
                "title": "Unreachable",
                "detail": "No connection.",
                "code": "unreachable",
                "status": "502",
            }
        ],
    }


def test_commerce_layers_own_errors_are_handed_on() -> None:
    own = [{"code": "VALIDATION_ERROR", "source": {"pointer": "/data/attributes/code"}}]
    assert body(errors.RequestRefused("No.", status=422, errors=own))["errors"] == own


def test_a_pointer_stands_where_json_api_clients_look_for_it() -> None:
    error = errors.InvalidRequest("Bad.", status=422, pointer="/name")
    assert body(error)["errors"][0]["source"] == {"pointer": "/name"}


def test_what_is_allowed_stands_in_a_header() -> None:
    assert problem(MethodNotAllowed("No.", ["GET", "PATCH"]), "/", "a").headers == {
        "allow": "GET, PATCH"
    }


def test_the_text_of_a_foreign_exception_is_not_repeated() -> None:
    found = body(KeyError("ada@example.com"))
    assert found["detail"] == UNEXPECTED
    assert found["category"] == "unexpected"
    assert "ada" not in json.dumps(found)


def test_categories_read_like_words() -> None:
    assert category(errors.OutcomeUnknown("x")) == "outcome-unknown"
    assert category(errors.ConfigurationError("x")) == "configuration-error"
