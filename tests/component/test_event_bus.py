"""Publishing against EventBridge, SQS and S3 (moto)."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from connector.errors import PublishFailed
from connector.event_bus import ATTEMPTS, BATCH_BYTES, EventBus, Source, envelope

NOW = "2026-03-01T12:00:00.000Z"
SOURCE = Source("default", "sync", "c-1", organization="demo", mode="test", stream="orders")


def event(number: int, text: str = "") -> dict[str, Any]:
    order = {"id": str(number), "type": "orders", "reference": text}
    order |= {"created_at": NOW, "updated_at": NOW}
    return envelope(SOURCE, "orders.changed", id_of(number), order, NOW)


def id_of(number: int) -> str:
    return f"{number:064x}"


@dataclass
class Watched:
    """A bus with a queue behind it. `sizes` has the bytes of every entry of every call."""

    bus: EventBus
    client: Any
    queue: str
    s3: Any
    sizes: list[list[int]] = field(default_factory=list)

    def watch(self, params: Mapping[str, Any], **_: Any) -> None:
        self.sizes.append([len(entry["Detail"].encode()) for entry in params["Entries"]])

    def received(self) -> list[dict[str, Any]]:
        sqs = boto3.client("sqs")
        found: list[dict[str, Any]] = []
        while messages := sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
        sqs.close()
        return found


@pytest.fixture
def watched(aws: None) -> Iterator[Watched]:
    events = boto3.client("events")
    sqs: Any = boto3.client("sqs")
    s3: Any = boto3.client("s3")
    events.create_event_bus(Name="bus")
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(
        Name="all",
        EventBusName="bus",
        EventPattern=json.dumps({"source": [{"prefix": "commerce-layer."}]}),
    )
    events.put_targets(
        Rule="all", EventBusName="bus", Targets=[{"Id": "q", "Arn": arn["QueueArn"]}]
    )
    s3.create_bucket(Bucket="claims", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    bus = EventBus(events, "bus", bucket="claims", s3=lambda: s3, sleep=lambda _: None)
    watched = Watched(bus, events, queue, s3)
    events.meta.events.register("provide-client-params.events.PutEvents", watched.watch)
    yield watched
    for client in (events, sqs, s3):
        client.close()


def refuse(client: Any, positions: set[int], times: int) -> None:
    """Let the bus refuse the entries at `positions` of its next `times` calls."""
    left = [times]

    def answer(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        if left[0]:
            left[0] -= 1
            for position in positions & set(range(len(parsed["Entries"]))):
                parsed["Entries"][position] = {"ErrorCode": "ThrottlingException"}
            parsed["FailedEntryCount"] = len(positions)

    client.meta.events.register("after-call.events.PutEvents", answer)


def test_events_arrive_with_source_and_topic(watched: Watched) -> None:
    watched.bus.publish([event(1)])
    (message,) = watched.received()
    assert message["source"] == "commerce-layer.default"
    assert message["detail-type"] == "orders.changed"
    assert message["detail"] == event(1)


def test_nothing_to_publish_is_no_call(watched: Watched) -> None:
    watched.bus.publish([])
    assert watched.sizes == []


def test_a_call_carries_ten_entries_at_most(watched: Watched) -> None:
    watched.bus.publish(event(number) for number in range(25))
    assert [len(call) for call in watched.sizes] == [10, 10, 5]
    assert {m["detail"]["id"] for m in watched.received()} == {id_of(n) for n in range(25)}


def test_a_call_stays_below_the_total_size(watched: Watched) -> None:
    # Letters of two bytes: it is bytes that count.
    watched.bus.publish(event(number, "é" * 50_000) for number in range(5))
    assert [len(call) for call in watched.sizes] == [2, 2, 1]
    assert all(sum(call) <= BATCH_BYTES for call in watched.sizes)


def test_a_large_record_goes_to_s3_and_its_event_says_where(watched: Watched) -> None:
    large = event(1, "é" * 150_000)
    watched.bus.publish([large, event(2)])
    (first,) = [m["detail"] for m in watched.received() if m["detail"]["id"] == id_of(1)]
    assert first["resource"] == {"type": "orders", "id": "1"}
    assert first["change"] == large["change"]
    payload = first["payload"]
    assert payload["key"] == f"default/orders.changed/{id_of(1)}.json"
    body = watched.s3.get_object(Bucket=payload["bucket"], Key=payload["key"])["Body"].read()
    assert json.loads(body) == large["resource"]
    assert payload["size"] == len(body)
    assert payload["sha256"] == hashlib.sha256(body).hexdigest()


def test_only_refused_entries_are_sent_again(watched: Watched) -> None:
    refuse(watched.client, {0, 7}, times=1)
    watched.bus.publish(event(number) for number in range(10))
    assert [len(call) for call in watched.sizes] == [10, 2]


def test_entries_refused_to_the_end_fail_and_the_others_are_told(watched: Watched) -> None:
    refuse(watched.client, {0}, times=ATTEMPTS)
    with pytest.raises(PublishFailed) as caught:
        watched.bus.publish(event(number) for number in range(3))
    # The first of each call: 0, and 0 again, alone.
    assert str(caught.value) == "The event bus refused 1 of 3 events (ThrottlingException)."
    assert caught.value.published == [id_of(1), id_of(2)]
    assert len(watched.sizes) == ATTEMPTS


def test_a_call_without_an_answer_fails_and_tells_what_was_acknowledged(watched: Watched) -> None:
    calls: list[int] = []

    def lose(**_: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise ReadTimeoutError(endpoint_url="https://events.test")

    watched.client.meta.events.register("after-call.events.PutEvents", lose)
    with pytest.raises(PublishFailed, match="did not acknowledge 5 of 15") as caught:
        watched.bus.publish(event(number) for number in range(15))
    assert caught.value.published == [id_of(n) for n in range(10)]
