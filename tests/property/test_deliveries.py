"""Twenty thousand webhook deliveries, whatever breaks: none is lost, none doubled without cause.

The real handler, eight invocations at a time, in simulated time, between a sender that behaves as
Commerce Layer does (retries, duplicates, any order, a circuit) and a table, a bus and a queue that
fail. Invocations are killed in the middle of their calls.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from threading import local
from typing import Any

import pytest
from botocore.exceptions import ClientError

from connector import aws as clients
from connector import webhook_secrets
from connector.commerce_layer.signatures import sign
from connector.observability import logger
from connector.settings import settings
from tests.conftest import LambdaContext
from tests.property.aws_model import Dynamo, Events, Killed, timeout
from tests.property.cooperation import Cooperation
from webhooks.handler import handler

SECRET = "0123456789abcdef" * 2
START = datetime(2026, 3, 1, tzinfo=UTC)
CALL, TIMED_OUT = 0.01, clients.QUICK.read_timeout  # type: ignore[attr-defined]  # seconds
AT_A_TIME, RETRIES, OPENS_AT = 8, 10, 30
VISIBILITY = 90.0
HANGS_UP = 5.0


@dataclass
class Delivery:
    """`waited` is how long its slowest acknowledged invocation took."""

    number: int
    topic: str
    body: bytes
    attempts: int = 0
    acknowledged: bool = False
    waited: float = 0.0
    killed: bool = False


@dataclass
class World:
    """`down` says when the bus refuses everything; `spoiled` are numbers that met a fault."""

    count: int
    seed: int = 1
    failing: float = 0.05
    killing: float = 0.003
    down: tuple[float, float] = (0.0, 0.0)
    together: Cooperation = field(default_factory=lambda: Cooperation(START.timestamp()))
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    queue: list[tuple[float, str]] = field(default_factory=list)
    pool: list[tuple[float, Delivery]] = field(default_factory=list)
    busy: int = 0
    failures: int = 0
    circuit_open: bool = False
    spoiled: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - a fixed run, not a secret
        self.current = local()
        self.deliveries = [self.delivery(number) for number in range(self.count)]
        # A tenth is sent twice at nearly the same time, all of them in any order.
        twice = self.random.sample(self.deliveries, self.count // 10)
        for each in [*self.deliveries, *twice]:
            at = START.timestamp() + each.number * 0.02 + self.random.uniform(0, 3)
            self.pool.append((at, each))
        self.pool.sort(key=lambda pair: -pair[0])

    def delivery(self, number: int) -> Delivery:
        kind, event = self.random.choice([("orders", "place"), ("customers", "tagged")])
        stamp = START + timedelta(milliseconds=number)
        record = {
            "type": kind,
            "id": f"r{number // 3}",  # several states of one record
            "attributes": {"number": number, "updated_at": printed(stamp)},
            "meta": {"mode": "test"},
        }
        return Delivery(number, f"{kind}.{event}", json.dumps({"data": record}).encode())

    # --- What calls to AWS meet ---------------------------------------------------------------

    def call(self, name: str, effect: Callable[[bool], dict[str, Any]]) -> dict[str, Any]:
        """10 ms each. Some fail at once or time out, with or without their effect; some kill."""
        fate = self.random.random()
        refused = name == "put_events" and self.down[0] <= self.time() < self.down[1]
        if refused or fate < self.failing:
            self.spoil()
            lost, slow = self.random.random() < 0.5, self.random.random() < 0.5
            self.spend(TIMED_OUT if slow else CALL)
            if lost and not refused:
                effect(False)
            if slow:
                raise timeout()
            raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, name)
        if fate < self.failing + self.killing:
            self.spoil()
            self.spend(CALL)
            if self.random.random() < 0.5:
                effect(False)
            raise Killed
        self.spend(CALL)
        return effect(False)

    def spend(self, seconds: float) -> None:
        self.current.seconds += seconds
        self.together.sleep(seconds)

    def spoil(self) -> None:
        """Whatever is doubled of what this invocation carries has an excuse."""
        self.spoiled |= self.current.carried

    def time(self) -> float:
        return self.together.now - START.timestamp()

    def send_message(self, *, MessageBody: str, DelaySeconds: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        def put(_: bool) -> dict[str, Any]:
            self.queue.append((self.together.now + DelaySeconds, MessageBody))
            return {}

        return self.call("send_message", put)

    # --- Who calls the function ---------------------------------------------------------------

    def sender(self) -> None:
        """One of eight that bring deliveries to the door."""
        while self.pool:
            at, delivery = self.pool.pop()
            if at > self.together.now:
                self.together.sleep(at - self.together.now)
            self.busy += 1
            self.send(delivery)
            self.busy -= 1

    def send(self, delivery: Delivery) -> None:
        if self.circuit_open:
            return
        delivery.attempts += 1
        try:
            answer = self.invoke(event_of(delivery), {f"{delivery.number}"})
        except Killed:
            delivery.killed = True
            answer = {"statusCode": 502}
        if answer["statusCode"] == 200 and self.current.seconds < HANGS_UP:
            delivery.acknowledged = True
            delivery.waited = max(delivery.waited, self.current.seconds)
            self.failures = 0
            self.outcomes[json.loads(answer["body"])["outcome"]] += 1
            return
        self.outcomes["not taken"] += 1
        self.failures += 1
        self.circuit_open |= self.failures >= OPENS_AT
        if delivery.attempts <= RETRIES:
            self.pool.append((self.together.now + 2.0**delivery.attempts, delivery))
            self.pool.sort(key=lambda pair: -pair[0])

    def consumer(self) -> None:
        """The event source mapping: five messages at a time, those that failed again later."""
        while self.pool or self.busy or self.queue:
            due = [each for each in self.queue if each[0] <= self.together.now][:5]
            if not due:
                self.together.sleep(1.0)
                continue
            for each in due:
                self.queue.remove(each)
            self.busy += 1
            self.redrive([body for _, body in due])
            self.busy -= 1

    def redrive(self, bodies: list[str]) -> None:
        records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
        carried = {str(json.loads(body)["resource"]["number"]) for body in bodies}
        try:
            answer = self.invoke({"Records": records}, carried)
            failed = {int(each["itemIdentifier"]) for each in answer["batchItemFailures"]}
        except Killed:
            failed = set(range(len(bodies)))
        again = self.together.now + VISIBILITY
        self.queue += [(again, body) for n, body in enumerate(bodies) if n in failed]

    def invoke(self, event: Mapping[str, Any], carried: set[str]) -> dict[str, Any]:
        self.current.seconds, self.current.carried = 0.0, carried
        return handler(event, LambdaContext(remaining_ms=15_000))

    # --- What came of it ----------------------------------------------------------------------

    def run(self) -> None:
        senders = [self.sender for _ in range(AT_A_TIME)]
        self.together.run([*senders, self.consumer, self.consumer])

    def check(self) -> None:
        events = [json.loads(detail) for detail in self.details]
        published = Counter(str(each["resource"]["number"]) for each in events)
        assert not self.circuit_open
        assert set(published) == {str(each.number) for each in self.deliveries}, "lost"
        doubled = {number for number, times in published.items() if times > 1}
        assert doubled <= self.spoiled, "doubled without a cause"
        by_id = Counter(each["id"] for each in events)
        assert len(by_id) == self.count, "a consumer that drops by `id` has each once"
        slow = [each for each in self.deliveries if each.waited > 2 and not each.killed]
        assert not slow
        assert all(each.acknowledged for each in self.deliveries)
        print(
            f"{self.count} deliveries in {self.time():.0f} s: {dict(self.outcomes)}, doubled on the"
            f" bus {len(doubled)}, longest wait {max(d.waited for d in self.deliveries):.2f} s"
        )


def event_of(delivery: Delivery) -> dict[str, Any]:
    return {
        "pathParameters": {"instance": "default", "topic": delivery.topic},
        "headers": {
            "x-commercelayer-topic": delivery.topic,
            "x-commercelayer-signature": sign(SECRET, delivery.body),
        },
        "requestContext": {"requestId": "r"},
        "body": delivery.body.decode(),
        "isBase64Encoded": False,
    }


def printed(stamp: datetime) -> str:
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond // 1000:03}Z"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[World], World]]:
    """The function works with a world instead of AWS."""

    def put(world: World) -> World:
        services: dict[str, Any] = {
            "dynamodb": Dynamo(world.items, world.call),
            "events": Events(world.details, world.call),
            "sqs": world,
        }
        monkeypatch.setattr(clients, "client", lambda service, _: services[service])
        monkeypatch.setattr("connector.table.time.time", lambda: world.together.now)
        monkeypatch.setattr("connector.event_bus.time.sleep", world.together.sleep)
        now = lambda: datetime.fromtimestamp(world.together.now, UTC)  # noqa: E731
        monkeypatch.setattr("webhooks.handler.now", now)
        return world

    topics = {"orders.place": (SECRET,), "customers.tagged": (SECRET,)}
    monkeypatch.setattr(webhook_secrets, "load", lambda *_, **__: topics)
    monkeypatch.setenv("TABLE", "table")
    settings.cache_clear()
    level = logger.log_level
    logger.setLevel("CRITICAL")
    yield put
    logger.setLevel(level)
    settings.cache_clear()


@pytest.mark.slow
def test_twenty_thousand(install: Callable[[World], World]) -> None:
    world = install(World(count=20_000))
    world.run()
    world.check()
    assert world.outcomes["duplicate"] > 1_000
    assert world.outcomes["not taken"] > 50


def test_the_bus_is_down_for_a_minute(install: Callable[[World], World]) -> None:
    world = install(World(count=5_000, down=(20.0, 80.0)))
    world.run()
    world.check()
    # Each took longer, waiting for the bus, so fewer came while it was down.
    assert world.outcomes["queued"] > 1_000


@pytest.mark.parametrize("seed", range(4))
def test_in_the_worst_of_weather(install: Callable[[World], World], seed: int) -> None:
    world = install(World(count=300, seed=seed, failing=0.3, killing=0.05))
    world.run()
    events = [json.loads(detail) for detail in world.details]
    published = {str(each["resource"]["number"]) for each in events}
    # What is not there was never acknowledged: Commerce Layer gave up after ten retries.
    for each in world.deliveries:
        assert str(each.number) in published or not each.acknowledged


def test_without_faults_nothing_is_doubled(install: Callable[[World], World]) -> None:
    world = install(World(count=500, failing=0, killing=0))
    world.run()
    world.check()
    assert len(world.details) == 500
    assert sum(world.outcomes.values()) == 550
