"""The guardian in this process: a simulated Commerce Layer on one side, our own door on the other.

The door is the webhooks function behind a real socket, so that what the simulator delivers, and
what the guardian's probe says, is checked by the code that checks it in AWS.
"""

import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

import webhooks.handler
from connector import aws as clients
from connector import webhook_secrets
from connector.commerce_layer.client import Client
from connector.commerce_layer.signatures import sign
from connector.connections import connect
from connector.deadline import Deadline
from connector.errors import (
    ConfigurationError,
    InvalidRequest,
    OutcomeUnknown,
    PermissionDenied,
    SecretUnavailable,
    ServerFault,
    UnknownInstance,
)
from connector.settings import settings
from connector.table import Table
from guardian.handler import handler
from local.simulator import Simulator
from local.simulator.store import Record
from tests.conftest import LambdaContext, create_table, put_secret

TOPICS = "orders.place:customer+line_items.item,orders.approve"
SECRET_NAME = "commerce-layer-webhooks/default"


@dataclass
class World:
    shop: Simulator
    base: str
    monkeypatch: pytest.MonkeyPatch
    logs: io.StringIO
    broken: dict[str, int] = field(default_factory=dict)  # topic -> status the door answers
    happened: int = 0

    def declare(self, topics: str, **environment: str) -> None:
        self.monkeypatch.setenv("WEBHOOK_TOPICS", topics)
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)
        settings.cache_clear()

    def guard(self, instance: str = "default", milliseconds: int = 110_000) -> dict[str, Any]:
        context = LambdaContext(remaining_ms=milliseconds, function_name="stack-guardian")
        return handler({"instance": instance}, context)

    def hooks(self) -> dict[str, Record]:
        """By topic; of several the last."""
        return {each.attributes["topic"]: each for each in self.shop.store.all("webhooks")}

    def change(self, hook: Record, **values: Any) -> None:
        self.shop.store.update("webhooks", hook.id, values)

    def create(self, topic: str, address: str, **values: Any) -> Record:
        made = self.client().create("webhooks", {"topic": topic, "callback_url": address, **values})
        return self.shop.store.get("webhooks", made["data"]["id"])  # type: ignore[return-value]

    def happen(self) -> list[str]:
        """A customer changes, and that is delivered; what the door answered, the last time."""
        customer = self.shop.store.all("customers")[0]
        self.client().update("customers", customer.id, {"metadata": {"n": self.happened}})
        self.happened += 1
        self.shop.wait_until_idle()
        return [each.attributes["response_code"] for each in self.shop.store.all("event_callbacks")]

    def client(self) -> Client:
        return connect("default", Deadline.after(20))

    def later(self, **ahead: float) -> None:
        """So much later for the guardian."""
        now = datetime.now(UTC) + timedelta(**ahead)
        self.monkeypatch.setattr("guardian.handler.now", lambda: now)

    def stored(self) -> dict[str, list[str]]:
        client = boto3.client("secretsmanager")
        found: dict[str, list[str]] = json.loads(
            client.get_secret_value(SecretId=SECRET_NAME)["SecretString"]
        )
        return found

    def asked(self) -> list[tuple[str, str]]:
        """The requests of the API since the last time."""
        found = [(method, path) for method, path, *_ in self.shop.requests if "/api/" in path]
        self.shop.requests.clear()
        return found

    def told(self) -> list[tuple[str, str, str]]:
        """(category, topic, outcome) of what the log names since the last time."""
        lines = [json.loads(line) for line in self.logs.getvalue().splitlines()]
        self.logs.truncate(self.logs.seek(0))
        return [
            (each["category"], each["topic"], each["outcome"])
            for each in lines
            if each["message"] == "A webhook is not as declared."
        ]


@pytest.fixture
def door(aws: None) -> Iterator[tuple[str, dict[str, int]]]:
    """The webhooks function at an address. A topic in the mapping gets that status instead."""
    broken: dict[str, int] = {}

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            *_, instance, topic = self.path.split("/")
            event = {
                "pathParameters": {"instance": instance, "topic": topic},
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "requestContext": {"requestId": "r"},
                "body": body,
            }
            answer: dict[str, Any] = {"statusCode": broken.get(topic), "body": "{}"}
            if topic not in broken:
                answer = webhooks.handler.handler(event, LambdaContext(remaining_ms=15_000))
            self.send_response(answer["statusCode"])
            self.send_header("content-length", str(len(answer["body"])))
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", broken
        server.shutdown()
        thread.join()


@pytest.fixture
def world(
    door: tuple[str, dict[str, int]],
    point_to: Callable[[Simulator], Simulator],
    logs: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    base, broken = door
    boto3.client("events").create_event_bus(Name="bus")
    create_table(boto3.client("dynamodb"), "table")
    with Simulator(seed=5, token_limit=0, webhook_retry_pause=0.0) as shop:
        point_to(shop)
        monkeypatch.setenv("WEBHOOK_BASE_URL", f"{base}/")
        monkeypatch.setenv("EVENT_BUS", "bus")
        monkeypatch.setenv("TABLE", "table")
        clients.forget()
        webhook_secrets.forget()
        made = World(shop, base, monkeypatch, logs, broken)
        made.declare(TOPICS)
        yield made
        secrets = [each.attributes["shared_secret"] for each in shop.store.all("webhooks")]
        assert not [secret for secret in secrets if secret in logs.getvalue()]
    clients.forget()
    webhook_secrets.forget()


# --- What is declared exists --------------------------------------------------------------------


def test_declared_webhooks_are_created_and_their_secrets_stored(world: World) -> None:
    answer = world.guard()
    assert (answer["outcome"], answer["made"], answer["needs_a_person"]) == ("done", 2, 0)
    hooks = world.hooks()
    assert set(hooks) == {"orders.place", "orders.approve"}
    assert hooks["orders.place"].attributes["callback_url"] == (
        f"{world.base}/webhooks/default/orders.place"
    )
    assert hooks["orders.place"].attributes["include_resources"] == ["customer", "line_items.item"]
    assert world.stored() == {
        topic: [hook.attributes["shared_secret"]] for topic, hook in hooks.items()
    }
    assert sorted(world.told()) == [
        ("missing", "orders.approve", "repaired"),
        ("missing", "orders.place", "repaired"),
    ]


def test_what_is_created_delivers_at_once(world: World) -> None:
    world.declare("customers.metadata_update")
    world.guard()
    assert world.happen() == ["200"]


def test_at_rest_a_run_costs_one_request_and_writes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.guard()
    world.asked()
    world.told()
    client = clients.client("secretsmanager")
    monkeypatch.setattr(client, "put_secret_value", None)
    monkeypatch.setattr(client, "create_secret", None)
    answer = world.guard()
    assert world.asked() == [("GET", "/api/webhooks")]
    assert not world.told()
    assert {name: value for name, value in answer.items() if value} == {
        "outcome": "done",
        "instance": "default",
    }


def test_nothing_declared_asks_nothing(world: World) -> None:
    world.declare("")
    assert world.guard() == {"outcome": "nothing declared", "instance": "default"}
    assert world.asked() == []


def test_more_webhooks_than_a_page(world: World) -> None:
    for number in range(30):
        values = {"topic": "orders.pay", "callback_url": f"https://erp.example/{number}"}
        world.shop.store.put("webhooks", values)
    assert world.guard()["made"] == 2
    assert world.guard()["made"] == 0


def test_a_topic_that_commerce_layer_refuses_does_not_stop_the_others(world: World) -> None:
    world.declare("skus.update,orders.place:no_such_thing,orders.approve")
    answer = world.guard()
    assert (answer["made"], answer["needs_a_person"]) == (1, 2)
    assert set(world.hooks()) == set(world.stored()) == {"orders.approve"}
    reasons = world.logs.getvalue()
    assert "/data/attributes/topic" in reasons
    assert "/data/attributes/include_resources" in reasons
    assert ("missing", "skus.update", "failed") in world.told()


# --- Drift --------------------------------------------------------------------------------------


def test_other_includes_and_disabled_webhooks_are_repaired(world: World) -> None:
    world.guard()
    hook = world.hooks()["orders.place"]
    world.change(hook, include_resources=["customer"], disabled_at="2026-01-01T00:00:00.000Z")
    world.told()
    world.asked()
    assert world.guard()["repaired"] == 2
    assert world.asked() == [("GET", "/api/webhooks"), ("PATCH", f"/api/webhooks/{hook.id}")]
    repaired = world.hooks()["orders.place"].attributes
    assert repaired["include_resources"] == ["customer", "line_items.item"]
    assert repaired["disabled_at"] is None
    assert sorted(kind for kind, *_ in world.told()) == ["disabled", "other-include"]


def test_the_order_of_includes_is_no_drift(world: World) -> None:
    world.guard()
    hook = world.hooks()["orders.place"]
    world.change(hook, include_resources=["line_items.item", "customer"])
    assert world.guard()["repaired"] == 0


def test_what_is_not_ours_is_never_touched(world: World) -> None:
    """A second connector at another host, with the same path, and anybody else's webhooks."""
    others = [
        world.create("orders.place", "https://other.example/webhooks/default/orders.place"),
        world.create("orders.place", f"{world.base}/webhooks/second/orders.place"),
        world.create("orders.place", "https://erp.example/hook", include_resources=["market"]),
    ]
    before = [dict(each.attributes) for each in others]
    assert world.guard()["made"] == 2
    assert world.guard()["needs_a_person"] == 0
    assert [dict(each.attributes) for each in others] == before
    assert ("elsewhere", "orders.place", "left") in world.told()
    ours = world.hooks()["orders.approve"].attributes["shared_secret"]
    assert [ours] == world.stored()["orders.approve"]
    assert len(world.stored()["orders.place"]) == 1


def test_a_duplicate_is_named_and_both_deliver(world: World) -> None:
    world.guard()
    address = f"{world.base}/webhooks/default/orders.approve"
    first, second = world.hooks()["orders.approve"], world.create("orders.approve", address)
    assert world.guard()["needs_a_person"] == 1
    assert ("duplicate", "orders.approve", "left") in world.told()
    assert world.stored()["orders.approve"] == [
        each.attributes["shared_secret"] for each in (first, second)
    ]
    assert len(world.shop.store.all("webhooks")) == 3


def test_a_topic_that_is_no_longer_declared_is_left_with_its_secret(world: World) -> None:
    world.guard()
    before = world.stored()
    world.declare("orders.place:customer+line_items.item")
    world.told()
    world.later(days=3)
    assert world.guard()["needs_a_person"] == 0
    assert world.told() == [("undeclared", "orders.approve", "left")]
    assert world.stored() == before
    world.shop.store.delete("webhooks", world.hooks()["orders.approve"].id)
    world.guard()
    assert set(world.stored()) == {"orders.place"}


def test_a_webhook_that_calls_the_path_of_another_topic_is_named(world: World) -> None:
    world.create("orders.pay", f"{world.base}/webhooks/default/orders.place")
    assert world.guard()["needs_a_person"] == 1
    assert ("misdirected", "orders.pay", "left") in world.told()


def test_two_instances_keep_apart(world: World) -> None:
    put_secret("commerce-layer/other")
    world.guard()
    world.declare(TOPICS, INSTANCES="other")
    assert world.guard("other")["made"] == 2
    assert world.guard("other")["made"] == 0
    names = [each["Name"] for each in boto3.client("secretsmanager").list_secrets()["SecretList"]]
    assert {"commerce-layer-webhooks/default", "commerce-layer-webhooks/other"} <= set(names)


# --- Secrets ------------------------------------------------------------------------------------


def test_a_crash_before_the_secret_is_stored_heals(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(clients.client("secretsmanager"), "put_secret_value", times_out)
        with pytest.raises(SecretUnavailable):
            world.guard()
    assert len(world.hooks()) == 2
    assert world.guard()["made"] == 0
    assert set(world.stored()) == set(world.hooks())


def test_without_secrets_manager_nothing_is_created(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients.client("secretsmanager"), "get_secret_value", times_out)
    with pytest.raises(SecretUnavailable):
        world.guard()
    assert not world.hooks()


def test_a_fault_on_the_way_leaves_no_secret_behind(world: World) -> None:
    """The second creation fails; the secret of the first is stored all the same."""
    world.shop.faults.script([None, "500", "500", "500"], method="POST", path="/api/webhooks")
    with pytest.raises((ServerFault, OutcomeUnknown)):
        world.guard()
    assert set(world.stored()) == {"orders.place"}
    world.shop.faults.clear()
    assert world.guard()["made"] == 1


def test_a_creation_without_an_answer_is_not_repeated_blindly(world: World) -> None:
    world.shop.faults.add("reset_after", method="POST", path="/api/webhooks", times=1)
    with pytest.raises(OutcomeUnknown):
        world.guard()
    assert world.guard()["made"] == 1
    assert len(world.shop.store.all("webhooks")) == 2
    assert set(world.stored()) == {"orders.place", "orders.approve"}


def test_a_new_secret_is_stored_first_and_the_former_stays_a_day(world: World) -> None:
    world.guard()
    former = world.stored()["orders.place"]
    hook = world.hooks()["orders.place"]
    world.change(hook, shared_secret="f" * 32)
    world.guard()
    assert world.stored()["orders.place"] == ["f" * 32, *former]
    world.later(hours=23)
    world.guard()
    assert world.stored()["orders.place"] == ["f" * 32, *former]
    world.later(hours=25)
    world.guard()
    assert world.stored()["orders.place"] == ["f" * 32]


def test_secrets_that_somebody_stored_by_hand_stay(world: World) -> None:
    boto3.client("secretsmanager").create_secret(
        Name=SECRET_NAME, SecretString='{"orders.pay": ["by-hand"], "orders.place": ["old"]}'
    )
    world.guard()
    ours = world.hooks()["orders.place"].attributes["shared_secret"]
    assert world.stored()["orders.pay"] == ["by-hand"]
    assert world.stored()["orders.place"] == [ours, "old"]


def test_a_secret_that_is_no_json_is_not_overwritten(world: World) -> None:
    boto3.client("secretsmanager").create_secret(Name=SECRET_NAME, SecretString="scribble")
    with pytest.raises(ConfigurationError, match="JSON object"):
        world.guard()
    assert not world.hooks()


# --- Circuits -----------------------------------------------------------------------------------


def open_circuit(world: World, topic: str = "orders.place") -> Record:
    world.guard()
    hook = world.hooks()[topic]
    world.change(hook, circuit_state="open", circuit_failure_count=30)
    world.told()
    return hook


def test_an_open_circuit_is_closed_when_the_probe_is_accepted(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = open_circuit(world)
    world.asked()
    capsys.readouterr()
    answer = world.guard()
    assert (answer["open"], answer["reset"]) == (1, 1)
    assert hook.attributes["circuit_state"] == "closed"
    assert world.asked() == [("GET", "/api/webhooks"), ("PATCH", f"/api/webhooks/{hook.id}")]
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"instance": "default", "topic": "orders.place", "CircuitOpen": [1.0]}.items() <= next(
        each.items() for each in metrics if "CircuitOpen" in each
    )
    (totals,) = [each for each in metrics if "CircuitsOpen" in each]
    assert totals["function_name"] == "stack-guardian"
    assert (totals["CircuitsOpen"], totals["CircuitsReset"]) == ([1.0], [1.0])
    (probed,) = [each for each in metrics if "Deliveries" in each]
    assert probed["outcome"] == "probe"


@pytest.mark.parametrize("status", [200, 302, 401, 404, 500])
def test_it_stays_open_while_our_door_does_not_take_the_probe(world: World, status: int) -> None:
    """Nor does just any 200 count: something else may stand at the address."""
    hook = open_circuit(world)
    world.broken["orders.place"] = status
    for _ in range(2):
        assert world.guard()["reset"] == 0
        assert hook.attributes["circuit_state"] == "open"
    assert f"answered {status} (not ours)" in world.logs.getvalue()
    assert world.told() == [("circuit-open", "orders.place", "left")] * 2
    world.broken.clear()
    assert world.guard()["reset"] == 1


def test_it_stays_open_while_nobody_is_at_the_address(world: World) -> None:
    world.declare(TOPICS, WEBHOOK_BASE_URL="http://127.0.0.1:9")
    hook = open_circuit(world)
    assert world.guard()["reset"] == 0
    assert hook.attributes["circuit_state"] == "open"
    assert "no answer (Unreachable)" in world.logs.getvalue()


def test_a_circuit_that_a_wrong_secret_opened_heals_with_it(world: World) -> None:
    """The cause is put right first: then the probe, signed with the new secret, is accepted."""
    world.monkeypatch.setattr("connector.webhook_secrets.RETRY", 0.0)
    hook = open_circuit(world)
    webhook_secrets.load("default")
    world.change(hook, shared_secret="e" * 32)
    assert world.guard()["reset"] == 1
    assert world.stored()["orders.place"][0] == "e" * 32


def test_one_circuit_does_not_keep_another_open(world: World) -> None:
    world.broken["orders.place"] = 503
    stays, heals = open_circuit(world), open_circuit(world, "orders.approve")
    answer = world.guard()
    assert (answer["open"], answer["reset"]) == (2, 1)
    assert stays.attributes["circuit_state"] == "open"
    assert heals.attributes["circuit_state"] == "closed"


def test_a_circuit_that_failures_opened_heals_and_delivers_again(world: World) -> None:
    """From the first failure to the next delivery, nothing set by hand."""
    topic = "customers.metadata_update"
    world.declare(topic)
    world.guard()
    world.broken[topic] = 500
    for _ in range(3):
        world.happen()
    assert world.hooks()[topic].attributes["circuit_state"] == "open"
    world.broken.clear()
    before = world.happen()
    assert before == ["500"] * 30, "nothing is called any more"
    assert world.guard()["reset"] == 1
    assert world.happen() == [*before, "200"]


# --- Refusals and limits ------------------------------------------------------------------------


def test_two_runs_at_a_time_are_one(world: World) -> None:
    with Table(clients.client("dynamodb"), "table").lease("default#guardian"):
        assert world.guard() == {"outcome": "busy", "instance": "default"}
    assert world.asked() == []


def test_the_rate_limit_is_kept(world: World) -> None:
    world.shop.settings.limits = "sliding"
    world.declare(",".join(f"orders.{event}" for event in "place approve pay fulfill".split()))
    assert world.guard()["made"] == 4
    assert 429 not in [each.status for each in world.shop.requests]


def test_a_credential_that_may_not_keep_webhooks(world: World) -> None:
    put_secret(client_id="demo-sales", scope="market:all")
    with pytest.raises(PermissionDenied):
        world.guard()
    assert "PermissionDenied" in world.logs.getvalue()


def test_a_run_that_fails_says_nothing_about_circuits(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.shop.faults.add("500", path="/api/webhooks")
    with pytest.raises(ServerFault):
        world.guard()
    assert "CircuitsOpen" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({}, InvalidRequest),
        ({"instance": 1}, InvalidRequest),
        ({"instance": "default", "topic": "orders.place"}, InvalidRequest),
        ({"instance": "nobody"}, UnknownInstance),
    ],
)
def test_a_wrong_event(world: World, event: Mapping[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        handler(event, LambdaContext())


def test_an_address_is_needed(world: World) -> None:
    world.declare(TOPICS, WEBHOOK_BASE_URL="")
    with pytest.raises(ConfigurationError, match="WEBHOOK_BASE_URL"):
        world.guard()


# --- The probe at the door ----------------------------------------------------------------------


def test_a_probe_needs_a_signature_and_publishes_nothing(world: World) -> None:
    world.guard()
    body = '{"data": {"type": "connector_probes", "id": "p"}}'

    def knock(secret: str) -> dict[str, Any]:
        event = {
            "pathParameters": {"instance": "default", "topic": "orders.place"},
            "headers": {
                "x-commercelayer-topic": "orders.place",
                "x-commercelayer-signature": sign(secret, body.encode()),
            },
            "body": body,
        }
        return webhooks.handler.handler(event, LambdaContext())

    assert knock("forged")["statusCode"] == 401
    answer = knock(world.stored()["orders.place"][0])
    assert (answer["statusCode"], answer["body"]) == (200, '{"outcome": "probe"}')
    assert boto3.client("dynamodb").scan(TableName="table")["Count"] == 1, "the guardian's lease"


def times_out(**_: Any) -> Any:
    raise ReadTimeoutError(endpoint_url="https://aws.test")
