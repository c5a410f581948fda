"""The client against the simulator, and against answers that no simulator gives."""

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from connector.commerce_layer.client import Client, Session
from connector.commerce_layer.query import Query
from connector.commerce_layer.transport import Transport
from connector.deadline import Deadline
from connector.errors import (
    AuthenticationRefused,
    CommerceLayerError,
    ConnectorError,
    DeadlineExceeded,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    RequestRefused,
    ServerFault,
    Unreachable,
    UpstreamTimeout,
)
from connector.instances import Instance
from local.simulator import Simulator
from tests.component.wire import Step, Wire, answer, raw, rst, wire
from tests.unit.test_tokens import jwt

SECRET = "demo-secret"
MEDIA_TYPE = "application/vnd.api+json"


class Hours:
    """Clocks that sleeping moves, so that no test waits."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.slept: list[float] = []

    def wall(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ahead += seconds


@pytest.fixture
def hours() -> Hours:
    return Hours()


def load(instance: Instance, *, fresh: bool) -> Instance:
    return instance


@pytest.fixture
def connect(hours: Hours) -> Iterator[Callable[..., Client]]:
    with Transport() as transport:

        def client(api_url: str, auth_url: str, left: float = 20, **about: Any) -> Client:
            instance = Instance(
                "default", "demo", "demo-client", SECRET, api_url, auth_url, **about
            )
            session = Session(
                instance,
                partial(load, instance),
                transport,
                clock=hours.wall,
                sleep=hours.sleep,
                draw=lambda: 0.5,
            )
            return Client(session, Deadline.after(left, hours.monotonic))

        yield client


@pytest.fixture
def client(simulator: Simulator, connect: Callable[..., Client]) -> Client:
    return connect(simulator.api_url, simulator.auth_url)


def sent(simulator: Simulator, method: str) -> int:
    return sum(request.method == method for request in simulator.requests if "/api" in request.path)


class TestOperations:
    def test_a_record_is_made_found_changed_and_deleted(self, client: Client) -> None:
        made = client.create("customers", {"email": "a@example.com"}, query=Query(fields={}))
        id_ = made["data"]["id"]
        assert client.retrieve("customers", id_)["data"]["attributes"]["email"] == "a@example.com"
        changed = client.update("customers", id_, {"reference": "ERP-1"})
        assert changed["data"]["attributes"]["reference"] == "ERP-1"
        found = client.list("customers", Query(filters={"reference_eq": "ERP-1"}))
        assert [record["id"] for record in found["data"]] == [id_]
        client.delete("customers", id_)
        with pytest.raises(NotFound):
            client.retrieve("customers", id_)

    def test_relationships_are_written_and_followed(self, client: Client) -> None:
        market = client.list("markets")["data"][0]
        order = client.create(
            "orders",
            {"customer_email": "b@example.com"},
            {"market": {"data": {"type": "markets", "id": market["id"]}}},
        )["data"]
        assert client.related("orders", order["id"], "market")["data"]["id"] == market["id"]
        assert client.related("orders", order["id"], "line_items")["data"] == []

    @pytest.mark.parametrize("name", ["archive", "_archive"])
    def test_a_trigger_is_one_patch_with_its_companions(
        self, client: Client, simulator: Simulator, name: str
    ) -> None:
        order = client.list("orders", Query(filters={"status_eq": "placed"}))["data"][0]
        fired = client.trigger("orders", order["id"], name, attributes={"reference": "x"})["data"]
        assert fired["attributes"]["archived_at"]
        assert fired["attributes"]["reference"] == "x"
        assert sent(simulator, "PATCH") == 1

    def test_a_scan_meets_every_record_once(self, client: Client, simulator: Simulator) -> None:
        for number in range(60):
            simulator.store.put("tags", {"name": f"t{number}"})
        ids = [record["id"] for record in client.scan("tags")]
        assert len(ids) == len(set(ids)) >= 60
        listed = client.list("tags", Query(page_size=1))["meta"]["record_count"]
        assert len(ids) == listed

    def test_a_scan_keeps_filters_and_sets_the_rest_itself(self, client: Client) -> None:
        skus = list(client.scan("skus", Query(filters={"code_start": "SKU-0000"})))
        assert 0 < len(skus) < 10
        with pytest.raises(InvalidRequest, match="sets sort, page and id_gt itself"):
            next(client.scan("skus", Query(sort=("code",))))

    def test_lists_ask_for_page_1_and_bodies_carry_the_id(
        self, connect: Callable[..., Client]
    ) -> None:
        with commerce_layer(answer()) as server:
            client = connect(server.url, server.url)
            client.list("skus")
            client.update("skus", "abc", {"name": "x"})
        listing, update = server.requests[1:]
        assert listing.line == "GET /skus?page%5Bnumber%5D=1 HTTP/1.1"
        assert listing.header("accept") == listing.header("content-type") == MEDIA_TYPE
        assert listing.header("user-agent").startswith("commerce-layer-connector/")
        assert json.loads(update.body)["data"] == {
            "type": "skus",
            "id": "abc",
            "attributes": {"name": "x"},
        }

    def test_claims_tell_organization_and_mode(self, client: Client) -> None:
        assert client.claims()["organization"]["slug"] == "demo"
        assert client.claims()["test"] is True

    def test_documents_pass_the_door_as_bytes_and_queries_as_text(self, client: Client) -> None:
        document = b'{"data": {"type": "tags", "attributes": {"name": "new"}}}'
        response = client.send("POST", "tags", "fields%5Btags%5D=name", document)
        assert response.status == 201
        assert list(response.document()["data"]["attributes"]) == ["name"]


@pytest.mark.parametrize(
    "path",
    ["", "/", "skus/", "skus//prices", "../skus", "skus/a b", "skus/a%2Fb", "skus/../x",
     "skus/é", "skus?x=1", "a/b/c/d/e", "skus/a\n"],
)  # fmt: skip
def test_a_path_that_could_mean_something_else_is_not_sent(client: Client, path: str) -> None:
    with pytest.raises(InvalidRequest):
        client.send("GET", path)


@pytest.mark.parametrize(
    ("method", "query"),
    [("PUT", ""), ("get", ""), ("GET", "a=b c"), ("GET", "a=ü"), ("GET", "a=b#c"), ("GET", "a=\n")],
)
def test_a_method_or_query_that_could_not_be_meant_is_not_sent(
    client: Client, simulator: Simulator, method: str, query: str
) -> None:
    with pytest.raises(InvalidRequest):
        client.send(method, "skus", query)
    assert list(simulator.requests) == []


@pytest.mark.parametrize("id_", ["", " ", "a/b", "a?b"])
def test_a_blank_or_odd_id_never_becomes_a_list(
    client: Client, simulator: Simulator, id_: str
) -> None:
    for call in (client.retrieve, client.update, client.delete):
        with pytest.raises(InvalidRequest, match="is not an id"):
            call("skus", id_)
    assert list(simulator.requests) == []


def token() -> Step:
    return answer(document={"access_token": jwt(), "expires_in": 7200})


def commerce_layer(*steps: Step) -> Any:
    """A server that gives a token first."""
    return wire(token(), *steps)


ONE = {"errors": {"title": "Too Many Requests", "code": "THROTTLED", "status": 429}}
LIST = {
    "errors": [{"title": "No", "code": "SOME_CODE", "status": "422", "detail": "a@b.c is taken"}]
}
HTML = b"<html><body>Bad gateway</body></html>"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, LIST, RequestRefused),
        (401, {"errors": [{"code": "UNAUTHORIZED"}]}, PermissionDenied),
        (401, {"errors": [{"code": "INVALID_TOKEN"}]}, AuthenticationRefused),
        (401, HTML, AuthenticationRefused),
        (403, HTML, PermissionDenied),
        (404, LIST, NotFound),
        (409, LIST, RequestRefused),
        (422, LIST, RequestRefused),
        (423, ONE, RequestRefused),
        (429, ONE, RateLimited),
        (429, LIST, RateLimited),
        (429, HTML, RateLimited),
        (500, LIST, ServerFault),
        (503, HTML, ServerFault),
        (503, b"", ServerFault),
        (302, b"", ServerFault),
        (200, HTML, ServerFault),
        (200, b'{"data": [', ServerFault),
        (200, b"", ServerFault),
    ],
)
def test_every_refusal_has_its_error(
    connect: Callable[..., Client], status: int, body: Any, error: type[CommerceLayerError]
) -> None:
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    with commerce_layer(answer(status, body=body, headers={"X-Request-Id": "r-1"})) as server:
        client = connect(server.url, server.url, left=3)
        with pytest.raises(error) as caught:
            client.send("GET", "customers")
    fault = caught.value
    assert type(fault) is error
    assert fault.status == status or error is AuthenticationRefused
    assert fault.request_id == "r-1" or error is AuthenticationRefused
    assert isinstance(fault.errors, list)
    assert "a@b.c" not in str(fault)  # a detail may quote customer data


@pytest.mark.parametrize(
    "kind", ["500", "503", "html", "html_200", "reset", "reset_after", "truncate"]
)
def test_a_read_that_meets_a_fault_is_tried_again(
    client: Client, simulator: Simulator, hours: Hours, kind: str
) -> None:
    client.claims()
    simulator.faults.add(kind, path="/api/*", times=2)
    assert client.list("skus")["data"]
    assert sent(simulator, "GET") == 3
    assert sum(hours.slept) < 2


def test_a_read_gives_up_after_a_few_tries(
    client: Client, simulator: Simulator, hours: Hours
) -> None:
    simulator.faults.add("500")
    with pytest.raises(ServerFault):
        client.list("skus")
    assert sent(simulator, "GET") <= 4


def test_retries_add_little_to_the_load_of_a_server_that_is_down(
    connect: Callable[..., Client], simulator: Simulator
) -> None:
    client = connect(simulator.api_url, simulator.auth_url, left=100)
    simulator.faults.add("500", path="/api/*")
    for _ in range(20):
        with pytest.raises(ServerFault):
            client.list("skus")
    assert sent(simulator, "GET") <= 20 + 3 + 2


@pytest.mark.parametrize(
    ("kind", "error", "retryable"),
    [
        ("500", ServerFault, False),
        ("503", ServerFault, False),
        ("502", OutcomeUnknown, False),
        ("504", OutcomeUnknown, False),
        ("html_200", OutcomeUnknown, False),
        ("reset", OutcomeUnknown, False),
        ("reset_after", OutcomeUnknown, False),
        ("truncate", OutcomeUnknown, False),
        ("hang", OutcomeUnknown, False),
    ],
)
def test_a_write_that_may_have_been_done_is_sent_once(
    connect: Callable[..., Client],
    simulator: Simulator,
    kind: str,
    error: type[CommerceLayerError],
    *,
    retryable: bool,
) -> None:
    client = connect(simulator.api_url, simulator.auth_url, left=2)
    client.claims()
    simulator.faults.add(kind, method="POST", path="/api/*")
    with pytest.raises(error) as caught:
        client.create("customers", {"email": "once@example.com"})
    assert caught.value.retryable is retryable
    assert sent(simulator, "POST") == 1


@pytest.mark.parametrize("kind", ["429_object", "429_list"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refusal_by_rate_limit_was_not_done_and_is_sent_again(
    client: Client, simulator: Simulator, hours: Hours, kind: str, method: str
) -> None:
    client.claims()
    simulator.faults.add(kind, path="/api/*", times=2)
    if method == "GET":
        client.list("orders")
    else:
        client.create("customers", {"email": "twice@example.com"})
    assert sent(simulator, method) == 3
    assert sum(hours.slept) >= 1.5  # `Retry-After: 0` is no leave to hammer


def test_a_refusal_that_outlasts_the_invocation_tells_when_to_come_back(
    connect: Callable[..., Client],
) -> None:
    with commerce_layer(answer(429, document=ONE, headers={"Retry-After": "120"})) as server:
        client = connect(server.url, server.url, left=10)
        with pytest.raises(RateLimited) as caught:
            client.list("orders")
    assert caught.value.retry_after == 120
    assert len(server.requests) == 2


def test_what_would_be_refused_is_not_even_sent(connect: Callable[..., Client]) -> None:
    used_up = {"X-Ratelimit-Limit": "100", "X-Ratelimit-Remaining": "0"}
    with commerce_layer(answer(headers=used_up)) as server:
        client = connect(server.url, server.url, left=10)
        client.list("orders")
        with pytest.raises(RateLimited, match="longer than this invocation") as caught:
            client.list("orders")
        assert 50 < caught.value.retry_after < 62
        assert len(server.requests) == 2


def test_a_pace_that_fits_the_invocation_is_waited_for(
    connect: Callable[..., Client], hours: Hours
) -> None:
    with commerce_layer(answer()) as server:
        client = connect(server.url, server.url, left=100, rate_limit=2)
        for _ in range(3):
            client.list("orders")
    assert sum(hours.slept) == pytest.approx(60, abs=2)


def test_a_token_that_expired_early_is_replaced_once(client: Client, simulator: Simulator) -> None:
    client.claims()
    simulator.faults.add("expire_tokens", method="POST", path="/api/*", times=1)
    assert client.create("customers", {"email": "c@example.com"})["data"]["id"]
    tokens = [request for request in simulator.requests if request.path == "/oauth/token"]
    assert len(tokens) == 2


def test_a_missing_permission_does_not_cost_a_token(connect: Callable[..., Client]) -> None:
    denied = answer(401, {"errors": [{"code": "UNAUTHORIZED", "status": "401"}]})
    with commerce_layer(denied) as server:
        client = connect(server.url, server.url)
        with pytest.raises(PermissionDenied, match="has no permission"):
            client.list("orders")
    assert len(server.requests) == 2


class TestDeadline:
    @pytest.mark.parametrize(
        ("method", "error"),
        [("list", (UpstreamTimeout, DeadlineExceeded)), ("delete", OutcomeUnknown)],
    )
    def test_it_holds_against_a_server_that_hangs(
        self, simulator: Simulator, method: str, error: type[ConnectorError]
    ) -> None:
        instance = Instance(
            "default", "demo", "demo-client", SECRET, simulator.api_url, simulator.auth_url
        )
        with Transport() as transport:
            session = Session(instance, partial(load, instance), transport)
            Client(session, Deadline.after(5)).claims()
            simulator.faults.add("hang", path="/api/*")
            begun = time.monotonic()
            client = Client(session, Deadline.after(1.3))
            with pytest.raises(error):
                client.list("orders") if method == "list" else client.delete("orders", "abc")
            assert time.monotonic() - begun < 1.6

    def test_it_holds_against_a_token_endpoint_that_hangs(
        self, connect: Callable[..., Client]
    ) -> None:
        with wire() as server:
            server.steps.append(server.silence)
            client = connect("http://127.0.0.1:1", server.url, left=0.5)
            begun = time.monotonic()
            with pytest.raises((UpstreamTimeout, DeadlineExceeded)):
                client.list("orders")
            assert time.monotonic() - begun < 1

    def test_a_write_is_not_begun_in_a_hurry(
        self, connect: Callable[..., Client], simulator: Simulator
    ) -> None:
        client = connect(simulator.api_url, simulator.auth_url, left=0.9)
        with pytest.raises(DeadlineExceeded, match=r"needs 1\.0 s"):
            client.create("customers", {"email": "d@example.com"})
        assert sent(simulator, "POST") == 0


def test_a_stale_connection_after_a_freeze_costs_a_read_nothing(
    connect: Callable[..., Client], hours: Hours
) -> None:
    with commerce_layer(answer(), rst, answer()) as server:
        client = connect(server.url, server.url)
        client.list("orders")
        assert client.list("orders") == {"data": []}
    assert hours.slept == []


WHO = "filter%5Bq%5D%5Bemail_eq%5D=jane%40example.com"


def everything_that_goes_wrong(client: Client, server: Wire) -> list[ConnectorError]:
    faults = []
    refused = {"errors": [{"title": SECRET, "detail": "jane@example.com", "code": SECRET}]}
    for step in (
        rst,
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        answer(422, refused),
        answer(500, refused),
        answer(body=HTML),
        answer(401, {"errors": [{"code": "INVALID_TOKEN"}]}),
    ):
        server.steps = [step]
        for method in ("GET", "POST"):
            try:
                client.send(method, "customers", WHO, b"{}")
            except ConnectorError as fault:
                faults.append(fault)
    return faults


def test_no_log_line_repr_or_traceback_holds_secret_token_or_customer(
    connect: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), commerce_layer(answer()) as server:
        client = connect(server.url, server.url)
        client.list("customers")
        held = client.session.tokens.get(client.deadline).value
        faults = everything_that_goes_wrong(client, server)
    assert len(faults) == 12
    told = [caplog.text, repr(client), repr(client.session), repr(client.instance)]
    for fault in faults:
        told += traceback.format_exception(fault)
        told.append(repr(fault))
    text = "\n".join(told)
    for forbidden in (SECRET, held, "jane", "Bearer ey"):
        assert forbidden not in text


def test_nobody_home_is_said_so(connect: Callable[..., Client]) -> None:
    with wire() as server:
        url = server.url
    client = connect(url, url, left=2)
    with pytest.raises(Unreachable, match="nothing was sent"):
        client.list("orders")
