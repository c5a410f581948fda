"""Sync whose process is killed at random points: the built function, real calls, real deaths."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from local.lambda_runtime import Invocation, LambdaRuntime
from local.simulator import Simulator
from local.simulator.clock import printed
from tests.runtime.conftest import Moto, needs_tools, runtime

pytestmark = [needs_tools, pytest.mark.slow]

ORDERS = 450
CROWDED = 60  # of them share a millisecond
PAGE = 25
KILLS = 4
EVENT = {"instance": "default", "stream": "orders"}
KEY = {"pk": {"S": "stream#default#orders"}, "sk": {"S": "state"}}


@dataclass
class World:
    """A shop, the bus with a queue behind it, the table, and containers of the function.

    `deliveries` counts how often each event, by its id, has come to the queue.
    """

    moto: Moto
    shop: Simulator
    queue: str
    containers: list[LambdaRuntime]
    threads: ThreadPoolExecutor
    deliveries: Counter[str] = field(default_factory=Counter)
    versions: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sqs, self.dynamodb = self.moto.client("sqs"), self.moto.client("dynamodb")

    def change(self) -> None:
        """An hour passes; all those orders changed half an hour ago, in half a second or so."""
        self.shop.clock.advance(3600)
        start = datetime.fromtimestamp(self.shop.clock.seconds(), UTC) - timedelta(minutes=30)
        for number in range(ORDERS):
            shared = min(max(number - 150, 0), CROWDED - 1)
            stamp = start + timedelta(microseconds=400 * (number - shared) + shared)
            self.shop.store.put("orders", updated_at=stamp)

    def begin(self, container: int) -> "Future[Invocation]":
        return self.threads.submit(self.containers[container].invoke, EVENT)

    def pages_pass(self, count: int, running: "Future[Invocation]") -> None:
        """Until so many more pages have been asked for, or the run has ended."""
        until = self.pages() + count
        while self.pages() < until and not running.done():
            time.sleep(0.001)  # the simulator works in this process

    def pages(self) -> int:
        return len(self.shop.requests.matching("GET", "/api/orders"))

    def lease_ends(self) -> None:
        """Time passes: whoever held the lease has it no more."""
        self.dynamodb.update_item(
            TableName="table",
            Key=KEY,
            UpdateExpression="SET lease_until = :past",
            ExpressionAttributeValues={":past": {"N": "0"}},
        )

    def check(self) -> None:
        """All that is older than the bookmark is on the bus, each version under one id."""
        item = self.dynamodb.get_item(TableName="table", Key=KEY)["Item"]
        bookmark = item["bookmark"]["S"]
        self.receive()
        behind = {version for version in self.current() if version[1] < bookmark}
        assert behind <= set(self.versions), "the bookmark is ahead of the bus"
        assert len(self.versions) == len(self.deliveries)

    def current(self) -> set[tuple[str, str]]:
        return {(each.id, printed(each.updated_at)) for each in self.shop.store.all("orders")}

    def receive(self) -> None:
        while messages := self.sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=3600
        ).get("Messages"):
            for message in messages:
                detail = json.loads(message["Body"])["detail"]
                change = (detail["change"]["id"], detail["change"]["updated_at"])
                self.deliveries[detail["id"]] += 1
                assert self.versions.setdefault(change, detail["id"]) == detail["id"]

    def doubled(self) -> int:
        return self.deliveries.total() - len(self.deliveries)


@pytest.fixture
def world(built: Path, moto: Moto) -> Iterator[World]:
    sqs, events = moto.client("sqs"), moto.client("events")
    url = sqs.create_queue(QueueName=f"consumer-{uuid4().hex}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="all", EventBusName="bus", EventPattern='{"source": [{"prefix": ""}]}')
    events.put_targets(
        Rule="all", EventBusName="bus", Targets=[{"Id": "consumer", "Arn": arn["QueueArn"]}]
    )
    # The last test may have left a stream that somebody holds.
    moto.client("dynamodb").delete_item(TableName="table", Key=KEY)
    with ExitStack() as stack:
        shop = stack.enter_context(Simulator(limits="sliding", limit_scale=100))
        environment = moto.environment(shop)
        threads = stack.enter_context(ThreadPoolExecutor())
        containers = [stack.enter_context(runtime("sync", environment)) for _ in range(2)]
        world = World(moto, shop, url, containers, threads)
        for container in range(2):  # warm; the first of them begins the stream, now
            assert world.begin(container).result().payload["published"] == 0
        world.change()
        yield world


def test_a_run_that_is_killed_again_and_again_loses_nothing(world: World) -> None:
    chance = random.Random(7)  # noqa: S311 - points to be killed at
    for _ in range(KILLS):
        running = world.begin(0)
        world.pages_pass(chance.randint(1, 4), running)
        # Somewhere in a page: while it is read, published, marked, or the bookmark moves.
        time.sleep(chance.uniform(0, 0.1))
        world.containers[0].kill()
        assert running.result().failed
        world.check()
        world.lease_ends()
    result = world.begin(0).result().payload
    assert result["complete"]
    world.check()
    assert set(world.versions) == world.current()
    assert world.doubled() <= PAGE * KILLS, "a kill doubles what it left unmarked at most"


def test_a_killed_run_keeps_its_stream_until_its_lease_ends(world: World) -> None:
    running = world.begin(0)
    world.pages_pass(2, running)
    world.containers[0].kill()
    assert running.result().failed
    assert world.begin(0).result().payload["outcome"] == "busy"


def test_of_two_runs_at_once_one_works(world: World) -> None:
    answers = [running.result() for running in (world.begin(0), world.begin(1))]
    assert sorted(answer.payload["outcome"] for answer in answers) == ["busy", "done"]
    world.check()
    assert set(world.versions) == world.current()
    assert world.doubled() == 0


def test_a_run_that_was_frozen_longer_than_its_lease_gives_way(world: World) -> None:
    """Two runs at work at once: the one that is late stops at its first bookmark."""
    late = world.begin(0)
    world.pages_pass(5, late)
    world.containers[0].freeze()
    world.lease_ends()
    next_one = world.begin(1)
    world.pages_pass(5, next_one)
    world.containers[0].thaw()
    assert late.result().payload["errorType"] == "LeaseLost"
    world.check()
    assert next_one.result().payload["complete"]
    world.check()
    assert set(world.versions) == world.current()
    assert world.doubled() <= PAGE
