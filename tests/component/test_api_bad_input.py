"""What the caller gets wrong, and the problem that tells it."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from connector import connections
from connector.settings import settings
from local.simulator import Simulator
from tests.component.http_api import JSON_API, Result, call, event, invoke
from tests.conftest import REGION, put_secret

API = "/instances/default/api"


def problem(result: Result, status: int) -> dict[str, Any]:
    """The body, after a look at what every problem has."""
    assert result.status == status, result.body
    assert result.headers["content-type"] == "application/problem+json"
    found = dict(result.json())
    assert found["status"] == status
    assert found["type"] == f"urn:commerce-layer-connector:problem:{found['category']}"
    assert {"title", "detail", "instance", "correlation_id", "retryable"} <= found.keys()
    assert found["correlation_id"] == result.headers["x-correlation-id"]
    assert found["errors"]
    return found


@pytest.mark.parametrize(
    "name",
    ["x%2Fy", "x/y", "../a", "", "%2e%2e", "DEFAULT", "other", "default%00", "a" * 300, "ä"],
)
@pytest.mark.parametrize(
    "route",
    [
        "GET /instances/{instance}",
        "GET /instances/{instance}/resources",
        "GET /instances/{instance}/api/{resource}",
        "PATCH /instances/{instance}/api/{resource}/{id}",
    ],
)
def test_an_instance_name_is_checked_before_any_call_to_aws(
    logs: io.StringIO, monkeypatch: pytest.MonkeyPatch, route: str, name: str
) -> None:
    """Without the `aws` fixture: a call to AWS would fail in another way."""
    monkeypatch.setenv("INSTANCES", "default")
    settings.cache_clear()
    method, path = route.replace("{resource}", "skus").replace("{id}", "x").split(" ")
    sent = event(method, path.replace("{instance}", "default"))
    sent["pathParameters"]["instance"] = name
    if method == "PATCH":
        sent["body"] = "{}"
    found = problem(invoke(sent), 404)
    settings.cache_clear()
    assert found["category"] == "unknown-instance"
    assert found["detail"].startswith("Unknown instance")
    assert "Configured: default." in found["detail"]
    assert found["retryable"] is False


@pytest.mark.parametrize("part", ["resource", "id", "relationship"])
@pytest.mark.parametrize("value", ["", "x%2Fy", "x/y", "..", "../a", "a?b", "a#b", "a b", "é"])
def test_a_part_of_the_path_that_could_be_another_path_is_refused(
    shared_api: Simulator, part: str, value: str
) -> None:
    sent = event("GET", f"{API}/skus/x/prices")
    sent["pathParameters"][part] = value
    before = len(shared_api.requests)
    found = problem(invoke(sent), 400)
    assert found["detail"] == (
        f"The {part} in the path is not valid: it takes letters, digits, _ and - only."
    )
    assert len(shared_api.requests) == before


def test_a_catch_all_route_does_not_decode_its_path(shared_api: Simulator) -> None:
    sent = event("GET", f"{API}/skus")
    sent |= {"routeKey": "$default", "pathParameters": None}
    sent["rawPath"] = "/instances/x%2Fy/api/skus"
    assert problem(invoke(sent), 404)["category"] == "unknown-instance"
    sent["rawPath"] = "/instances/x/y/z/skus"
    assert problem(invoke(sent), 404)["detail"].startswith("There is no such route")
    sent["rawPath"] = ""
    assert problem(invoke(sent), 404)["detail"].startswith("There is no such route")


def test_an_unknown_resource_is_asked_upstream_and_names_those_like_it(
    shared_api: Simulator,
) -> None:
    found = problem(call("GET", f"{API}/ordres"), 404)
    assert "Did you mean orders" in found["detail"]
    assert found["errors"][0]["code"] == "NOT_FOUND"  # Commerce Layer's own
    assert [r.path for r in shared_api.requests if "ordres" in r.path]
    assert (
        "Did you mean organization" in problem(call("GET", f"{API}/organizations"), 404)["detail"]
    )
    assert "Did you mean orders" in problem(call("DELETE", f"{API}/order/x"), 404)["detail"]
    discovered = problem(call("GET", "/instances/default/resources/ordres"), 404)
    assert "Did you mean orders" in discovered["detail"]


def test_a_name_that_no_path_can_have_names_those_like_it_too(shared_api: Simulator) -> None:
    for name in ("Orders", "order-s", "_orders"):
        assert "Did you mean orders" in problem(call("GET", f"{API}/{name}"), 404)["detail"]


def test_an_unknown_relationship_names_those_like_it(shared_api: Simulator) -> None:
    found = problem(call("GET", f"{API}/skus/{a_sku()}/price"), 404)
    assert "Did you mean prices" in found["detail"]


def a_sku() -> str:
    return str(call("GET", f"{API}/skus", "page[size]=1").json()["data"][0]["id"])


def test_an_id_that_does_not_exist_has_commerce_layers_own_words(shared_api: Simulator) -> None:
    found = problem(call("GET", f"{API}/skus/doesNotEx1"), 404)
    assert found["category"] == "not-found"
    assert found["errors"][0]["code"] == "RECORD_NOT_FOUND"


def test_an_operation_that_a_resource_has_not_is_405_with_those_it_has(
    shared_api: Simulator,
) -> None:
    result = call("POST", f"{API}/promotions", body={})
    assert problem(result, 405)["detail"] == (
        "Commerce Layer has no create for promotions. It supports: list, retrieve."
    )
    assert result.headers["allow"] == "GET"
    result = call("DELETE", f"{API}/captures/x")
    assert "It supports: list, retrieve, update." in problem(result, 405)["detail"]
    assert result.headers["allow"] == "GET, PATCH"
    result = call("POST", f"{API}/organization", body={})
    assert "It supports: retrieve." in problem(result, 405)["detail"]
    assert result.headers["allow"] == "GET"
    result = call("GET", f"{API}/event_stores")
    assert problem(result, 405)["detail"].endswith("It supports: retrieve.")


def test_a_trigger_of_a_base_type_is_fired_on_its_variants(shared_api: Simulator) -> None:
    before = len(shared_api.requests)
    result = call("POST", f"{API}/payment_gateways/x/triggers/disable")
    assert "no update for payment_gateways" in problem(result, 405)["detail"]
    assert len(shared_api.requests) == before


def test_a_singleton_takes_no_id(shared_api: Simulator) -> None:
    found = problem(call("GET", f"{API}/organization/x"), 404)
    assert found["detail"] == "There is one organization only: leave the id out of the path."


@pytest.mark.parametrize(
    ("trigger", "body", "status", "detail"),
    [
        ("aprove", None, 404, "orders have no trigger aprove. Did you mean approve"),
        ("billing_address_clone_id", {}, 422, 'takes a value: {"value": <string>}.'),
        ("authorization_amount_cents", {"value": "5"}, 422, 'takes a value: {"value": <integer>}.'),
        ("authorization_amount_cents", {"value": True}, 422, 'a value: {"value": <integer>}.'),
        (
            "authorize",
            {"value": 500},
            422,
            'Send it beside the trigger: {"attributes": {"_authorization_amount_cents": …}}.',
        ),
        ("approve", {"value": True}, 422, "approve takes no value."),
        ("approve", {"reference": "x"}, 422, "`reference` is not a name here: put it into"),
        ("approve", [], 422, 'The body is {"attributes": {…}, "value": …}.'),
        ("approve", {"attributes": []}, 422, 'The body is {"attributes": {…}, "value": …}.'),
        ("approve", {"attributes": {"statsu": 1}}, 422, "`statsu` is not a name of orders."),
        ("approve", {"attributes": {"id": "y"}}, 422, "`id` must be `x`, as in the path."),
    ],
)
def test_a_trigger_is_checked_before_it_is_sent(
    shared_api: Simulator, trigger: str, body: Any, status: int, detail: str
) -> None:
    before = len(shared_api.requests)
    found = problem(call("POST", f"{API}/orders/x/triggers/{trigger}", body=body), status)
    assert detail in found["detail"]
    assert len(shared_api.requests) == before


def test_a_value_for_a_capture_names_its_companion(shared_api: Simulator) -> None:
    path = f"{API}/authorizations/x/triggers/capture"
    found = problem(call("POST", path, body={"value": 500}), 422)
    assert '{"attributes": {"_capture_amount_cents": …}}' in found["detail"]
    assert found["errors"][0]["source"] == {"pointer": "/value"}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ('{"code": ', "The body is not JSON: Expecting value at line 1, column 10."),
        ("", "The body is not JSON: Expecting value at line 1, column 1."),
        ("code=TEE", "The body is not JSON: Expecting value at line 1, column 1."),
        ('{"code": "A", "code": "B"}', "The body has the name `code` twice in one object."),
        ('{"weight": NaN}', "The body has NaN, which is not JSON."),
        ('{"weight": -Infinity}', "The body has -Infinity, which is not JSON."),
        ('{"weight": 1e999}', "The body has a number that is too large."),
        ('{"weight": ' + "1" * 5000 + "}", "The body has a number that is too large."),
        ("[" * 100_000, "The body is nested too deeply."),
    ],
    ids=["cut", "empty", "form", "twice", "nan", "infinity", "float", "integer", "deep"],
)
@pytest.mark.parametrize("media_type", ["application/json", JSON_API])
@pytest.mark.parametrize("encoded", [False, True], ids=["text", "base64"])
def test_a_body_that_is_not_json_is_400(
    shared_api: Simulator, body: str, detail: str, media_type: str, encoded: bool
) -> None:
    headers = {"content-type": media_type}
    result = call("POST", f"{API}/skus", body=body, headers=headers, encoded=encoded)
    assert problem(result, 400)["detail"] == detail


def test_a_body_in_another_encoding_is_400(shared_api: Simulator) -> None:
    sent = event("POST", f"{API}/skus", body="x", encoded=True)
    sent["body"] = "eyJhIjoi6SJ9"  # {"a":"é"} in Latin-1
    assert problem(invoke(sent), 400)["detail"] == "The body is not UTF-8."


@pytest.mark.parametrize(
    ("method", "body", "detail", "pointer"),
    [
        ("POST", {"type": "sku"}, "`type` must be `skus`, as in the path.", "/type"),
        ("POST", {"id": "x"}, "`id` is given by Commerce Layer", "/id"),
        ("PATCH", {"id": "y"}, "`id` must be `x`, as in the path.", "/id"),
        ("PATCH", {"nmae": "Tee"}, "`nmae` is not a name of skus. Did you mean `name`?", "/nmae"),
        ("PATCH", {"updated_at": "now"}, "`updated_at` is read-only on skus.", "/updated_at"),
        ("PATCH", ["x"], "The body must be a JSON object.", ""),
    ],
)
def test_a_flat_body_that_cannot_be_meant_is_422_with_a_pointer(
    shared_api: Simulator, method: str, body: Any, detail: str, pointer: str
) -> None:
    path = f"{API}/skus" if method == "POST" else f"{API}/skus/x"
    before = len(shared_api.requests)
    found = problem(call(method, path, body=body), 422)
    assert found["detail"].startswith(detail)
    assert found["errors"][0]["source"] == {"pointer": pointer}
    assert len(shared_api.requests) == before


def test_half_a_surrogate_pair_does_not_break_the_answer(api: Simulator) -> None:
    """JSON may spell it, UTF-8 cannot: Lambda would fail to hand such an answer back."""
    refused = call("PATCH", f"{API}/skus/x", body='{"nmae\\ud800": 1}')
    assert "`nmae\ud800` is not a name" in problem(refused, 422)["detail"]
    sku = api.store.put("skus", {"code": "HALF", "name": "\ud83d"})
    for answer in (refused, call("GET", f"{API}/skus/{sku.id}")):
        assert answer.body.encode()


def test_a_name_without_end_is_not_repeated_without_end(shared_api: Simulator) -> None:
    name = "n" * 1_000_000
    for path, body in [
        ("skus/x", {name: 1}),
        ("skus/x", {"shipping_category": {"id": "x", name: 1}}),
        ("ordres/x", {"type": name}),
    ]:
        assert len(call("PATCH", f"{API}/{path}", body=body).body) < 2000
    assert len(call("POST", f"{API}/orders/x/triggers/approve", body={name: 1}).body) < 2000


@pytest.mark.parametrize(
    ("method", "body", "detail", "pointer"),
    [
        ("POST", {"data": {"type": "sku"}}, "`type` must be `skus`", "/data/type"),
        ("PATCH", {"data": {"type": "skus", "id": "y"}}, "`id` must be `x`", "/data/id"),
        ("PATCH", {"name": "Tee"}, "A JSON:API body is", "/data"),
        ("PATCH", {"data": []}, "A JSON:API body is", "/data"),
        ("PATCH", [], "A JSON:API body is", "/data"),
    ],
)
def test_a_json_api_body_that_cannot_be_meant_is_422_with_a_pointer(
    shared_api: Simulator, method: str, body: Any, detail: str, pointer: str
) -> None:
    path = f"{API}/skus" if method == "POST" else f"{API}/skus/x"
    found = problem(call(method, path, body=body, headers={"content-type": JSON_API}), 422)
    assert found["detail"].startswith(detail)
    assert found["errors"][0]["source"] == {"pointer": pointer}


def test_a_json_api_body_without_its_content_type_is_told_so(shared_api: Simulator) -> None:
    body = {"data": {"type": "skus", "id": "x", "attributes": {"name": "Tee"}}}
    found = problem(call("PATCH", f"{API}/skus/x", body=body), 415)
    assert found["detail"] == "A JSON:API body needs Content-Type: application/vnd.api+json."


def test_missing_required_names_are_left_to_commerce_layer(shared_api: Simulator) -> None:
    found = problem(call("POST", f"{API}/skus", body={"name": "Tee"}), 422)
    assert found["category"] == "request-refused"
    pointers = {error["source"]["pointer"] for error in found["errors"]}
    assert "/data/attributes/code" in pointers


def test_a_filter_that_commerce_layer_refuses_keeps_its_400(shared_api: Simulator) -> None:
    found = problem(call("GET", f"{API}/skus", "filter[q][nonsense_eq]=1"), 400)
    assert found["errors"][0]["status"] == "400"


@pytest.mark.parametrize("accept", ["text/html", "application/xml, text/*;q=0.5", "image/png"])
def test_an_accept_that_asks_for_neither_representation_is_406(
    shared_api: Simulator, accept: str
) -> None:
    before = len(shared_api.requests)
    found = problem(
        call("POST", f"{API}/tags", body={"name": "a"}, headers={"accept": accept}), 406
    )
    assert found["detail"] == "Accept asks for none of: application/json, application/vnd.api+json."
    assert len(shared_api.requests) == before, "nothing may be written"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "json"])
def test_another_content_type_is_415(shared_api: Simulator, media_type: str) -> None:
    result = call("POST", f"{API}/skus", body="{}", headers={"content-type": media_type})
    assert problem(result, 415)["detail"] == (
        "Content-Type must be application/json or application/vnd.api+json."
    )


def test_an_answer_that_is_too_large_says_what_to_leave_out(api: Simulator) -> None:
    # A quotation mark takes two bytes in our body, and four once Lambda has put it into its own.
    big = '"' * 100_000
    sku = api.store.put("skus", {"code": "BIG"})
    for number in range(10):
        api.store.put("prices", {"reference": big + str(number)}, {"sku": sku})
    for headers in ({}, {"accept": JSON_API}):
        assert call("GET", f"{API}/skus/{sku.id}", "include=prices", headers=headers).status == 200
    for number in range(10, 20):
        api.store.put("prices", {"reference": big + str(number)}, {"sku": sku})
    change = {"name": "Big"}
    for headers in ({}, {"accept": JSON_API}):
        result = call("GET", f"{API}/skus/{sku.id}", "include=prices", headers=headers)
        found = problem(result, 413)
        assert "MB and 5.5 MB can be returned. Most of it is prices" in found["detail"]
        assert "fields[prices]=…" in found["detail"]
        assert "The write" not in found["detail"]
        result = call("PATCH", f"{API}/skus/{sku.id}", "include=prices", change, headers)
        assert problem(result, 413)["detail"].endswith("The write itself was done.")


SECRET_FAULTS: list[tuple[str, Callable[[], object], str]] = [
    (
        "missing",
        lambda: boto3.client("secretsmanager", region_name=REGION).delete_secret(
            SecretId="commerce-layer/default", ForceDeleteWithoutRecovery=True
        ),
        "does not exist",
    ),
    (
        "not JSON",
        lambda: boto3.client("secretsmanager", region_name=REGION).put_secret_value(
            SecretId="commerce-layer/default", SecretString="demo-secret"
        ),
        "JSON",
    ),
    ("lacks a key", lambda: put_secret(client_id=None), "client_id"),
    ("wrong grant type", lambda: put_secret(grant_type="password"), "grant_type"),
    ("domain with a path", lambda: put_secret(domain="demo.commercelayer.io/api"), "domain"),
    ("foreign host", lambda: put_secret(domain="https://demo-secret.example.com"), "domain"),
]


@pytest.mark.parametrize(
    ("spoil", "word"), [f[1:] for f in SECRET_FAULTS], ids=[f[0] for f in SECRET_FAULTS]
)
@pytest.mark.parametrize("path", ["/instances/default", f"{API}/skus"])
def test_a_wrong_secret_names_the_secret_and_the_key_and_no_value(
    shared_api: Simulator, spoil: Callable[[], object], word: str, path: str
) -> None:
    spoil()
    connections.forget()
    before = len(shared_api.requests)
    result = call("GET", path)
    found = problem(result, 500)
    assert found["category"] == "configuration-error"
    assert "commerce-layer/default" in found["detail"]
    assert word in found["detail"]
    assert "demo-secret" not in result.body
    assert len(shared_api.requests) == before


def test_a_wrong_client_secret_is_our_fault_not_the_callers(shared_api: Simulator) -> None:
    put_secret(client_secret="wrong")
    connections.forget()
    for path in ("/instances/default", f"{API}/skus"):
        found = problem(call("GET", path), 502)
        assert found["category"] == "authentication-refused"
        assert found["retryable"] is False


def test_a_slug_that_is_not_the_tokens_is_a_configuration_error(shared_api: Simulator) -> None:
    put_secret(domain="other")
    connections.forget()
    found = problem(call("GET", "/instances/default"), 500)
    assert found["category"] == "configuration-error"
    assert "domain" in found["detail"]


def test_an_unexpected_error_is_a_500_that_tells_nothing_and_a_stack_trace_without_data(
    shared_api: Simulator, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(request: object) -> None:
        raise RuntimeError("ada@example.com")

    from api import routes  # noqa: PLC0415 - after the environment is set

    monkeypatch.setitem(routes.ROUTES, "GET /instances", explode)
    result = call("GET", "/instances")
    found = problem(result, 500)
    assert found["category"] == "unexpected"
    assert "ada" not in result.body
    failed = json.loads(logs.getvalue().splitlines()[0])
    assert failed["correlation_id"] == found["correlation_id"]
    assert "RuntimeError" in failed["exception"]
    assert "in explode" in failed["exception"]
    assert "ada" not in logs.getvalue()


def test_every_sample_event_is_answered_as_its_name_says(api: Simulator) -> None:
    expected = {
        "delete_sku": 204,
        "create_customer": 201,
        "create_customer_json_api": 201,
        "unknown_instance": 404,
        "unknown_resource": 404,
        "unknown_name": 422,
        "body_not_json": 400,
        "capture_with_value": 422,
    }
    samples = sorted((Path(__file__).parents[2] / "events" / "api").glob("*.json"))
    assert {s.stem for s in samples} >= expected.keys()
    for sample in samples:
        result = invoke(json.loads(sample.read_text(encoding="utf-8")))
        assert result.status == expected.get(sample.stem, 200), (sample.stem, result.body)
