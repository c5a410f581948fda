"""The consumer's side: each event once, and claim checks, with AWS in memory (moto)."""

import ast
import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyKeyError,
)
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from connector import consumer
from connector.consumer import Busy, ClaimCheckFailed, Once, resource
from connector.event_bus import EventBus, Source, envelope
from tests.conftest import REGION, LambdaContext

DETAIL = {"id": "a" * 64, "payload": None, "resource": {"type": "skus", "id": "x"}}


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Killed(BaseException):
    """The process is gone: it makes no other call to AWS."""


class Mortal:
    """A DynamoDB client of a process that can be killed."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.exceptions = client.exceptions
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            if self.dead:
                raise Killed
            return getattr(self._client, name)(**request)

        return call


@pytest.fixture
def table(aws: None) -> Any:
    return make_table()


def make_table() -> Any:
    client: Any = boto3.client("dynamodb")
    client.create_table(
        TableName="handled",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    return client


def test_it_can_be_copied_alone() -> None:
    """It imports the standard library and boto3, and none of our modules imports it."""
    tree = ast.parse(Path(consumer.__file__).read_text(encoding="utf-8"))
    found = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {name for name in found if "." in name or name.startswith("boto")} == {
        "boto3", "botocore.exceptions", "collections.abc",
    }  # fmt: skip
    root = Path(__file__).parents[2]
    for source in [*root.glob("functions/**/*.py"), *root.glob("layers/connector/**/*.py")]:
        if source.name != "consumer.py":
            assert "consumer import" not in source.read_text(encoding="utf-8"), source


# --- Once -------------------------------------------------------------------------------------


def test_the_second_is_dropped(table: Any) -> None:
    once, handled = Once("handled"), list[Any]()
    assert [once(DETAIL, handled.append) for _ in range(3)] == [True, False, False]
    assert Once("handled")(DETAIL, handled.append) is False, "another process remembers too"
    assert handled == [DETAIL]
    other = {**DETAIL, "id": "b" * 64}
    assert once(other, handled.append) is True


def test_what_failed_comes_again(table: Any) -> None:
    once, tried = Once("handled"), list[Any]()

    def handle(detail: Mapping[str, Any]) -> None:
        tried.append(detail)
        if len(tried) == 1:
            raise KeyError("not yet")

    with pytest.raises(KeyError):
        once(DETAIL, handle)
    assert once(DETAIL, handle) is True
    assert once(DETAIL, handle) is False
    assert len(tried) == 2


def test_two_at_once_are_one(table: Any) -> None:
    """While the first is at work the second is told to come again."""
    at_work, go_on, handled = threading.Event(), threading.Event(), list[str]()

    def slow(_: Mapping[str, Any]) -> None:
        at_work.set()
        assert go_on.wait(10)
        handled.append("first")

    first = threading.Thread(target=lambda: Once("handled")(DETAIL, slow))
    first.start()
    assert at_work.wait(10)
    with pytest.raises(Busy):
        Once("handled")(DETAIL, lambda _: handled.append("second"))
    go_on.set()
    first.join()
    assert Once("handled")(DETAIL, lambda _: handled.append("second")) is False
    assert handled == ["first"]


def test_after_a_kill_somebody_else_takes_over_in_time(table: Any) -> None:
    clock, mortal = Clock(), Mortal(table)

    def dies(_: Mapping[str, Any]) -> None:
        mortal.dead = True
        raise Killed

    with pytest.raises(Killed):
        Once("handled", client=mortal, clock=clock)(DETAIL, dies, seconds=10)
    living = Once("handled", client=table, clock=clock)
    clock.now += 9
    with pytest.raises(Busy):
        living(DETAIL, print)
    clock.now += 2
    assert living(DETAIL, lambda _: None) is True


def test_who_was_too_slow_does_not_take_the_claim_of_another_away(table: Any) -> None:
    clock = Clock()
    once = Once("handled", clock=clock)

    def overslept(_: Mapping[str, Any]) -> None:
        clock.now += 11
        with pytest.raises(Busy):  # of the one that has it now
            once(DETAIL, lambda detail: once(detail, print), seconds=10)
        assert once(DETAIL, lambda _: None) is True
        raise KeyError("too late")

    with pytest.raises(KeyError):
        once(DETAIL, overslept, seconds=10)
    assert once(DETAIL, print) is False, "the other one's mark stands"


def test_marks_end(table: Any) -> None:
    """Also where DynamoDB has not yet deleted what expired."""
    clock = Clock()
    once = Once("handled", keep_days=30, clock=clock)
    assert once(DETAIL, lambda _: None) is True
    (item,) = table.scan(TableName="handled")["Items"]
    assert set(item) == {"id", "expires_at"}
    clock.now += 30 * 24 * 3600 - 1
    assert once(DETAIL, lambda _: None) is False
    clock.now += 2
    assert once(DETAIL, lambda _: None) is True


def test_an_answer_that_got_lost_is_no_busy_neighbour(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 sends the same request again, and finds its own claim."""
    real = table.put_item

    def twice(**request: Any) -> Any:
        real(**request)
        return real(**request)

    monkeypatch.setattr(table, "put_item", twice)
    assert Once("handled", client=table)(DETAIL, lambda _: None) is True


def test_a_mark_that_fails_does_not_fail_what_was_done(
    table: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://aws.test")

    monkeypatch.setattr(table, "update_item", broken)
    assert Once("handled", client=table)(DETAIL, lambda _: None) is True
    assert "not marked" in caplog.text


def test_without_the_table_nothing_is_handled(aws: None) -> None:
    with pytest.raises(ClientError):
        Once("nowhere")(DETAIL, lambda _: pytest.fail("It was handled."))


Step = tuple[str, str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["x", "y"]),
        st.sampled_from(["works", "raises", "is killed", "is killed when done"]),
        st.integers(0, 12),
    ),
    max_size=12,
)


@settings(max_examples=20, deadline=None)
@given(steps=STEPS)
def test_whatever_happens_an_event_is_handled_and_not_twice(steps: list[Step]) -> None:
    """Against the promise: done events are dropped, failed ones are not, claims end by themselves.

    The one thing that doubles an event is a kill between handling and marking.
    """
    from moto import mock_aws  # noqa: PLC0415 - beside the one place that needs it bare

    with mock_aws():
        table, clock = make_table(), Clock()
        done, held_until = set[str](), dict[str, float]()
        for event_id, fate, seconds in steps:
            clock.now += seconds
            mortal = Mortal(table)

            def handle(_: Mapping[str, Any], fate: str = fate, mortal: Mortal = mortal) -> None:
                mortal.dead = fate.startswith("is killed")
                if fate == "raises":
                    raise KeyError
                if fate == "is killed":
                    raise Killed

            try:
                answer: object = Once("handled", client=mortal, clock=clock)(
                    {"id": event_id}, handle, seconds=10
                )
            except (Busy, KeyError, Killed) as error:
                answer = type(error)
            if event_id in done:
                assert answer is False
            elif held_until.get(event_id, 0) >= clock.now:
                assert answer is Busy
            elif fate == "works":
                assert answer is True
                done.add(event_id)
            elif fate == "raises":
                assert answer is KeyError
            else:
                assert answer is Killed
                held_until[event_id] = clock.now + 10


# --- Powertools, as docs/consumers.md sets it up ------------------------------------------------


def test_powertools_drops_by_id_too(table: Any) -> None:
    config = IdempotencyConfig(
        event_key_jmespath="id",
        raise_on_no_idempotency_key=True,
        hash_function="sha256",
        expires_after_seconds=45 * 24 * 3600,
    )
    store = DynamoDBPersistenceLayer(table_name="handled", expiry_attr="expires_at")
    handled, fate = list[Any](), ["raise"]

    @idempotent_function(  # type: ignore[untyped-decorator] # Powertools'
        data_keyword_argument="detail", config=config, persistence_store=store
    )
    def handle(*, detail: Mapping[str, Any]) -> None:
        if fate.pop() == "raise":
            raise KeyError
        with pytest.raises(IdempotencyAlreadyInProgressError):
            handle(detail=detail)
        handled.append(detail)

    config.register_lambda_context(LambdaContext())  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        handle(detail=DETAIL)
    fate.append("work")
    handle(detail=DETAIL)
    handle(detail={**DETAIL, "received_at": "later"})
    assert handled == [DETAIL]
    with pytest.raises(IdempotencyKeyError):
        handle(detail={})


# --- Claim checks -----------------------------------------------------------------------------


@pytest.fixture
def checked_in(aws: None) -> dict[str, Any]:
    """The detail of an event that was too large, as the bus got it."""
    events, s3 = boto3.client("events"), _s3()
    events.create_event_bus(Name="bus")
    record = {"type": "skus", "id": "x", "updated_at": "2026-03-01T12:00:00.123Z"}
    record["description"] = "ü" * 150_000
    bus = EventBus(events, "bus", bucket="claims", s3=lambda: s3)
    detail = envelope(
        Source("default", "sync", "c", stream="skus"),
        "skus.changed",
        "c" * 64,
        record,
        "2026-03-01T12:00:07.004Z",
    )
    bus.publish([detail])
    entry = bus._entry(detail)
    return dict(json.loads(entry["Detail"]))


def _s3() -> Any:
    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket="claims", CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3


def test_a_small_record_is_in_the_event() -> None:
    assert resource(DETAIL) == {"type": "skus", "id": "x"}


def test_a_large_record_comes_from_the_bucket(checked_in: dict[str, Any]) -> None:
    assert checked_in["resource"] == {"type": "skus", "id": "x"}
    found = resource(checked_in)
    assert found["description"] == "ü" * 150_000
    assert resource(checked_in, client=boto3.client("s3")) == found


def test_what_is_gone_says_so(checked_in: dict[str, Any]) -> None:
    payload = checked_in["payload"]
    boto3.client("s3").delete_object(Bucket=payload["bucket"], Key=payload["key"])
    with pytest.raises(ClaimCheckFailed, match=f"{payload['key']}: NoSuchKey"):
        resource(checked_in)


def test_trouble_with_s3_is_trouble_with_s3(checked_in: dict[str, Any]) -> None:
    """It may be better next time: it must not look like a damaged event."""
    checked_in["payload"]["bucket"] = "elsewhere"
    with pytest.raises(ClientError, match="NoSuchBucket"):
        resource(checked_in)


class Stored:
    """An S3 client that has this one body."""

    def __init__(self, body: bytes) -> None:
        self._body, self.read_bytes = body, 0

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": self}

    def read(self, size: int) -> bytes:
        self.read_bytes = min(size, len(self._body))
        return self._body[:size]


@given(
    body=st.dictionaries(st.text(), st.text() | st.integers() | st.none()).map(
        lambda record: json.dumps(record).encode()
    ),
    other=st.binary(max_size=300),
    where=st.integers(0, 10_000),
    change=st.integers(1, 255),
)
def test_only_what_was_published_is_accepted(
    body: bytes, other: bytes, where: int, change: int
) -> None:
    """Whole; not cut, not longer, not another, not with one byte altered."""
    payload: dict[str, Any] = {"bucket": "b", "key": "k", "size": len(body)}
    payload["sha256"] = hashlib.sha256(body).hexdigest()
    detail = {"payload": payload}
    assert resource(detail, client=Stored(body)) == json.loads(body)
    at = where % len(body)
    altered = body[:at] + bytes([body[at] ^ change]) + body[at + 1 :]
    for damaged in (altered, body[:at], body + other + b" ", other):
        if damaged != body:
            stored = Stored(damaged)
            with pytest.raises(ClaimCheckFailed, match=r"s3://b/k (is not|was altered)"):
                resource(detail, client=stored)
            assert stored.read_bytes <= len(body) + 1, "not more is read than was promised"
