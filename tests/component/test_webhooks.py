"""The webhooks function in this process, with AWS in memory (moto)."""

import base64
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from connector import aws as clients
from connector import webhook_secrets
from connector.commerce_layer.signatures import sign
from connector.echoes import Echoes
from connector.event_bus import Source, envelope
from connector.settings import settings
from tests.conftest import REGION, LambdaContext, create_table
from webhooks.handler import handler

SECRET, FORMER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
STAMP = "2026-03-01T12:00:00.123Z"
NOW = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)


def order(**attributes: Any) -> dict[str, Any]:
    return {
        "data": {
            "id": "xYZkjABcde",
            "type": "orders",
            "links": {"self": "/api/orders/xYZkjABcde"},
            "attributes": {"status": "placed", "created_at": STAMP, "updated_at": STAMP}
            | attributes,
            "relationships": {
                "customer": {"links": {}, "data": {"type": "customers", "id": "c"}},
                "market": {"links": {"self": "/api/orders/xYZkjABcde/relationships/market"}},
            },
            "meta": {"mode": "test", "organization_id": "o", "trace_id": "1"},
        },
        "included": [
            {
                "id": "c",
                "type": "customers",
                "attributes": {"email": "ada@example.com"},
                "relationships": {},
            }
        ],
    }


@dataclass
class Door:
    """The function, and what arrives behind it."""

    sqs: Any
    consumer: str
    queue: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def deliver(
        self,
        document: Any = None,
        *,
        instance: str = "default",
        topic: str = "orders.place",
        encoded: bool = False,
        body: bytes | None = None,
        signature: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Any]:
        raw = json.dumps(document or order()).encode() if body is None else body
        event = {
            "rawPath": f"/webhooks/{instance}/{topic}",
            "pathParameters": {"instance": instance, "topic": topic},
            "headers": {
                "X-CommerceLayer-Topic": topic,
                "X-CommerceLayer-Signature": sign(SECRET, raw) if signature is None else signature,
                **headers,
            },
            "requestContext": {"requestId": "r-1"},
            "body": base64.b64encode(raw).decode() if encoded else raw.decode(),
            "isBase64Encoded": encoded,
        }
        return handler(event, LambdaContext(remaining_ms=15_000))

    def published(self) -> list[dict[str, Any]]:
        """Everything that the bus has given to a consumer so far."""
        for message in self._taken(self.consumer):
            self.events.append(json.loads(message["Body"]))
        return self.events

    def queued(self) -> list[dict[str, Any]]:
        return self._taken(self.queue)

    def redrive(self, *bodies: str, milliseconds: int = 15_000) -> list[str]:
        """Hand messages to the function as the queue does; which of them have to come again."""
        records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
        answer = handler({"Records": records}, LambdaContext(remaining_ms=milliseconds))
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    def _taken(self, queue: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            found += messages
            for message in messages:
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def door(aws: None, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    sqs: Any = boto3.client("sqs")
    events = boto3.client("events")
    events.create_event_bus(Name="bus")
    consumer = sqs.create_queue(QueueName="consumer")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=consumer, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="all", EventBusName="bus", EventPattern='{"detail": {"version": ["1"]}}')
    target = {"Id": "q", "Arn": arn["QueueArn"]}
    events.put_targets(Rule="all", EventBusName="bus", Targets=[target])  # type: ignore[list-item]
    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket="claims", CreateBucketConfiguration={"LocationConstraint": REGION})
    create_table(boto3.client("dynamodb"), "table")
    queue = sqs.create_queue(QueueName="again", Attributes={"DelaySeconds": "0"})["QueueUrl"]
    for name, value in {
        "INSTANCES": "default,other",
        "EVENT_BUS": "bus",
        "TABLE": "table",
        "CLAIM_CHECK_BUCKET": "claims",
        "WEBHOOK_QUEUE": queue,
        "MAX_WEBHOOK_BYTES": "300000",
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    clients.forget()
    webhook_secrets.forget()
    put_secrets("default", {"orders.place": [SECRET, FORMER], "orders.approve": [FORMER]})
    monkeypatch.setattr("webhooks.handler.now", lambda: NOW)
    monkeypatch.setattr("webhooks.hand_over.DELAY_SECONDS", 0)
    yield Door(sqs, consumer, queue)
    settings.cache_clear()
    clients.forget()
    webhook_secrets.forget()


def put_secrets(instance: str, topics: Any) -> None:
    client = boto3.client("secretsmanager")
    name = f"commerce-layer-webhooks/{instance}"
    text = topics if isinstance(topics, str) else json.dumps(topics)
    try:
        client.create_secret(Name=name, SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=name, SecretString=text)


def fail(monkeypatch: pytest.MonkeyPatch, service: Any, call: str, times: int = 99) -> None:
    """Let that call time out, so often."""
    client, left = clients.client(service, clients.QUICK), [times]
    real = getattr(client, call)

    def broken(**request: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise ReadTimeoutError(endpoint_url="https://aws.test")
        return real(**request)

    monkeypatch.setattr(client, call, broken)


def outcome(answer: Mapping[str, Any]) -> str:
    body = json.loads(answer["body"])
    assert answer["statusCode"] == body.get("status", 200)
    return str(body.get("outcome") or body["category"])


# --- Taken ------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoded", [False, True])
def test_a_delivery_becomes_an_event(door: Door, encoded: bool) -> None:
    assert door.deliver(encoded=encoded)["statusCode"] == 200
    (event,) = door.published()
    assert (event["source"], event["detail-type"]) == ("commerce-layer.default", "orders.place")
    detail = event["detail"]
    assert (detail["origin"], detail["mode"], detail["stream"]) == ("webhook", "test", None)
    assert detail["change"] == {"type": "orders", "id": "xYZkjABcde", "updated_at": STAMP}
    assert (detail["occurred_at"], detail["received_at"]) == (STAMP, "2026-03-01T12:00:05.000Z")
    assert detail["resource"]["status"] == "placed"
    assert detail["resource"]["customer"]["email"] == "ada@example.com"
    assert "market" not in detail["resource"], "it was not loaded"
    assert detail["correlation_id"] == "r-1"


def test_the_former_secret_is_good_for_its_topic_alone(door: Door) -> None:
    body = json.dumps(order()).encode()
    assert door.deliver(signature=sign(FORMER, body))["statusCode"] == 200
    assert door.deliver(topic="orders.approve", signature=sign(FORMER, body))["statusCode"] == 200
    assert outcome(door.deliver(topic="orders.approve")) == "wrong-signature"


def test_headers_may_come_in_any_case(door: Door) -> None:
    body = json.dumps(order()).encode()
    headers = {"x-commercelayer-signature": sign(SECRET, body)}
    assert door.deliver(headers=headers, signature="wrong")["statusCode"] == 200


@pytest.mark.parametrize("record", [{}, {"attributes": None, "relationships": None, "meta": None}])
def test_of_a_destroyed_record_there_is_its_id(door: Door, record: dict[str, Any]) -> None:
    put_secrets("default", {"orders.destroy": [SECRET]})
    document = {"data": {"type": "orders", "id": "gone", **record}}
    assert door.deliver(document, topic="orders.destroy")["statusCode"] == 200
    (event,) = door.published()
    assert event["detail"]["resource"] == {"type": "orders", "id": "gone"}
    assert event["detail"]["occurred_at"] is None


def test_unknown_topics_and_new_types_pass(door: Door) -> None:
    put_secrets("default", {"drones.landed": [SECRET]})
    document = {"data": {"type": "drones", "id": "d", "attributes": {"updated_at": STAMP}}}
    assert door.deliver(document, topic="drones.landed")["statusCode"] == 200
    assert door.published()[0]["detail-type"] == "drones.landed"


def test_a_large_record_is_checked_in_at_s3(door: Door) -> None:
    assert door.deliver(order(metadata={"x": "y" * 250_000}))["statusCode"] == 200
    (event,) = door.published()
    payload = event["detail"]["payload"]
    s3: Any = boto3.client("s3")
    stored = s3.get_object(Bucket=payload["bucket"], Key=payload["key"])["Body"].read()
    assert len(stored) == payload["size"] > 250_000
    assert json.loads(stored)["customer"]["email"] == "ada@example.com"
    assert event["detail"]["resource"] == {"type": "orders", "id": "xYZkjABcde"}


# --- Refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature",
    ["", "AAAA", sign(SECRET, b"other"), sign("x", json.dumps(order()).encode()), "ü" * 44],
)
def test_a_wrong_signature(door: Door, signature: str) -> None:
    answer = door.deliver(signature=signature)
    assert (answer["statusCode"], outcome(answer)) == (401, "wrong-signature")
    assert door.published() == door.queued() == []


def test_two_signatures_in_one_header_are_none(door: Door) -> None:
    one = sign(SECRET, json.dumps(order()).encode())
    assert outcome(door.deliver(signature=f"{one},{one}")) == "wrong-signature"


def test_one_byte_of_the_body(door: Door) -> None:
    body = json.dumps(order()).encode()
    altered = body.replace(b"placed", b"plaged")
    answer = door.deliver(body=altered, signature=sign(SECRET, body))
    assert outcome(answer) == "wrong-signature"


def test_the_topic_is_not_signed_so_path_and_header_must_agree(door: Door) -> None:
    answer = door.deliver(headers={"X-CommerceLayer-Topic": "orders.approve"})
    assert (answer["statusCode"], outcome(answer)) == (401, "wrong-topic")
    event = door.deliver(topic="orders.approve", headers={"X-CommerceLayer-Topic": ""})
    assert event["statusCode"] == 401


def test_another_instance_has_other_secrets(door: Door) -> None:
    answer = door.deliver(instance="other")
    assert (answer["statusCode"], outcome(answer)) == (401, "wrong-signature")


def test_an_unknown_instance_costs_no_call(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, "secretsmanager", "get_secret_value")
    answer = door.deliver(instance="nobody")
    assert (answer["statusCode"], outcome(answer)) == (404, "unknown-instance")


def test_a_large_body_costs_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, "secretsmanager", "get_secret_value")
    for encoded in (False, True):
        answer = door.deliver(body=b"x" * 300_001, encoded=encoded)
        assert (answer["statusCode"], outcome(answer)) == (413, "too-large")
    answer = door.deliver(body="ü".encode() * 200_000)
    assert answer["statusCode"] == 413, "bytes count, not letters"
    assert door.deliver(body=b"x" * 300_000, encoded=True)["statusCode"] != 413


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"text"', b"{}", b'{"data": null}', b'{"data": []}',
        b'{"data": {"type": "orders"}}', b'{"data": {"type": 1, "id": "x"}}',
        b'{"data": {"type": "orders", "id": "x", "attributes": {"updated_at": 7}}}',
        b'{"data": {"type": "orders", "id": "x", "attributes": []}}',
        b'{"data": {"type": "orders", "id": "x", "relationships": {"a": 1}}}',
        b'{"data": {"type": "orders", "id": "x"}, "included": [1]}',
        b'{"data": {"type": "orders", "id": "x"}, "included": {"type": "orders"}}',
        b'{"data": {"type": "orders", "id": "x", "meta": "m"}}',
    ],
)  # fmt: skip
def test_what_is_signed_and_makes_no_sense(door: Door, body: bytes) -> None:
    answer = door.deliver(body=body, signature=sign(SECRET, body))
    assert (answer["statusCode"], outcome(answer)) == (400, "malformed")


def test_a_body_that_is_not_its_base64(door: Door) -> None:
    event = {
        "pathParameters": {"instance": "default", "topic": "orders.place"},
        "headers": {},
        "body": "%%%%",
        "isBase64Encoded": True,
    }
    assert handler(event, LambdaContext())["statusCode"] == 400
    assert handler({}, LambdaContext())["statusCode"] == 404


def test_a_recorded_delivery_from_long_ago(door: Door) -> None:
    old = (NOW - timedelta(days=35, seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    answer = door.deliver(order(updated_at=old))
    assert (answer["statusCode"], outcome(answer)) == (409, "too-old")
    young = (NOW - timedelta(days=34)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert door.deliver(order(updated_at=young))["statusCode"] == 200


@pytest.mark.parametrize("text", ["", "[]", '{"orders.place": "x"}', '{"orders.place": [""]}'])
def test_a_secret_that_is_no_list_of_secrets(door: Door, text: str) -> None:
    put_secrets("other", text or " ")
    answer = door.deliver(instance="other")
    assert (answer["statusCode"], outcome(answer)) == (503, "failed"), "it comes again"


def test_refusals_are_counted(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.deliver(signature="wrong")
    metric = json.loads(capsys.readouterr().out)
    assert (metric["outcome"], metric["Deliveries"]) == ("wrong-signature", [1.0])


# --- Secrets ----------------------------------------------------------------------------------


def test_a_new_secret_is_found_when_its_first_signature_comes(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("connector.webhook_secrets.time.time", lambda: clock[0])
    webhook_secrets.forget()
    assert door.deliver()["statusCode"] == 200
    put_secrets("default", {"orders.place": ["new", SECRET]})
    clock[0] += 11
    body = json.dumps(order(status="approved")).encode()
    assert door.deliver(body=body, signature=sign("new", body))["statusCode"] == 200


def test_forged_signatures_do_not_wear_out_secrets_manager(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, reads = [1000.0], list[Mapping[str, Any]]()
    monkeypatch.setattr("connector.webhook_secrets.time.time", lambda: clock[0])
    webhook_secrets.forget()
    client = clients.client("secretsmanager", clients.QUICK)
    real = client.get_secret_value

    def read(**request: Any) -> Any:
        reads.append(request)
        return real(**request)

    monkeypatch.setattr(client, "get_secret_value", read)
    for _ in range(50):
        assert door.deliver(signature="forged")["statusCode"] == 401
        assert door.deliver(instance="other", signature="forged")["statusCode"] == 401
        clock[0] += 1
    assert len(reads) <= 2 * (50 / 10 + 1)


def test_without_secrets_manager_known_secrets_serve(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("connector.webhook_secrets.time.time", lambda: clock[0])
    webhook_secrets.forget()
    assert door.deliver()["statusCode"] == 200
    clock[0] += 3600
    fail(monkeypatch, "secretsmanager", "get_secret_value")
    assert door.deliver(order(status="approved"))["statusCode"] == 200
    webhook_secrets.forget()
    assert outcome(door.deliver()) == "failed", "nobody can tell: Commerce Layer sends again"


# --- Nothing lost, nothing doubled ------------------------------------------------------------


def test_the_same_delivery_again_is_one_event(door: Door) -> None:
    again = order()
    again["data"]["meta"]["trace_id"] = "2"
    again["data"]["links"]["self"] = "https://demo.commercelayer.io/api/orders/xYZkjABcde"
    assert [outcome(door.deliver(each)) for each in (order(), again)] == ["published", "duplicate"]
    assert outcome(door.deliver(order(status="approved"))) == "published", "another state"
    assert len({event["detail"]["id"] for event in door.published()}) == 2


def test_what_the_bus_refuses_waits_in_the_queue(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        fail(broken, "events", "put_events")
        assert outcome(door.deliver()) == "queued"
        (message,) = door.queued()
        assert door.published() == []
        assert door.redrive(message["Body"]) == ["0"], "the claim is still held"
    release_claims()
    assert door.redrive(message["Body"]) == []
    assert [event["detail"]["topic"] for event in door.published()] == ["orders.place"]
    assert door.redrive(message["Body"]) == []
    assert outcome(door.deliver()) == "duplicate"
    assert len(door.published()) == 1


def test_if_both_refuse_the_sender_has_to_come_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        fail(broken, "events", "put_events")
        fail(broken, "sqs", "send_message")
        answer = door.deliver()
        assert (answer["statusCode"], outcome(answer)) == (503, "failed")
    release_claims()
    assert outcome(door.deliver()) == "published"


def test_two_at_once_are_one_event(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second comes while the first is on its way to the bus."""
    client, second = clients.client("events", clients.QUICK), list[str]()
    real = client.put_events

    def put(**request: Any) -> Any:
        if not second:
            second.append("under way")
            second.append(outcome(door.deliver()))
        return real(**request)

    monkeypatch.setattr(client, "put_events", put)
    assert outcome(door.deliver()) == "published"
    assert second == ["under way", "queued"]
    (message,) = door.queued()
    assert door.redrive(message["Body"]) == []
    assert len(door.published()) == 1


@pytest.mark.parametrize("call", ["put_item", "batch_write_item"])
def test_without_the_table_an_event_still_goes_out(
    door: Door, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    fail(monkeypatch, "dynamodb", call)
    assert outcome(door.deliver()) == "published"
    assert len(door.published()) == 1


def test_a_claim_check_that_cannot_be_stored_goes_through_the_queue(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        fail(broken, "s3", "put_object")
        assert outcome(door.deliver(order(metadata={"x": "y" * 210_000}))) == "queued"
    release_claims()
    (message,) = door.queued()
    assert door.redrive(message["Body"]) == []
    assert door.published()[0]["detail"]["payload"]["size"] > 210_000


def test_one_bad_message_does_not_hold_up_the_others(door: Door) -> None:
    good = json.dumps(_envelope())
    assert door.redrive("no json", good, "{}") == ["0", "2"]
    assert len(door.events + door._taken(door.consumer)) == 1


def test_a_batch_ends_before_the_function_does(door: Door) -> None:
    assert door.redrive(json.dumps(_envelope()), milliseconds=3_000) == ["0"]


def test_no_log_line_holds_what_came(
    door: Door, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside what the fixture searches for: neither topics nor instances that anybody made up."""
    door.deliver(instance="mallory", topic="orders.place")
    door.deliver(topic="mallory.was_here", signature="mallory")
    door.deliver(body=b'{"mallory": 1}', signature="")
    fail(monkeypatch, "events", "put_events")
    fail(monkeypatch, "sqs", "send_message")
    door.deliver()
    said = logs.getvalue()
    assert not re.search(r"mallory|ada|xYZ", said)
    assert SECRET not in said
    assert '"topic":"orders.place"' in said.replace(": ", ":")


def _envelope() -> dict[str, Any]:
    source = Source("default", "webhook", "c")
    return envelope(source, "orders.place", "1" * 64, {"type": "orders", "id": "x"}, STAMP)


def release_claims() -> None:
    """Time passes: the claims of whoever failed have ended."""
    client = boto3.client("dynamodb")
    for item in client.scan(TableName="table")["Items"]:
        if "claimed_until" in item:
            client.put_item(TableName="table", Item={**item, "claimed_until": {"N": "0"}})


def test_what_a_command_did_says_so(door: Door) -> None:
    echoes = Echoes(clients.client("dynamodb"), "table")
    echoes.remember("default", "orders", "xYZkjABcde", STAMP, "erp-1")
    door.deliver()
    door.deliver(order(updated_at="2026-03-01T12:00:00.124Z"))
    assert [each["detail"]["caused_by"] for each in door.published()] == ["erp-1", None]
